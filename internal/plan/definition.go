package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pmezard/go-difflib/difflib"

	"beanflows.coffee/materia/internal/model"
)

// unifiedDiff shows what a person would have edited.
func unifiedDiff(before, now *model.Model) string {
	text, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
		A: difflib.SplitLines(definitionText(before)), FromFile: before.File + " (recorded)",
		B: difflib.SplitLines(definitionText(now)), ToFile: now.File,
		Context: 2,
	})
	if err != nil {
		return fmt.Sprintf("(no diff: %v)\n", err) // writing into memory does not fail
	}
	return text
}

// definitionText is a model with its header in one fixed layout. It stands in
// for the file, which is not recorded: blanks and comments in headers count
// for nothing.
func definitionText(m *model.Model) string {
	var b strings.Builder
	b.WriteString("MODEL (\n")
	fmt.Fprintf(&b, "  name %s,\n  kind %s,\n", m.Name, m.Kind)
	for _, p := range []struct{ key, value string }{{"cron", m.Cron}, {"start", m.Start}, {"owner", m.Owner}, {"description", m.Description}} {
		if p.value != "" {
			fmt.Fprintf(&b, "  %s '%s',\n", p.key, strings.ReplaceAll(p.value, "'", "''"))
		}
	}
	writeList(&b, "grain", m.Grain)
	writeList(&b, "tags", m.Tags)
	if m.Contract {
		b.WriteString("  columns (\n")
		for _, c := range m.Columns {
			fmt.Fprintf(&b, "    %s %s,\n", c.Name, c.Type)
		}
		b.WriteString("  ),\n")
	}
	for _, c := range m.Columns {
		if c.Description != "" {
			fmt.Fprintf(&b, "  column_description %s = '%s',\n", c.Name, strings.ReplaceAll(c.Description, "'", "''"))
		}
	}
	for _, a := range m.Audits {
		fmt.Fprintf(&b, "  audit %s,\n", auditLabel(a)+blockingNote(a.Blocking))
	}
	if m.Kind == model.Seed {
		fmt.Fprintf(&b, "  content sha256 %s,\n", m.SeedSHA256)
	}
	b.WriteString(")\n\n")
	if sql := strings.TrimSpace(m.SQL); sql != "" {
		b.WriteString(sql + "\n")
	}
	return b.String()
}

func writeList(b *strings.Builder, key string, items []string) {
	if len(items) > 0 {
		fmt.Fprintf(b, "  %s (%s),\n", key, strings.Join(items, ", "))
	}
}

// auditLabel is the call as a person writes it, arguments sorted by name.
func auditLabel(a model.AuditCall) string {
	if len(a.Args) == 0 {
		return a.Name
	}
	var args []string
	for _, name := range slices.Sorted(maps.Keys(a.Args)) {
		args = append(args, name+" := "+strings.Join(strings.Fields(a.Args[name]), " "))
	}
	return a.Name + "(" + strings.Join(args, ", ") + ")"
}

func blockingNote(blocking bool) string {
	if blocking {
		return ""
	}
	return " (warns only)"
}
