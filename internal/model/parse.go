package model

import (
	"regexp"
	"strings"
)

// parsedModel is what one file says, before anything is known of the others.
type parsedModel struct {
	f         *file
	name      string
	nameAt    Span
	kind      Kind
	kindAt    Span
	timeAt    Span // of time_column
	keyAt     Span // of unique_key
	enabled   bool
	m         *Model       // filled from the header
	columns   []columnDecl // the contract, nil without one
	columnsAt Span
	audits    []auditDecl
	dependsOn []dependDecl
	seed      *seedDecl
	defs      [][]Token // @DEF statements before the query
	query     Span      // in the file; empty for a seed
	expanded  *expanded
	wholes    map[string]bool // models it reads with all their columns
	wrong     bool            // something in the query or the seed is reported already: do not ask DuckDB as well
}

type columnDecl struct {
	name, typ  string
	at, typeAt Span
}

type dependDecl struct {
	name string
	at   Span
}

var (
	modelKeys = strings.Fields(`name kind cron start owner description grain grains columns audits tags depends_on dialect enabled
		column_descriptions partitioned_by clustered_by storage_format table_format physical_properties virtual_properties
		session_properties references stamp formatting optimize_query interval_unit cron_tz allow_partials ignored_rules retention`)
	unsupportedKinds = strings.Fields(`INCREMENTAL_BY_PARTITION INCREMENTAL_UNMANAGED SCD_TYPE_2 SCD_TYPE_2_BY_TIME SCD_TYPE_2_BY_COLUMN MANAGED CUSTOM EXTERNAL`)
)

const (
	cronHint = "five fields ('0 6 * * *'), or '@hourly', '@daily', '@weekly', '@monthly', '@yearly'"
	jinja    = "Jinja and Python models are not supported: write SQL, and @name for a variable"
)

var (
	cronWords  = []string{"@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"}
	cronFields = regexp.MustCompile(`^(\S+\s+){4}\S+$`)
	cronField  = regexp.MustCompile(`^[0-9A-Za-z*/,\-?L#]+$`)
	startForm  = regexp.MustCompile(`^\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:?\d\d)?)?$`)
)

func validCron(s string) bool {
	if contains(cronWords, strings.ToLower(s)) {
		return true
	}
	if !cronFields.MatchString(s) {
		return false
	}
	for _, field := range strings.Fields(s) {
		if !cronField.MatchString(field) {
			return false
		}
	}
	return true
}

func validStart(s string) bool { return startForm.MatchString(s) }

// parseModel reads a model file. nil if so little of it is understood that no
// later check makes sense; the reason is in errs.
func parseModel(f *file, c Config, errs *ErrorList) *parsedModel {
	all, ok := split(f, errs)
	if !ok {
		return nil
	}
	if len(all) == 0 {
		errs.add(f, Span{}, "begin with MODEL (name schema.table, kind FULL);", "the file is empty")
		return nil
	}
	head := all[0].tokens
	if !head[0].Is("MODEL") || len(head) < 3 || !head[1].Is("(") {
		errs.add(f, head[0].Span(), "begin with MODEL (name schema.table, kind FULL);", "expected MODEL (...)")
		return nil
	}
	inner, ok := unwrap(head[1:])
	if !ok {
		errs.add(f, head[len(head)-1].Span(), "end the header with );", "the MODEL header goes on after its closing parenthesis")
		return nil
	}
	p := &parsedModel{f: f, kind: View, enabled: true, m: &Model{File: f.path, Start: c.Start, Cron: c.Cron, Owner: c.Owner}}
	if p.m.Cron == "" {
		p.m.Cron = "@daily" // SQLMesh's default
	}
	for _, x := range headerProps(f, inner, modelKeys, errs) {
		p.set(x, errs)
	}
	if p.name == "" {
		if p.nameAt == (Span{}) {
			errs.add(f, Span{head[0].Start, head[0].End()}, "name schema.table", "the model has no name")
		}
		return nil
	}
	p.checkKind(errs)
	p.m.Name, p.m.Kind = p.name, p.kind
	p.m.Schema, p.m.Table, _ = strings.Cut(p.name, ".")
	p.body(all[0], all[1:], errs)
	return p
}

// body takes the one statement after the header.
func (p *parsedModel) body(head statement, rest []statement, errs *ErrorList) {
	if p.kind == Seed {
		if len(rest) > 0 {
			errs.add(p.f, rest[0].tokens[0].Span(), "", "a SEED model has no query")
		}
		return
	}
	if len(rest) == 0 {
		errs.add(p.f, head.tokens[0].Span(), "write a SELECT after the header", "model %s has no query", p.name)
		return
	}
	first := rest[0].tokens[0]
	if first.Is("JINJA_QUERY_BEGIN") || first.Is("JINJA_STATEMENT_BEGIN") {
		errs.add(p.f, first.Span(), jinja, "Jinja is not supported")
		return
	}
	for len(rest) > 1 && rest[0].tokens[0].Kind == Macro && strings.EqualFold(rest[0].tokens[0].Text, "@def") {
		p.defs = append(p.defs, rest[0].tokens)
		rest = rest[1:]
	}
	if len(rest) > 1 {
		next := rest[1].tokens[0]
		errs.add(p.f, next.Span(), "statements other than @DEF before the query are not supported", "model %s has more than one statement", p.name)
		return
	}
	p.query = rest[0].at
	p.m.SQL = p.f.text[p.query.Start:p.query.End]
}

func (p *parsedModel) set(x prop, errs *ErrorList) {
	f, m := p.f, p.m
	switch x.key {
	case "name":
		p.nameAt = x.span()
		p.name, _ = qualified(f, x.value, "name", errs)
	case "kind":
		p.setKind(x, errs)
	case "cron":
		if m.Cron = x.text(f, errs); m.Cron != "" && !validCron(m.Cron) {
			errs.add(f, x.span(), cronHint, "cron %s is not a schedule", m.Cron)
		}
	case "start":
		if m.Start = x.text(f, errs); m.Start != "" && !validStart(m.Start) {
			errs.add(f, x.span(), "write a date: '2006-06-13'", "start %s is not a date", m.Start)
		}
	case "owner":
		m.Owner = x.text(f, errs)
	case "description":
		m.Description = x.text(f, errs)
	case "grain":
		m.Grain = x.words(f, errs)
	case "grains":
		inner, _ := unwrap(x.value)
		first := splitTop(inner)[0] // several alternative keys: the first one counts
		m.Grain = prop{key: x.key, at: x.at, value: first}.words(f, errs)
	case "tags":
		m.Tags = x.words(f, errs)
	case "columns":
		p.columnsAt = x.at
		p.columns = parseColumns(f, x, errs)
	case "column_descriptions":
		p.describeColumns(x, errs)
	case "audits":
		p.audits = parseAuditCalls(f, x, errs)
	case "depends_on":
		inner, _ := unwrap(x.value)
		for _, part := range splitTop(inner) {
			if len(part) == 0 {
				continue
			}
			if name, ok := qualified(f, part, "a dependency", errs); ok {
				p.dependsOn = append(p.dependsOn, dependDecl{name, Span{part[0].Start, part[len(part)-1].End()}})
			}
		}
	case "dialect":
		if d := x.text(f, errs); d != "" && !strings.EqualFold(d, "duckdb") {
			errs.add(f, x.span(), "", "dialect %s is not supported, only duckdb", d)
		}
	case "interval_unit":
		m.Unit = Unit(strings.ToLower(x.text(f, errs)))
		if names := []string{string(Year), string(Month), string(Day), string(Hour), string(HalfHour), string(QuarterHour), string(FiveMinute)}; !contains(names, string(m.Unit)) {
			errs.add(f, x.span(), didYouMean(string(m.Unit), names), "unknown interval_unit %s", m.Unit)
			m.Unit = ""
		}
	case "enabled":
		p.enabled = x.boolean(f, errs)
	}
}

// parseColumns reads (name TYPE [COMMENT 'text'], ...). The type's text is kept
// as written; DuckDB says later what it is.
func parseColumns(f *file, x prop, errs *ErrorList) []columnDecl {
	inner, ok := unwrap(x.value)
	if !ok {
		errs.add(f, x.span(), "columns (name TYPE, ...)", "columns takes a list in parentheses")
		return nil
	}
	var all []columnDecl
	seen := map[string]bool{}
	for _, part := range splitTop(inner) {
		if len(part) == 0 {
			continue
		}
		name, ok := part[0].name()
		if !ok {
			errs.add(f, part[0].Span(), "columns (name TYPE, ...)", "expected a column name, found %s", part[0].Text)
			continue
		}
		typ := part[1:]
		if n := len(typ); n > 2 && typ[n-2].Is("COMMENT") {
			typ = typ[:n-2]
		}
		if len(typ) == 0 {
			errs.add(f, part[0].Span(), "columns (name TYPE, ...)", "column %s has no type", name)
			continue
		}
		if seen[strings.ToLower(name)] {
			errs.add(f, part[0].Span(), "", "column %s stands twice", name)
			continue
		}
		seen[strings.ToLower(name)] = true
		at := Span{typ[0].Start, typ[len(typ)-1].End()}
		all = append(all, columnDecl{name, plainText(f, at), part[0].Span(), at})
	}
	if len(all) == 0 {
		errs.add(f, x.span(), "", "columns is empty")
	}
	return all
}

func (p *parsedModel) describeColumns(x prop, errs *ErrorList) {
	inner, _ := unwrap(x.value)
	for _, part := range splitTop(inner) {
		if len(part) == 0 {
			continue
		}
		name, ok := part[0].name()
		text, isText := part[len(part)-1].str()
		if !ok || !isText || len(part) != 3 || !(part[1].Is("=") || part[1].Is(":=")) {
			errs.add(p.f, Span{part[0].Start, part[len(part)-1].End()}, "column_descriptions (name = 'text', ...)", "cannot read this description")
			continue
		}
		p.m.Columns = append(p.m.Columns, Column{Name: name, Description: text}) // types follow when bound
	}
}

// plainText is a range of the file with its comments blanked, so that it can
// stand inside other SQL.
func plainText(f *file, at Span) string {
	var b strings.Builder
	for _, t := range Lex(f.text[at.Start:at.End]) {
		if t.Kind == LineComment || t.Kind == BlockComment {
			b.WriteByte(' ')
		} else {
			b.WriteString(t.Text)
		}
	}
	return strings.TrimSpace(b.String())
}
