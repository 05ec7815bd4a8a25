package modeltest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"beanflows.coffee/materia/internal/model"
)

type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	list
	object
)

// value is a YAML value, resolved by YAML 1.2's rules, with its line.
type value struct {
	kind  kind
	text  string // text: itself; number and boolean: as SQL
	items []value
	keys  []string // of an object, beside items
	line  int
}

// get is an object's value for a key, nil if it has none.
func (v *value) get(key string) *value {
	if v == nil || v.kind != object {
		return nil
	}
	for i, k := range v.keys {
		if k == key {
			return &v.items[i]
		}
	}
	return nil
}

// syntaxError is a file that is not YAML, or YAML of a kind that is not read.
type syntaxError struct {
	line int
	msg  string
}

func (e *syntaxError) Error() string { return e.msg }

// maxValues bounds what aliases can blow a file up to.
const maxValues = 1_000_000

type reader struct {
	anchors map[string]ast.Node
	count   int
}

// readYAML reads one document. An empty one is null.
func readYAML(src []byte) (v value, err error) {
	defer func() { // the YAML library has panicked on malformed input before
		if r := recover(); r != nil {
			err = &syntaxError{1, fmt.Sprintf("not YAML: %v", r)}
		}
	}()
	tree, err := parser.ParseBytes(src, 0)
	if err != nil {
		var ye yaml.Error
		if errors.As(err, &ye) {
			line := 1
			if t := ye.GetToken(); t != nil && t.Position != nil {
				line = t.Position.Line
			}
			return value{}, &syntaxError{line, "not YAML: " + ye.GetMessage()}
		}
		return value{}, &syntaxError{1, "not YAML: " + err.Error()}
	}
	r := reader{anchors: map[string]ast.Node{}}
	var docs []ast.Node
	for _, d := range tree.Docs {
		if d.Body != nil && d.Body.Type() != ast.CommentType {
			docs = append(docs, d.Body)
		}
	}
	switch len(docs) {
	case 0:
		return value{line: 1}, nil
	case 1:
		return r.value(docs[0], 0)
	}
	return value{}, &syntaxError{lineOf(docs[1]), "only one document a file"}
}

func lineOf(n ast.Node) int {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 1
	}
	return n.GetToken().Position.Line
}

func (r *reader) value(n ast.Node, depth int) (value, error) {
	if r.count++; r.count > maxValues || depth > 100 {
		return value{}, &syntaxError{lineOf(n), "too many values, or nested too deep"}
	}
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return value{kind: null, text: "NULL", line: lineOf(n)}, nil
	case *ast.MappingNode:
		return r.object(n.Values, lineOf(n), depth)
	case *ast.MappingValueNode:
		return r.object([]*ast.MappingValueNode{n}, lineOf(n), depth)
	case *ast.SequenceNode:
		v := value{kind: list, line: lineOf(n)}
		for _, x := range n.Values {
			item, err := r.value(x, depth+1)
			if err != nil {
				return v, err
			}
			v.items = append(v.items, item)
		}
		return v, nil
	case *ast.AnchorNode:
		r.anchors[n.Name.String()] = n.Value
		return r.value(n.Value, depth+1)
	case *ast.AliasNode:
		target, ok := r.anchors[n.Value.String()]
		if !ok {
			return value{}, &syntaxError{lineOf(n), "unknown alias *" + n.Value.String()}
		}
		return r.value(target, depth+1)
	case *ast.TagNode:
		v, err := r.value(n.Value, depth+1)
		if n.Start.Value == "!!str" && v.kind != list && v.kind != object {
			v.kind, v.text = text, n.Value.GetToken().Value
		}
		return v, err
	case *ast.LiteralNode:
		return value{kind: text, text: n.Value.Value, line: lineOf(n)}, nil
	}
	t := n.GetToken()
	if t == nil {
		return value{}, &syntaxError{1, "unreadable value"}
	}
	if t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType {
		return value{kind: text, text: t.Value, line: lineOf(n)}, nil
	}
	v := scalar(t.Value)
	v.line = lineOf(n)
	return v, nil
}

// scalar resolves an unquoted value.
func scalar(s string) value {
	k, sql := model.Scalar(s)
	kinds := map[model.ScalarKind]kind{model.TextScalar: text, model.NullScalar: null, model.BoolScalar: boolean, model.NumberScalar: number}
	return value{kind: kinds[k], text: sql}
}

func (r *reader) object(pairs []*ast.MappingValueNode, line, depth int) (value, error) {
	v := value{kind: object, line: line}
	if len(pairs) > 0 {
		v.line = lineOf(pairs[0].Key)
	}
	merged := map[string]bool{} // keys of a <<, which the object's own replace
	for _, kv := range pairs {
		item, err := r.value(kv.Value, depth+1)
		if err != nil {
			return v, err
		}
		if _, merge := kv.Key.(*ast.MergeKeyNode); merge {
			for i, k := range item.keys {
				if v.get(k) == nil {
					v.keys, v.items = append(v.keys, k), append(v.items, item.items[i])
					merged[k] = true
				}
			}
			continue
		}
		key := kv.Key.GetToken().Value
		if old := v.get(key); old != nil && merged[key] {
			*old, merged[key] = item, false
			continue
		} else if old != nil {
			return v, &syntaxError{lineOf(kv.Key), "key " + key + " stands twice"}
		}
		if item.kind == null || item.line == 0 {
			item.line = lineOf(kv.Key)
		}
		v.keys, v.items = append(v.keys, key), append(v.items, item)
	}
	return v, nil
}

// sql writes a value as an expression of a type: a list as [..], an object as
// a struct or a MAP.
func (v value) sql(typ string) string {
	switch v.kind {
	case null:
		return "NULL"
	case boolean, number:
		return v.text
	case text:
		return quote(v.text)
	case list:
		all := make([]string, len(v.items))
		for i, x := range v.items {
			all[i] = x.sql("")
		}
		return "[" + strings.Join(all, ", ") + "]"
	}
	all := make([]string, len(v.items))
	for i, x := range v.items {
		all[i] = quote(v.keys[i]) + ": " + x.sql("")
	}
	if strings.HasPrefix(typ, "MAP") {
		return "MAP {" + strings.Join(all, ", ") + "}"
	}
	return "{" + strings.Join(all, ", ") + "}"
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
