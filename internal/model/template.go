package model

import (
	"fmt"
	"regexp"
	"strings"
)

// SQLMesh renders config.yaml with Jinja before it reads the YAML. Two calls
// of it are known here, and both are rendered in the text, as there.
var (
	templateCall = regexp.MustCompile(`\{\{-?\s*(.*?)\s*-?\}\}`)
	envVarCall   = regexp.MustCompile(`^env_var\(\s*(?:'([^']*)'|"([^"]*)")\s*(?:,\s*(?:'([^']*)'|"([^"]*)")\s*)?\)$`)
	userCall     = regexp.MustCompile(`^user\(\s*\)$`)
	templateTag  = regexp.MustCompile(`\{[%#]`)
)

// renderTemplate puts values in the place of {{ env_var('X', 'default') }} and
// {{ user() }}. ok is false if something else stands there.
func renderTemplate(f *file, o LoadOptions, errs *ErrorList) (string, bool) {
	before := len(errs.Errors)
	if at := templateTag.FindStringIndex(f.text); at != nil {
		errs.add(f, Span{at[0], at[1]}, "only {{ env_var('X', 'default') }} and {{ user() }} are rendered", "Jinja statements are not supported")
	}
	var out strings.Builder
	last := 0
	for _, m := range templateCall.FindAllStringSubmatchIndex(f.text, -1) {
		out.WriteString(f.text[last:m[0]])
		last = m[1]
		value, err := templateValue(f.text[m[2]:m[3]], o)
		if err != nil {
			errs.add(f, Span{m[0], m[1]}, "", "%v", err)
			continue
		}
		out.WriteString(value)
	}
	out.WriteString(f.text[last:])
	return out.String(), len(errs.Errors) == before
}

func templateValue(call string, o LoadOptions) (string, error) {
	if userCall.MatchString(call) {
		return plainValue("user()", o.User)
	}
	m := envVarCall.FindStringSubmatch(call)
	if m == nil {
		return "", fmt.Errorf("{{ %s }} is not supported, only env_var('X', 'default') and user()", call)
	}
	name, fallback := m[1]+m[2], m[3]+m[4]
	if o.Getenv != nil {
		if v := o.Getenv(name); v != "" {
			return plainValue("environment variable "+name, v)
		}
	}
	if !strings.Contains(call, ",") {
		return "", fmt.Errorf("environment variable %s is not set and env_var has no default", name)
	}
	return fallback, nil
}

// plainValue refuses what would end a YAML string and so change the file's
// structure from outside.
func plainValue(what, v string) (string, error) {
	if i := strings.IndexFunc(v, func(r rune) bool { return r < ' ' || strings.ContainsRune(`"'\{}`, r) }); i >= 0 {
		return "", fmt.Errorf("%s holds %q, which would change the meaning of the file", what, v[i:i+1])
	}
	return v, nil
}
