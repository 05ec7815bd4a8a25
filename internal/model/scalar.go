package model

import (
	"math/big"
	"regexp"
	"strings"
)

// ScalarKind is what an unquoted YAML value is under YAML 1.2's core schema.
type ScalarKind uint8

// Kinds of unquoted YAML values.
const (
	TextScalar ScalarKind = iota
	NullScalar
	BoolScalar
	NumberScalar
)

var (
	yamlInt   = regexp.MustCompile(`^[-+]?[0-9][0-9_]*$`)
	yamlBase  = regexp.MustCompile(`^0(o[0-7_]+|x[0-9a-fA-F_]+|b[01_]+)$`)
	yamlFloat = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
)

// Scalar resolves an unquoted YAML value as SQLMesh's reader does: numbers are
// decimal although they begin with 0, yes and no are text, a date is text
// until a column says otherwise. literal is SQL: a number without underscores,
// TRUE, FALSE, NULL, or the text as it is.
func Scalar(text string) (kind ScalarKind, literal string) {
	switch strings.ToLower(text) {
	case "", "~", "null":
		return NullScalar, "NULL"
	case "true", "false":
		return BoolScalar, strings.ToUpper(text)
	}
	digits := strings.TrimPrefix(strings.ReplaceAll(text, "_", ""), "+")
	switch {
	case yamlInt.MatchString(text):
		negative := strings.HasPrefix(digits, "-")
		digits = strings.TrimLeft(strings.TrimPrefix(digits, "-"), "0")
		if digits == "" {
			return NumberScalar, "0"
		}
		if negative {
			digits = "-" + digits
		}
		return NumberScalar, digits
	case yamlBase.MatchString(text):
		if n, ok := new(big.Int).SetString(digits, 0); ok {
			return NumberScalar, n.String()
		}
	case yamlFloat.MatchString(text):
		return NumberScalar, digits
	case strings.EqualFold(strings.TrimLeft(text, "+-"), ".inf"):
		return NumberScalar, "'" + strings.Replace(strings.ToLower(digits), ".inf", "inf", 1) + "'::DOUBLE"
	case strings.EqualFold(text, ".nan"):
		return NumberScalar, "'nan'::DOUBLE"
	}
	return TextScalar, text
}
