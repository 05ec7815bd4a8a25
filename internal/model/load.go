package model

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"beanflows.coffee/materia/internal/duck"
)

// loader is one Load: what was read, and what is wrong with it.
type loader struct {
	root   string
	config Config
	errs   *ErrorList
	models []*parsedModel // in order of files
	byName map[string]*parsedModel
	broken map[string]bool // names that files claim which could not be read
	audits map[string]auditFile
	db     *sql.DB
	recall func(bindKey string) (Binding, bool)
}

func load(ctx context.Context, root string, o LoadOptions) (*Project, error) {
	l := &loader{root: root, errs: &ErrorList{}, byName: map[string]*parsedModel{}, broken: map[string]bool{},
		audits: map[string]auditFile{}, recall: o.Bound}
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("model: load %s: no such project directory", root)
	}
	l.config = loadConfig(root, o, l.errs)
	if err := l.readFiles(); err != nil {
		return nil, fmt.Errorf("model: load %s: %w", root, err)
	}
	// External access: landing readers are bound against a file without rows.
	db, err := duck.Open("", duck.Options{Threads: 1, MemoryLimit: "512MB", ExternalAccess: true})
	if err != nil {
		return nil, fmt.Errorf("model: load %s: %w", root, err)
	}
	defer db.Close()
	l.db = db
	calls, err := l.analyse(ctx)
	if err != nil {
		return nil, fmt.Errorf("model: load %s: %w", root, err)
	}
	order := l.sort()
	if err := l.bind(ctx, order); err != nil {
		return nil, fmt.Errorf("model: load %s: %w", root, err)
	}
	if err := l.errs.asError(); err != nil {
		return nil, err
	}
	return l.project(order, calls), nil
}

func (l *loader) project(order []string, calls map[string][]readerCall) *Project {
	p := &Project{Root: l.root, Config: l.config, Models: map[string]*Model{}, Order: order, Audits: map[string]*AuditDef{}}
	for name, a := range l.audits {
		p.Audits[name] = a.def
	}
	for _, name := range order {
		pm := l.byName[name]
		m := pm.m
		m.CodeHash = pm.codeHash(calls[name])
		m.MetaHash = m.metaHash(p.Audits)
		m.parsed = pm
		p.Models[name] = m
	}
	return p
}

// readFiles parses audits and models. The error is about the disk; what is
// wrong inside a file goes to the list.
func (l *loader) readFiles() error {
	err := l.eachFile("audits", func(f *file) {
		for _, a := range parseAudits(f, l.config, l.errs) {
			if other, twice := l.audits[a.def.Name]; twice {
				l.errs.add(f, a.at, "", "audit %s is defined in %s already", a.def.Name, other.def.File)
				continue
			}
			l.audits[a.def.Name] = a
		}
	})
	if err != nil {
		return err
	}
	for _, dir := range []string{"models", "macros"} {
		if err := l.refusePython(dir); err != nil {
			return err
		}
	}
	if _, err := os.Stat(filepath.Join(l.root, "external_models.yaml")); err == nil {
		l.errs.addFile(filepath.Join(l.root, "external_models.yaml"), "read files in a staging model", "external models are not supported")
	}
	defs := map[string]*AuditDef{}
	for name, a := range l.audits {
		defs[name] = a.def
	}
	return l.eachFile("models", func(f *file) {
		p := parseModel(f, l.config, l.errs)
		if p == nil {
			l.broken[claimedName(f)] = true
			return
		}
		if other, twice := l.byName[p.name]; twice {
			l.errs.add(f, p.nameAt, "", "model %s is defined in %s already", p.name, other.f.path)
			return
		}
		l.byName[p.name] = p
		l.models = append(l.models, p)
		if !p.enabled {
			return
		}
		p.resolveAudits(l.config, defs, l.errs)
		before := len(l.errs.Errors)
		if p.kind == Seed {
			p.loadSeed(l.root, l.errs)
		} else if p.query.End > 0 {
			p.expand(l.config.Variables, l.errs)
		}
		p.wrong = len(l.errs.Errors) > before
	})
}

// eachFile calls do for every .sql file under dir in order of path. A
// directory that is not there is empty.
func (l *loader) eachFile(dir string, do func(*file)) error {
	top := filepath.Join(l.root, dir)
	return filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if path == top && os.IsNotExist(err) {
				return nil
			}
			return err
		}
		if d.IsDir() || filepath.Ext(path) != ".sql" {
			return nil
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(l.root, path)
		if err != nil {
			return err
		}
		do(newFile(filepath.ToSlash(rel), path, strings.TrimPrefix(string(raw), "\ufeff")))
		return nil
	})
}

// refusePython reports Python models and macros. SQLMesh's template has an
// empty __init__.py in each directory.
func (l *loader) refusePython(dir string) error {
	top := filepath.Join(l.root, dir)
	return filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if path == top && os.IsNotExist(err) {
				return nil
			}
			return err
		}
		if d.IsDir() || filepath.Ext(path) != ".py" {
			return nil
		}
		if info, err := d.Info(); d.Name() == "__init__.py" && err == nil && info.Size() == 0 {
			return nil
		}
		l.errs.addFile(path, "", "Python models and macros are not supported")
		return nil
	})
}

// claimedName is what a file that cannot be read seems to define, so that its
// readers are not reported as well.
func claimedName(f *file) string {
	tokens := significant(Lex(f.text))
	for i := 0; i+3 < len(tokens); i++ {
		if tokens[i].Is("name") && tokens[i+2].Is(".") {
			a, ok1 := tokens[i+1].name()
			b, ok2 := tokens[i+3].name()
			if ok1 && ok2 {
				return strings.ToLower(a + "." + b)
			}
		}
	}
	dir, base := filepath.Split(f.path)
	return strings.ToLower(filepath.Base(dir) + "." + strings.TrimSuffix(base, ".sql"))
}
