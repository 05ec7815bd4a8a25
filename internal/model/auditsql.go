package model

import (
	"fmt"
	"maps"
	"strings"
)

// AuditSQL is the SELECT of the rows of table that fail the audit. table is
// SQL text ("schema"."name"). p gives the definitions of SQL audits.
//
// The built-in audits select what SQLMesh's select: the same rows, with all
// their columns where SQLMesh shows helper columns only.
func (m *Model) AuditSQL(p *Project, call AuditCall, table string) (string, error) {
	if def := p.Audits[call.Name]; def != nil {
		x, err := def.expand(call.Args, table)
		if err != nil {
			return "", fmt.Errorf("model: audit %s of %s: %w", call.Name, m.Name, err)
		}
		return x.text, nil
	}
	sql, ok := builtinSQL(call, table)
	if !ok {
		return "", fmt.Errorf("model: audit %s of %s: unknown audit", call.Name, m.Name)
	}
	return sql, nil
}

func builtinSQL(call AuditCall, table string) (string, bool) {
	condition := "TRUE"
	if c := call.Args["condition"]; c != "" {
		condition = "(" + c + ")"
	}
	columns := listItems(call.Args["columns"])
	column := strings.Join(listItems(call.Args["column"]), ", ")
	where := func(failing string) (string, bool) {
		return fmt.Sprintf("SELECT * FROM %s WHERE (%s) AND %s", table, failing, condition), true
	}
	switch call.Name {
	case "not_null":
		return where(each(columns, "%s IS NULL"))
	case "unique_values":
		return fmt.Sprintf("SELECT * FROM %s WHERE %s QUALIFY %s", table, condition, each(columns, "row_number() OVER (PARTITION BY %[1]s ORDER BY %[1]s) > 1")), true
	case "unique_combination_of_columns":
		list := strings.Join(columns, ", ")
		return fmt.Sprintf("SELECT %s FROM %s WHERE %s GROUP BY %s HAVING count(*) > 1", list, table, condition, list), true
	case "accepted_values":
		return where(fmt.Sprintf("%s NOT IN (%s)", column, strings.Join(listItems(call.Args["is_in"]), ", ")))
	case "not_accepted_values":
		return where(fmt.Sprintf("%s IN (%s)", column, strings.Join(listItems(call.Args["is_in"]), ", ")))
	case "accepted_range":
		return where(outOfRange(call, column))
	case "not_empty_string":
		return where(column + " = ''")
	case "at_least_one":
		return fmt.Sprintf("SELECT 1 FROM %s WHERE %s GROUP BY 1 HAVING count(%s) = 0", table, condition, column), true
	case "not_constant":
		return fmt.Sprintf("SELECT 1 FROM (SELECT count(DISTINCT %s) AS n FROM %s WHERE %s) AS r WHERE r.n <= 1", column, table, condition), true
	case "number_of_rows":
		n := call.Args["threshold"]
		return fmt.Sprintf("SELECT count(*) AS rows FROM (SELECT 1 FROM %s WHERE %s LIMIT %s + 1) HAVING count(*) <= %s", table, condition, n, n), true
	case "forall":
		return where(each(listItems(call.Args["criteria"]), "NOT (%s)"))
	}
	return "", false
}

// each repeats a condition for every item: one failing item fails the row.
func each(items []string, format string) string {
	all := make([]string, len(items))
	for i, item := range items {
		all[i] = fmt.Sprintf(format, item)
	}
	return strings.Join(all, " OR ")
}

func outOfRange(call AuditCall, column string) string {
	below, above := "<", ">"
	if strings.EqualFold(call.Args["inclusive"], "false") {
		below, above = "<=", ">="
	}
	var bad []string
	if v := call.Args["min_v"]; v != "" {
		bad = append(bad, fmt.Sprintf("%s %s (%s)", column, below, v))
	}
	if v := call.Args["max_v"]; v != "" {
		bad = append(bad, fmt.Sprintf("%s %s (%s)", column, above, v))
	}
	if len(bad) == 0 {
		return "FALSE"
	}
	return strings.Join(bad, " OR ")
}

// listItems cuts (a, b) or a into its items' texts.
func listItems(sql string) []string {
	inner, _ := unwrap(significant(Lex(sql)))
	var all []string
	for _, part := range splitTop(inner) {
		if len(part) > 0 {
			all = append(all, sql[part[0].Start:part[len(part)-1].End()])
		}
	}
	return all
}

// expand puts arguments and the table into an audit's SQL.
func (d *AuditDef) expand(args map[string]string, table string) (*expanded, error) {
	f := newFile(d.File, d.File, d.SQL)
	errs := &ErrorList{}
	x := expand(f, Span{0, len(d.SQL)}, d.scope(args, table), errs)
	return x, errs.asError()
}

func (d *AuditDef) scope(args map[string]string, table string) scope {
	vars := map[string]string{}
	maps.Copy(vars, d.Variables)
	maps.Copy(vars, d.Defaults)
	maps.Copy(vars, args)
	vars["this_model"] = table
	return scope{vars: vars}
}

// auditFile is a parsed AUDIT and where its query stands.
type auditFile struct {
	f     *file
	def   *AuditDef
	query Span
	at    Span // of the name
}

// parseAudits reads AUDIT (name ...); SELECT ...; any number of times.
func parseAudits(f *file, c Config, errs *ErrorList) []auditFile {
	all, ok := split(f, errs)
	if !ok {
		return nil
	}
	var found []auditFile
	for len(all) > 0 {
		head := all[0].tokens
		inner, wrapped := unwrap(head[1:])
		if !head[0].Is("AUDIT") || !wrapped {
			errs.add(f, head[0].Span(), "AUDIT (name n); SELECT ... FROM @this_model ...", "expected AUDIT (...)")
			return found
		}
		a := auditFile{f: f, def: &AuditDef{File: f.path, Blocking: true, Defaults: map[string]string{}}, at: head[0].Span()}
		a.header(inner, errs)
		if len(all) < 2 || all[1].tokens[0].Is("AUDIT") {
			errs.add(f, head[0].Span(), "write a SELECT of the failing rows after the header", "audit %s has no query", a.def.Name)
			all = all[1:]
			continue
		}
		a.query = all[1].at
		a.def.SQL, a.def.Variables = f.text[a.query.Start:a.query.End], variablesIn(f, a.query, c)
		if a.def.Name == "" {
			errs.add(f, head[0].Span(), "name my_audit", "the audit has no name")
		} else {
			found = append(found, a)
		}
		all = all[2:]
	}
	return found
}

// variablesIn are the project's variables that a range of the file mentions.
func variablesIn(f *file, at Span, c Config) map[string]string {
	used := map[string]string{}
	for _, t := range Lex(f.text[at.Start:at.End]) {
		name := strings.TrimPrefix(t.Text, "@")
		if s, ok := t.str(); ok {
			name = s // perhaps of @VAR('name'); one too many does no harm
		} else if t.Kind != Macro {
			continue
		}
		if sql, ok := c.Variables[strings.ToLower(name)]; ok {
			used[strings.ToLower(name)] = sql
		}
	}
	return used
}

func (a *auditFile) header(inner []Token, errs *ErrorList) {
	for _, x := range headerProps(a.f, inner, []string{"name", "dialect", "blocking", "defaults", "skip", "standalone", "formatting"}, errs) {
		switch x.key {
		case "name":
			a.def.Name, a.at = strings.ToLower(x.text(a.f, errs)), x.span()
		case "dialect":
			if d := x.text(a.f, errs); d != "" && !strings.EqualFold(d, "duckdb") {
				errs.add(a.f, x.span(), "", "dialect %s is not supported, only duckdb", d)
			}
		case "blocking":
			a.def.Blocking = x.boolean(a.f, errs)
		case "skip", "standalone":
			if x.boolean(a.f, errs) {
				errs.add(a.f, x.at, "", "%s audits are not supported", x.key)
			}
		case "defaults":
			items, _ := unwrap(x.value)
			for _, part := range splitTop(items) {
				if len(part) == 0 {
					continue
				}
				at := Span{part[0].Start, part[len(part)-1].End()}
				name := argName(part)
				if name == "" {
					errs.add(a.f, at, "defaults (name = value)", "cannot read this default")
					continue
				}
				a.def.Defaults[name] = plainText(a.f, Span{part[2].Start, at.End})
			}
		}
	}
}

// check makes sure that the audit reads nothing but @this_model: its other
// tables would not be those of the environment it runs in.
func (a *auditFile) check(tree *node, q *queryText, table string, errs *ErrorList) {
	f := mentions(tree)
	for _, t := range f.tables {
		i := tokenAt(q.tokens, t.at)
		if i < 0 {
			continue
		}
		if at := q.nameSpan(i); q.x.text[at.Start:at.End] != table {
			errs.add(a.f, q.origin(at), "read @this_model only", "audit %s reads another table, %s", a.def.Name, q.x.text[at.Start:at.End])
		}
	}
	for _, fn := range f.functions {
		if fn.at >= 0 && !contains(pureFunctions, fn.name) {
			errs.add(a.f, q.origin(q.tokenSpan(fn.at)), "", "audit %s calls %s", a.def.Name, fn.name)
		}
	}
}
