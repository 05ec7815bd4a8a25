package model

import (
	"math/big"
	"strings"
)

// constant evaluates a condition of literals: comparisons, AND, OR, NOT, IN,
// IS NULL and parentheses, with SQL's NULL. ok is false for anything else.
func constant(text string) (yes, ok bool) {
	c := &constants{tokens: significant(Lex(text))}
	v := c.or(0)
	return v.truth(), !c.bad && c.at == len(c.tokens)
}

// literal is a value: NULL, a boolean, a number or a text.
type literal struct {
	kind   byte // 0 NULL, b, n, s
	yes    bool
	number *big.Rat
	text   string
}

func (v literal) truth() bool {
	return v.kind == 'b' && v.yes || v.kind == 'n' && v.number.Sign() != 0
}

type constants struct {
	tokens []Token
	at     int
	bad    bool
}

func (c *constants) take(words ...string) bool {
	for i, w := range words {
		if c.at+i >= len(c.tokens) || !c.tokens[c.at+i].Is(w) {
			return false
		}
	}
	c.at += len(words)
	return true
}

func boolean(yes bool) literal { return literal{kind: 'b', yes: yes} }

func (c *constants) or(depth int) literal {
	v := c.and(depth)
	for !c.bad && c.take("OR") {
		w := c.and(depth)
		switch {
		case v.truth() || w.truth():
			v = boolean(true)
		case v.kind == 0 || w.kind == 0:
			v = literal{}
		default:
			v = boolean(false)
		}
	}
	return v
}

func (c *constants) and(depth int) literal {
	v := c.not(depth)
	for !c.bad && c.take("AND") {
		w := c.not(depth)
		no := v.kind != 0 && !v.truth() || w.kind != 0 && !w.truth()
		switch {
		case no:
			v = boolean(false)
		case v.kind == 0 || w.kind == 0:
			v = literal{}
		default:
			v = boolean(true)
		}
	}
	return v
}

func (c *constants) not(depth int) literal {
	if depth > 100 {
		c.bad = true
		return literal{}
	}
	if c.take("NOT") {
		if v := c.not(depth + 1); v.kind != 0 {
			return boolean(!v.truth())
		}
		return literal{}
	}
	return c.comparison(depth)
}

func (c *constants) comparison(depth int) literal {
	v := c.value(depth)
	switch {
	case c.bad:
	case c.take("IS", "NOT", "NULL"):
		return boolean(v.kind != 0)
	case c.take("IS", "NULL"):
		return boolean(v.kind == 0)
	case c.take("NOT", "IN"):
		if in := c.in(v, depth); in.kind != 0 {
			return boolean(!in.yes)
		}
		return literal{}
	case c.take("IN"):
		return c.in(v, depth)
	}
	for _, op := range []string{"=", "==", "<>", "!=", "<=", ">=", "<", ">"} {
		if !c.bad && c.take(op) {
			return c.compare(v, c.value(depth), op)
		}
	}
	return v
}

func (c *constants) in(v literal, depth int) literal {
	if !c.take("(") {
		c.bad = true
		return literal{}
	}
	found, unknown := false, v.kind == 0
	for !c.bad {
		w := c.value(depth)
		same := c.compare(v, w, "=")
		found, unknown = found || same.truth(), unknown || w.kind == 0
		if c.take(")") {
			break
		}
		c.bad = c.bad || !c.take(",")
	}
	if !found && unknown {
		return literal{}
	}
	return boolean(found)
}

func (c *constants) compare(v, w literal, op string) literal {
	if v.kind == 0 || w.kind == 0 {
		return literal{}
	}
	if v.kind != w.kind {
		c.bad = c.bad || v.kind == 'b' || w.kind == 'b' // how these compare differs between engines
		return boolean(op == "<>" || op == "!=")
	}
	n := 0
	switch v.kind {
	case 'n':
		n = v.number.Cmp(w.number)
	case 's':
		n = strings.Compare(v.text, w.text)
	case 'b':
		switch {
		case v.yes == w.yes:
		case w.yes:
			n = -1
		default:
			n = 1
		}
	}
	switch op {
	case "=", "==":
		return boolean(n == 0)
	case "<>", "!=":
		return boolean(n != 0)
	case "<":
		return boolean(n < 0)
	case "<=":
		return boolean(n <= 0)
	case ">":
		return boolean(n > 0)
	}
	return boolean(n >= 0)
}

func (c *constants) value(depth int) literal {
	if c.at >= len(c.tokens) {
		c.bad = true
		return literal{}
	}
	if c.take("(") {
		v := c.or(depth + 1)
		c.bad = c.bad || !c.take(")")
		return v
	}
	negative := c.take("-")
	if c.at >= len(c.tokens) {
		c.bad = true
		return literal{}
	}
	t := c.tokens[c.at]
	c.at++
	if s, ok := t.str(); ok && !negative {
		return literal{kind: 's', text: s}
	}
	switch {
	case t.Kind == Number && len(t.Text) < 50 && !strings.ContainsAny(t.Text, "eExX"):
		if n, ok := new(big.Rat).SetString(strings.ReplaceAll(t.Text, "_", "")); ok {
			if negative {
				n.Neg(n)
			}
			return literal{kind: 'n', number: n}
		}
	case negative:
	case t.Is("TRUE"):
		return boolean(true)
	case t.Is("FALSE"):
		return boolean(false)
	case t.Is("NULL"):
		return literal{}
	}
	c.bad = true
	return literal{}
}
