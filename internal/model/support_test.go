package model

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iter"

	"github.com/rogpeppe/go-internal/txtar"
)

func lines(s string) iter.Seq[string] { return strings.SplitSeq(s, "\n") }

// project unpacks a txtar text into a directory. Without a config.yaml in it a
// plain one is added.
func project(tb testing.TB, archive string) string {
	tb.Helper()
	root := tb.TempDir()
	a := txtar.Parse([]byte(archive))
	if len(a.Files) == 0 {
		tb.Fatal("no files in the archive")
	}
	config := false
	for _, f := range a.Files {
		config = config || f.Name == "config.yaml"
		path := filepath.Join(root, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	if !config {
		if err := os.WriteFile(filepath.Join(root, "config.yaml"), []byte("model_defaults: {dialect: duckdb}\nvariables: {landing_dir: data, floor: 10}\n"), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	return root
}

func mustLoad(tb testing.TB, archive string) *Project {
	tb.Helper()
	p, err := Load(context.Background(), project(tb, archive), LoadOptions{User: "ana", Getenv: func(string) string { return "" }})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// loadErrors gives "file:line:col: message" of every error, in order.
func loadErrors(tb testing.TB, archive string) []string {
	tb.Helper()
	root := project(tb, archive)
	_, err := Load(context.Background(), root, LoadOptions{User: "ana", Getenv: func(string) string { return "" }})
	if err == nil {
		return nil
	}
	var list *ErrorList
	if !errors.As(err, &list) {
		tb.Fatalf("not a list of errors: %v", err)
	}
	var all []string
	for _, e := range list.Errors {
		first, _, _ := strings.Cut(e.Error(), "\n")
		all = append(all, strings.ReplaceAll(strings.TrimPrefix(first, root+string(filepath.Separator)), root, "ROOT"))
	}
	return all
}
