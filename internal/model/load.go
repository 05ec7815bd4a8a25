package model

import (
	"context"
	"errors"
)

func load(ctx context.Context, root string, o LoadOptions) (*Project, error) {
	return nil, errors.New("model: loading is not complete yet")
}

// Render gives the executable SELECT: every mention of a model replaced by
// table(model), which is SQL text ("schema"."name"), with the alias that keeps
// the query's meaning, and every landing reader's first argument replaced by
// the list files(glob) returns.
func (m *Model) Render(table func(dep string) string, files func(glob string) []string) (string, error) {
	return "", errors.New("model: rendering is not complete yet")
}

// AuditSQL is the SELECT of the rows that fail the audit on table, which is
// SQL text ("schema"."name").
func (m *Model) AuditSQL(p *Project, call AuditCall, table string) (string, error) {
	return "", errors.New("model: audits are not complete yet")
}

type auditDecl struct{}
type seedDecl struct{}
type expanded struct{}

func parseAuditCalls(f *file, x prop, errs *ErrorList) []auditDecl          { return nil }
func parseSeed(f *file, kind prop, props []prop, errs *ErrorList) *seedDecl { return nil }
