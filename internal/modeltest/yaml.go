package modeltest

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"beanflows.coffee/materia/internal/model"
)

// yamlWriter writes tests as a person lays them out: a row a line while it is
// short, two blanks a level.
type yamlWriter struct{ strings.Builder }

// rowWidth is up to how many characters a row is written in one line.
const rowWidth = 140

func (y *yamlWriter) line(level int, text string) {
	y.WriteString(strings.Repeat("  ", level) + text + "\n")
}

// rows writes "rows:" and a list. NULLs are left out, as in every test.
func (y *yamlWriter) rows(level int, columns []model.Column, rows [][]*string) {
	if len(rows) == 0 {
		y.line(level, "rows: []")
		return
	}
	y.line(level, "rows:")
	for _, row := range rows {
		var cells []string
		for i, v := range row {
			if v != nil {
				cells = append(cells, keyYAML(columns[i].Name)+": "+valueYAML(*v, columns[i].Type))
			}
		}
		if flow := "- {" + strings.Join(cells, ", ") + "}"; len(flow) <= rowWidth || len(cells) == 0 {
			y.line(level+1, flow)
			continue
		}
		for i, c := range cells {
			lead := "  "
			if i == 0 {
				lead = "- "
			}
			y.line(level+1, lead+c)
		}
	}
}

var (
	plainKey  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	plainTime = regexp.MustCompile(`^\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d+)?)?$`)
)

func keyYAML(name string) string {
	if k, _ := model.Scalar(name); plainKey.MatchString(name) && k == model.TextScalar {
		return name
	}
	return quoteYAML(name)
}

// valueYAML writes a value that DuckDB printed so that it is read as what it
// is: a text in quotes, however much it looks like a number.
func valueYAML(v, typ string) string {
	finite := !strings.ContainsAny(strings.TrimLeft(v, "-"), "in") // inf, nan
	switch {
	case isNumeric(typ) && finite, typ == "BOOLEAN", isNested(typ):
		return v
	case (typ == "DATE" || strings.HasPrefix(typ, "TIMESTAMP")) && plainTime.MatchString(v):
		return v
	}
	return quoteYAML(v)
}

// quoteYAML writes a text in single quotes, or in double ones if it holds what
// single ones cannot.
func quoteYAML(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == '\u0085' || r == '\u2028' || r == '\u2029' || r == '\ufeff'
	}) {
		return strconv.QuoteToASCII(s)
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
