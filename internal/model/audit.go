package model

import (
	"strings"
)

// auditDecl is an audit call as the header has it.
type auditDecl struct {
	name     string
	at       Span
	args     []auditArg
	blocking *bool // what the call says, if it does
	wrong    bool  // an argument is reported already
}

type auditArg struct {
	name   string
	tokens []Token
	at     Span
}

// builtin is an audit of SQLMesh's: which arguments it takes, in its own words.
type builtin struct{ required, optional []string }

// builtins are the audits known without a definition. condition is optional in
// each: it limits the rows that are looked at.
var builtins = map[string]builtin{
	"not_null":                      {required: []string{"columns"}},
	"unique_values":                 {required: []string{"columns"}},
	"unique_combination_of_columns": {required: []string{"columns"}},
	"accepted_values":               {required: []string{"column", "is_in"}},
	"not_accepted_values":           {required: []string{"column", "is_in"}},
	"accepted_range":                {required: []string{"column"}, optional: []string{"min_v", "max_v", "inclusive"}},
	"not_empty_string":              {required: []string{"column"}},
	"at_least_one":                  {required: []string{"column"}},
	"not_constant":                  {required: []string{"column"}},
	"number_of_rows":                {required: []string{"threshold"}},
	"forall":                        {required: []string{"criteria"}},
}

// parseAuditCalls reads name, name(arg := value, ...), or a list of them.
func parseAuditCalls(f *file, x prop, errs *ErrorList) []auditDecl {
	inner, _ := unwrap(x.value)
	var all []auditDecl
	for _, part := range splitTop(inner) {
		if len(part) == 0 {
			continue
		}
		name, ok := part[0].name()
		at := part[0].Span()
		args, wrapped := unwrap(part[1:])
		if !ok || len(part) > 1 && !wrapped {
			errs.add(f, at, "audits (not_null(columns := (a, b)), ...)", "cannot read this audit")
			continue
		}
		a := auditDecl{name: strings.ToLower(name), at: at}
		for _, arg := range splitTop(args) {
			if len(arg) > 0 {
				a.add(f, arg, errs)
			}
		}
		all = append(all, a)
	}
	return all
}

func (a *auditDecl) add(f *file, arg []Token, errs *ErrorList) {
	whole := Span{arg[0].Start, arg[len(arg)-1].End()}
	name := argName(arg)
	if name == "" {
		errs.add(f, whole, a.name+"(name := value)", "an audit's arguments are named")
		a.wrong = true
		return
	}
	value := arg[2:]
	if name == "blocking" {
		yes := len(value) == 1 && value[0].Is("true")
		if !yes && !(len(value) == 1 && value[0].Is("false")) {
			errs.add(f, whole, "", "blocking is true or false")
		}
		a.blocking = &yes
		return
	}
	for _, other := range a.args {
		if other.name == name {
			errs.add(f, whole, "", "argument %s stands twice", name)
			return
		}
	}
	a.args = append(a.args, auditArg{name, value, Span{value[0].Start, value[len(value)-1].End()}})
}

// resolveAudits turns the header's calls into AuditCalls: the audit exists,
// its arguments are those it takes, and macros in them are replaced.
func (p *parsedModel) resolveAudits(c Config, defs map[string]*AuditDef, errs *ErrorList) {
	for _, d := range p.audits {
		call := AuditCall{Name: d.name, Args: map[string]string{}, Blocking: true, at: d.at}
		base := strings.TrimSuffix(d.name, "_non_blocking")
		def, b := defs[d.name], builtins[base]
		switch {
		case def != nil:
			call.Blocking = def.Blocking
		case b.required != nil:
			call.Name, call.Blocking = base, base == d.name
		default:
			names := make([]string, 0, len(builtins)+len(defs))
			for n := range builtins {
				names = append(names, n)
			}
			for n := range defs {
				names = append(names, n)
			}
			errs.add(p.f, d.at, didYouMean(d.name, names), "unknown audit %s", d.name)
			continue
		}
		if d.blocking != nil {
			call.Blocking = *d.blocking
		}
		before := len(errs.Errors)
		for _, a := range d.args {
			if def == nil && a.name != "condition" && !contains(b.required, a.name) && !contains(b.optional, a.name) {
				errs.add(p.f, a.at, didYouMean(a.name, append(append([]string{"condition"}, b.required...), b.optional...)), "audit %s takes no argument %s", call.Name, a.name)
				continue
			}
			if def == nil && contains([]string{"columns", "column"}, a.name) {
				checkColumnNames(p.f, a, errs)
			}
			call.Args[a.name] = plain(expand(p.f, a.at, scope{vars: c.Variables}, errs).text)
		}
		for _, r := range b.required {
			if _, ok := call.Args[r]; !ok && def == nil && !d.wrong && len(errs.Errors) == before {
				errs.add(p.f, d.at, d.name+"("+r+" := ...)", "audit %s needs the argument %s", call.Name, r)
			}
		}
		if len(errs.Errors) == before {
			p.m.Audits = append(p.m.Audits, call)
		}
	}
}

// checkColumnNames makes sure that columns := (a, b) holds names only, so that
// they can stand in a GROUP BY and in a message.
func checkColumnNames(f *file, a auditArg, errs *ErrorList) {
	inner, _ := unwrap(a.tokens)
	for _, part := range splitTop(inner) {
		if len(part) == 0 {
			continue
		}
		if _, ok := part[0].name(); !ok || len(part) > 1 || a.name == "column" && len(splitTop(inner)) > 1 {
			errs.add(f, Span{part[0].Start, part[len(part)-1].End()}, "use forall(criteria := (...)) for an expression", "%s takes column names", a.name)
		}
	}
}

// plain is SQL text without comments, on its own.
func plain(sql string) string {
	return plainText(&file{text: sql}, Span{0, len(sql)})
}
