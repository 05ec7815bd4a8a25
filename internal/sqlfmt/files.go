package sqlfmt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"beanflows.coffee/materia/internal/duck"
)

// Result is one file. Reason says why it was left alone; empty if it was not.
type Result struct {
	File    string `json:"file"`
	Changed bool   `json:"changed"` // it is not formatted, or was not until now
	Reason  string `json:"reason,omitempty"`
}

// Files lists the SQL files of the project at root: models and audits.
func Files(root string) ([]string, error) {
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("sqlfmt: %s: no such project directory", root)
	}
	var files []string
	for _, dir := range []string{"audits", "models"} {
		top := filepath.Join(root, dir)
		err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				if path == top && errors.Is(err, fs.ErrNotExist) {
					return nil
				}
				return err
			}
			if !d.IsDir() && filepath.Ext(path) == ".sql" {
				files = append(files, path)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("sqlfmt: %w", err)
		}
	}
	return files, nil
}

// Run formats files, or with check says which are not formatted and writes
// nothing. A file that is left alone is a Result; the error is about the disk
// or the database, and files before it are done.
func Run(ctx context.Context, files []string, check bool) ([]Result, error) {
	db, err := duck.Open("", duck.Options{Threads: 1, MemoryLimit: "512MB"})
	if err != nil {
		return nil, fmt.Errorf("sqlfmt: %w", err)
	}
	defer db.Close()
	all := []Result{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return all, fmt.Errorf("sqlfmt: %w", err)
		}
		formatted, reason, err := Format(ctx, db, strings.TrimPrefix(string(raw), "\ufeff"))
		if err != nil {
			return all, fmt.Errorf("sqlfmt: %s: %w", file, err)
		}
		r := Result{File: file, Reason: reason, Changed: reason == "" && formatted != string(raw)}
		if r.Changed && !check {
			if err := replace(file, formatted); err != nil {
				return all, fmt.Errorf("sqlfmt: %w", err)
			}
		}
		all = append(all, r)
	}
	return all, nil
}

// replace writes the file whole or not at all. A crash before the rename
// leaves the old file and a temporary beside it, named like it, which the next
// format of the file replaces.
func replace(file, text string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if file, err = filepath.EvalSymlinks(file); err != nil {
		return err
	}
	tmp := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".formatted")
	err = os.WriteFile(tmp, []byte(text), info.Mode().Perm())
	if err == nil {
		err = os.Rename(tmp, file)
	}
	if err != nil {
		_ = os.Remove(tmp)
	}
	return err
}
