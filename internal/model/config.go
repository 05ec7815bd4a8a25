package model

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Config is what the project's config.yaml says and materia uses.
type Config struct {
	Project            string            `json:"project,omitempty"`
	Dialect            string            `json:"dialect"`
	Start              string            `json:"start,omitempty"`
	Cron               string            `json:"cron,omitempty"`
	Owner              string            `json:"owner,omitempty"`
	DefaultEnvironment string            `json:"default_environment,omitempty"` // empty: the caller's own default
	Variables          map[string]string `json:"variables,omitempty"`           // lower-case name to SQL literal
}

// harmlessConfig are SQLMesh's keys that cannot change a row or a name here.
// doc.go lists them for the reader.
var harmlessConfig = strings.Fields(`gateways default_gateway default_connection default_test_connection state_connection
	test_connection snapshot_ttl environment_ttl pinned_environments time_column_format users notification_targets username
	format ui plan run migration linter janitor log_limit cicd_bot cache_dir disable_anonymized_analytics cloud
	auto_categorize_changes infer_python_dependencies`)

// loadConfig reads config.yaml. Without one the defaults of SQLMesh hold,
// except that a dialect is not needed: there is only DuckDB.
func loadConfig(root string, o LoadOptions, errs *ErrorList) Config {
	c := Config{Dialect: "duckdb", Variables: map[string]string{}}
	path := filepath.Join(root, "config.yaml")
	raw, err := os.ReadFile(path)
	if err != nil {
		hint := "a project has a config.yaml at its root"
		if !errors.Is(err, os.ErrNotExist) {
			hint = ""
		}
		errs.addFile(path, hint, "cannot read the configuration: %v", rootCause(err))
		return c
	}
	f := newFile("config.yaml", path, string(raw))
	text, ok := renderTemplate(f, o, errs)
	if !ok {
		return c
	}
	f = newFile("config.yaml", path, text)
	root2, ok := parseYAML(f, errs)
	if !ok || root2 == nil {
		return c
	}
	for _, kv := range root2.Values {
		c.set(f, kv, errs)
	}
	return c
}

func rootCause(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// parseYAML gives the mapping at the top; nil and true for an empty document.
func parseYAML(f *file, errs *ErrorList) (*ast.MappingNode, bool) {
	tree, err := parser.ParseBytes([]byte(f.text), 0)
	if err != nil {
		at, msg := Span{}, err.Error()
		var ye yaml.Error
		if errors.As(err, &ye) {
			msg = ye.GetMessage()
			at = yamlSpan(f, ye.GetToken())
		}
		errs.add(f, at, "", "not YAML: %s", msg)
		return nil, false
	}
	if len(tree.Docs) == 0 || tree.Docs[0].Body == nil || tree.Docs[0].Body.Type() == ast.NullType || tree.Docs[0].Body.Type() == ast.CommentType {
		return nil, true
	}
	switch body := tree.Docs[0].Body.(type) {
	case *ast.MappingNode:
		return body, true
	case *ast.MappingValueNode:
		return &ast.MappingNode{Values: []*ast.MappingValueNode{body}}, true
	default:
		errs.add(f, yamlSpan(f, body.GetToken()), "", "expected keys and values")
		return nil, false
	}
}

// yamlSpan finds a YAML token in the text; its own offset counts characters
// from 1 and drifts after comments, so line and column are used.
func yamlSpan(f *file, t *token.Token) Span {
	if t == nil || t.Position == nil || t.Position.Line < 1 || t.Position.Line > len(f.lines) {
		return Span{}
	}
	at, column := f.lines[t.Position.Line-1], 1
	for i := range f.line(t.Position.Line) {
		if column == t.Position.Column {
			at += i
			break
		}
		column++
	}
	return Span{at, at + len(strings.TrimSpace(t.Value))}
}

func (c *Config) set(f *file, kv *ast.MappingValueNode, errs *ErrorList) {
	key := kv.Key.String()
	at := yamlSpan(f, kv.Key.GetToken())
	switch key {
	case "model_defaults":
		for _, d := range mapping(f, kv, errs) {
			c.setDefault(f, d, errs)
		}
	case "variables":
		for _, v := range mapping(f, kv, errs) {
			name := strings.ToLower(v.Key.String())
			sql, ok := yamlLiteral(v.Value)
			if !ok {
				errs.add(f, yamlSpan(f, v.Key.GetToken()), "", "variable %s: only a string, a number, a boolean or null", name)
				continue
			}
			c.Variables[name] = sql
		}
	case "default_target_environment":
		c.DefaultEnvironment = yamlText(kv.Value)
	case "project":
		c.Project = yamlText(kv.Value)
	case "gateways", "gateway":
		for _, g := range mapping(f, kv, errs) {
			if m, ok := g.Value.(*ast.MappingNode); ok {
				for _, x := range m.Values {
					if x.Key.String() == "variables" {
						errs.add(f, yamlSpan(f, x.Key.GetToken()), "move them to the top", "variables of a gateway are not supported")
					}
				}
			}
		}
	default:
		for _, h := range harmlessConfig {
			if key == h {
				return
			}
		}
		known := append([]string{"model_defaults", "variables", "default_target_environment", "project"}, harmlessConfig...)
		errs.add(f, at, didYouMean(key, known), "unknown or unsupported configuration key %s", key)
	}
}

func (c *Config) setDefault(f *file, kv *ast.MappingValueNode, errs *ErrorList) {
	key, text := kv.Key.String(), yamlText(kv.Value)
	at := yamlSpan(f, kv.Value.GetToken())
	switch key {
	case "dialect":
		if !strings.EqualFold(text, "duckdb") {
			errs.add(f, at, "", "dialect %s is not supported, only duckdb", text)
		}
	case "start":
		if !validStart(text) {
			errs.add(f, at, "write a date: '2006-06-13'", "start %s is not a date", text)
		}
		c.Start = text
	case "cron":
		if !validCron(text) {
			errs.add(f, at, cronHint, "cron %s is not a schedule", text)
		}
		c.Cron = text
	case "owner":
		c.Owner = text
	default:
		errs.add(f, yamlSpan(f, kv.Key.GetToken()), didYouMean(key, []string{"dialect", "start", "cron", "owner"}), "unknown or unsupported key model_defaults.%s", key)
	}
}

// mapping gives a key's own keys; nothing for null.
func mapping(f *file, kv *ast.MappingValueNode, errs *ErrorList) []*ast.MappingValueNode {
	switch v := kv.Value.(type) {
	case *ast.MappingNode:
		return v.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{v}
	case *ast.NullNode:
		return nil
	}
	errs.add(f, yamlSpan(f, kv.Key.GetToken()), "", "%s holds keys and values", kv.Key.String())
	return nil
}

func yamlText(n ast.Node) string {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value
	case *ast.LiteralNode:
		return v.Value.Value
	case *ast.NullNode:
		return ""
	}
	return n.GetToken().Value
}

// yamlLiteral writes a scalar as SQL. A number keeps its digits.
func yamlLiteral(n ast.Node) (string, bool) {
	switch v := n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode, *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		return "", false
	case *ast.LiteralNode:
		return duckString(v.Value.Value), true
	}
	t := n.GetToken()
	if t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType {
		return duckString(t.Value), true
	}
	if kind, sql := Scalar(t.Value); kind != TextScalar {
		return sql, true
	}
	return duckString(t.Value), true
}
