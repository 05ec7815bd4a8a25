package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"beanflows.coffee/materia/internal/model"
)

// Compute compares a project and its inputs with a recorded environment. It is
// pure: the same arguments give the same plan, and nothing is read or written.
func Compute(project *model.Project, in Inputs, recorded Recorded) (*Plan, error) {
	return compute(KindPlan, project, in, recorded)
}

// ComputeRun is Compute with the environment's own recorded code: only inputs
// can differ. ErrNoEnvironment if it was never planned.
func ComputeRun(in Inputs, recorded Recorded) (*Plan, error) {
	if recorded.PlanID == "" {
		return nil, fmt.Errorf("%w %s", ErrNoEnvironment, recorded.Env)
	}
	return compute(KindRun, recordedProject(recorded, in.Root), in, recorded)
}

// recordedProject rebuilds the project that an environment was planned from.
// Readers follow the landing zone if it was moved.
func recordedProject(recorded Recorded, root string) *model.Project {
	p := &model.Project{Models: map[string]*model.Model{}, Audits: map[string]*model.AuditDef{}}
	for _, r := range recorded.Models {
		m := *r.Model
		m.CodeHash, m.MetaHash, m.Readers = r.CodeHash, r.MetaHash, slices.Clone(m.Readers)
		for i := range m.Readers {
			if rel, inside := relative(recorded.LandingRoot, m.Readers[i].Glob); inside {
				m.Readers[i].Glob = strings.TrimSuffix(root, "/") + "/" + rel
			}
		}
		p.Models[m.Name] = &m
		p.Order = append(p.Order, m.Name)
		maps.Copy(p.Audits, r.Audits)
	}
	return p
}

func compute(kind string, project *model.Project, in Inputs, recorded Recorded) (*Plan, error) {
	if err := ValidateEnv(recorded.Env); err != nil {
		return nil, err
	}
	files, err := in.list()
	if err != nil {
		return nil, err
	}
	p := &Plan{Env: recorded.Env, Kind: kind, BasePlanID: recorded.PlanID, CreatedFrom: recorded.BasedOn,
		landingRoot: files.root, project: project,
		Added: []string{}, Removed: []string{}, DirectlyModified: []Modified{}, IndirectlyModified: []Indirect{},
		MetadataUpdated: []Metadata{}, NewData: []NewData{}, Builds: []Build{}, Reused: []Reused{}, Models: []Assignment{}}
	old := map[string]RecordedModel{}
	for _, r := range recorded.Models {
		old[r.Model.Name] = r
	}
	if in.Start, in.End = in.Start.UTC(), in.End.UTC(); recorded.Env == Prod && (!in.Start.IsZero() || !in.End.IsZero()) {
		return nil, errors.New("plan: prod has no start or end of its own: its incremental models run from their start until now; plan a development environment for a part")
	}
	if err := p.target(files, in, recorded, old); err != nil {
		return nil, err
	}
	if err := p.refuseLostFiles(old); err != nil {
		return nil, err
	}
	oldCode, oldAncestry := map[string]string{}, map[string]string{}
	if kind == KindRun { // the project is what was recorded
		for _, t := range p.targets {
			oldCode[t.model.Name], oldAncestry[t.model.Name] = t.codeVersion, t.ancestry
		}
	} else {
		oldCode, oldAncestry = recordedCodes(recorded.Models)
	}
	d := diff{plan: p, old: old, versions: map[string]string{}, oldCode: oldCode, oldAncestry: oldAncestry, built: recorded.Built, impact: map[string]Category{}, dirty: map[string]bool{}}
	for _, t := range p.targets {
		d.versions[t.model.Name] = t.version
		d.model(t)
	}
	for _, r := range recorded.Models {
		if project.Models[r.Model.Name] == nil {
			p.Removed = append(p.Removed, r.Model.Name)
		}
	}
	slices.Sort(p.Removed)
	p.changes = recorded.PlanID == "" || d.assigned || len(p.Builds)+len(p.Removed) > 0
	p.ID = p.identity()
	p.Headline = p.headline()
	return p, nil
}

// target gives every model the version it should have. A table is named by its
// content; a view names the tables it is made of, since it goes with them.
func (p *Plan) target(files inputList, in Inputs, recorded Recorded, old map[string]RecordedModel) error {
	targets := map[string]*target{}
	readers, matched := 0, 0
	for _, name := range p.project.Order {
		m := p.project.Models[name]
		if err := validateSchema(m.Name, m.Schema); err != nil {
			return err
		}
		t := &target{model: m, byGlob: map[string][]InputFile{}}
		if err := t.freeze(files); err != nil {
			return err
		}
		readers, matched = readers+len(m.Readers), matched+len(t.files)
		if m.RowWise {
			t.ledger = ledgerID(m)
		}
		if m.Incremental() {
			s, err := p.spanOf(m, in, recorded, old[m.Name])
			if err != nil {
				return fmt.Errorf("plan: model %s (%s): %w", m.Name, m.File, err)
			}
			t.span, t.ledger = s, ledgerID(m)
		}
		targets[name] = t
		p.targets = append(p.targets, t)
	}
	if readers > 0 && matched == 0 {
		return ErrNoLanding
	}
	parts := parts{}
	all := newContents(p.project.Models, parts, func(m *model.Model) ([]InputFile, map[string]string) {
		t := targets[m.Name]
		if !m.Incremental() {
			return t.files, nil
		}
		return t.files, map[string]string{"from": t.span.Start.Format(time.RFC3339), "to": t.span.End.Format(time.RFC3339)} // no model is named so
	})
	code, ancestry := codes(p.project.Models, p.project.Order, parts, false), codes(p.project.Models, p.project.Order, parts, true)
	for _, t := range p.targets {
		m := t.model
		t.codeVersion, t.ancestry = code[m.Name], ancestry[m.Name]
		t.version = all.of(m.Name, nil)
		if m.Kind == model.View || m.Kind == model.Embedded {
			parents := map[string]string{}
			for _, d := range m.DependsOn {
				parents[d] = targets[d].version
			}
			t.version = version(m.Name, m.CodeHash, parents, t.files)
		}
		p.Models = append(p.Models, Assignment{Model: m.Name, Version: t.version, MetaHash: m.MetaHash})
	}
	return nil
}

// freeze takes the files that the model's readers match.
func (t *target) freeze(files inputList) error {
	m := t.model
	for _, r := range m.Readers {
		found, err := files.match(r.Glob)
		if err != nil {
			return fmt.Errorf("plan: model %s (%s): %w", m.Name, m.File, err)
		}
		if len(found) == 0 && m.Kind == model.View {
			return fmt.Errorf("plan: model %s (%s): a VIEW that reads landing files needs at least one, and %s matches none; make it FULL", m.Name, m.File, r.Glob)
		}
		t.byGlob[r.Glob] = found
		t.files = append(t.files, found...)
	}
	if len(m.Readers) > 1 { // each reader's list is sorted by itself
		slices.SortFunc(t.files, compareInputs)
		t.files = slices.Compact(t.files)
	}
	return nil
}

// refuseLostFiles stops before a landing zone that lost a source empties its
// tables: the files of a reader may change, but not vanish altogether.
func (p *Plan) refuseLostFiles(old map[string]RecordedModel) error {
	for _, t := range p.targets {
		r, known := old[t.model.Name]
		if !known || r.CodeHash != t.model.CodeHash || len(t.files) > 0 {
			continue
		}
		if files := r.inputs(); len(files) > 0 {
			return fmt.Errorf("plan: model %s (%s): its %d landing files are gone, for example %s; restore the landing zone, or change the model if this is meant",
				t.model.Name, t.model.File, len(files), files[0].Path)
		}
	}
	return nil
}

// diff sorts models into what the plan says of them.
type diff struct {
	plan                 *Plan
	old                  map[string]RecordedModel
	oldCode, oldAncestry map[string]string
	versions             map[string]string // of the targets so far
	built                map[string]bool
	impact               map[string]Category // of models whose code or whose ancestors' code changed
	dirty                map[string]bool     // models whose version is not the recorded one
	assigned             bool                // some model shows another version or other metadata than recorded
}

func (d *diff) model(t *target) {
	m, p := t.model, d.plan
	r, known := d.old[m.Name]
	var reasons []string
	switch {
	case !known:
		p.Added = append(p.Added, m.Name)
		d.impact[m.Name] = Breaking
		reasons = append(reasons, "new model")
	case r.CodeHash != m.CodeHash:
		category := categorise(r.Model, m)
		p.DirectlyModified = append(p.DirectlyModified, Modified{m.Name, category, unifiedDiff(r.Model, m)})
		d.impact[m.Name] = category
		reasons = append(reasons, "code changed")
	case d.oldCode[m.Name] != t.codeVersion:
		because, category := d.changedParents(m)
		p.IndirectlyModified = append(p.IndirectlyModified, Indirect{m.Name, category, because})
		d.impact[m.Name] = category
		reasons = append(reasons, "code changed in "+strings.Join(because, ", "))
	case d.oldAncestry[m.Name] != t.ancestry: // not in what it reads
		because, _ := d.changedParents(m)
		p.IndirectlyModified = append(p.IndirectlyModified, Indirect{m.Name, IndirectNonBreaking, because})
		d.impact[m.Name] = IndirectNonBreaking
	}
	codeReason := len(reasons) > 0
	if known && r.CodeHash == m.CodeHash && r.MetaHash != m.MetaHash {
		p.MetadataUpdated = append(p.MetadataUpdated, Metadata{m.Name, unifiedDiff(r.Model, m)})
	}
	if known && r.Version != t.version { // equal versions read equal files
		n, fresh := compareFiles(m.Name, r.inputs(), t.files)
		if n.New+n.Gone > 0 {
			p.NewData = append(p.NewData, n)
			reasons = append(reasons, n.String())
		}
		switch {
		case t.ledger == "" || r.CodeHash != m.CodeHash || ledgerID(r.Model) != t.ledger:
		case m.Incremental():
			reasons = append(reasons, d.intervals(t, r, n.New+n.Gone > 0)...)
			p.elapsed = p.elapsed || t.span != span{r.From, r.To}
		case n.Gone == 0 && n.New == len(fresh):
			t.base, t.fresh = r.Version, fresh
		}
	}
	d.dirty[m.Name] = !known || r.Version != t.version
	if !known || r.Version != t.version || r.MetaHash != m.MetaHash {
		d.assigned = true
	}
	if because := d.dirtyParents(m); d.dirty[m.Name] && !codeReason && len(because) > 0 {
		what := "new data in "
		if d.impact[m.Name] != "" {
			what = "another version of "
		}
		reasons = append(reasons, what+strings.Join(because, ", "))
	}
	switch {
	case m.Kind == model.Embedded: // built where it is read
	case !d.built[t.version]:
		if len(reasons) == 0 {
			reasons = append(reasons, "its table is missing")
		}
		p.Builds = append(p.Builds, Build{m.Name, string(m.Kind), t.work(), strings.Join(reasons, "; "), t.version})
	case d.dirty[m.Name]:
		p.Reused = append(p.Reused, Reused{m.Name, t.version})
	}
}

// recordedCodes are codes of a recorded environment, hashed as they were then.
func recordedCodes(recorded []RecordedModel) (code, ancestry map[string]string) {
	models, order := map[string]*model.Model{}, []string{}
	for _, r := range recorded {
		m := *r.Model
		m.CodeHash = r.CodeHash
		models[m.Name], order = &m, append(order, m.Name)
	}
	parts := parts{}
	return codes(models, order, parts, false), codes(models, order, parts, true)
}

func (d *diff) changedParents(m *model.Model) ([]string, Category) {
	because, category := []string{}, IndirectNonBreaking
	for _, parent := range m.DependsOn {
		switch c := d.impact[parent]; c {
		case "":
			continue
		case Breaking, IndirectBreaking:
			category = IndirectBreaking
		}
		because = append(because, parent)
	}
	if len(because) == 0 { // its list of parents changed, and nothing else did
		return []string{m.Name}, IndirectBreaking
	}
	return because, category
}

func (d *diff) dirtyParents(m *model.Model) []string {
	var dirty []string
	for _, parent := range m.DependsOn {
		if d.dirty[parent] {
			dirty = append(dirty, parent)
		}
	}
	return dirty
}

// compareFiles merges two lists sorted by path. A path with other content is
// new, and the old content is gone, though only the new one is counted.
func compareFiles(name string, before, now []InputFile) (n NewData, fresh []InputFile) {
	n.Model, n.Files = name, len(now)
	replaced := 0
	for len(before)+len(now) > 0 {
		switch {
		case len(now) == 0 || len(before) > 0 && before[0].Path < now[0].Path:
			n.Gone++
			before = before[1:]
		case len(before) == 0 || now[0].Path < before[0].Path:
			fresh = append(fresh, now[0])
			now = now[1:]
		default:
			if before[0].SHA256 != now[0].SHA256 {
				replaced++
			}
			before, now = before[1:], now[1:]
		}
	}
	n.New = len(fresh) + replaced
	return n, fresh
}

// intervals sets what an incremental model is filled from, and says which of
// its intervals are over since.
func (d *diff) intervals(t *target, r RecordedModel, otherFiles bool) (reasons []string) {
	if r.To.IsZero() {
		return nil
	}
	t.covered = span{r.From, r.To}
	t.base = r.Version
	if r.To.Before(t.span.End) {
		reasons = append(reasons, "elapsed: "+span{r.To, t.span.End}.String())
	}
	if t.span.Start.Before(r.From) {
		reasons = append(reasons, "an earlier start: "+span{t.span.Start, r.From}.String())
	}
	for _, parent := range t.model.DependsOn {
		p, known := d.old[parent]
		if known && p.Version == d.versions[parent] {
			continue
		}
		now := d.plan.project.Models[parent]
		if !known || t.model.TimeBound[parent] == "" || p.Model.Kind == model.Embedded || now.Kind == model.Embedded {
			t.refill()
			continue
		}
		c := changedParent{model: parent, column: t.model.TimeBound[parent], before: p.Version, now: d.versions[parent]}
		for _, x := range now.Columns {
			if t.model.ReadsColumn(parent, x.Name) && slices.ContainsFunc(p.Model.Columns, func(y model.Column) bool { return strings.EqualFold(x.Name, y.Name) }) {
				c.columns = append(c.columns, x.Name)
			}
		}
		t.changed = append(t.changed, c)
	}
	if otherFiles {
		t.refill()
	}
	return reasons
}

// refill drops what stands: the change may be anywhere. Rows merged by key
// stay, as in SQLMesh, but every interval is evaluated again.
func (t *target) refill() {
	t.covered = span{}
	if t.model.Kind != model.IncrementalByUniqueKey {
		t.base = ""
	}
	t.again = true
}

// work is what building the target takes, in a few words.
func (t *target) work() string {
	switch {
	case t.model.Kind == model.View:
		return "recreate view"
	case t.model.Kind == model.Seed:
		return "load seed"
	case t.model.Incremental() && t.again:
		return "evaluate " + t.span.String()
	case t.model.Incremental():
		var parts []string
		for _, s := range subtract(t.span, []span{t.covered}) {
			parts = append(parts, s.String())
		}
		if len(t.changed) > 0 {
			parts = append(parts, "what new data touches")
		}
		if len(parts) == 0 {
			return "show " + t.span.String()
		}
		return "evaluate " + strings.Join(parts, ", ")
	case t.base != "":
		return "read " + count(len(t.fresh), "new file")
	case t.ledger != "":
		return "read " + count(len(t.files), "file")
	}
	return "full refresh"
}

// identity hashes what the plan leads to and from where.
func (p *Plan) identity() string {
	text, err := json.Marshal([]any{p.Env, p.Kind, p.BasePlanID, p.Models})
	if err != nil {
		panic(err) // strings only
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])[:physicalDigits]
}
