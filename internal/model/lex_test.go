package model

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLex(t *testing.T) {
	tests := []struct{ in, want string }{
		{`SELECT a.b, "x ""y""" FROM t`, `id:SELECT id:a op:. id:b op:, qid:"x ""y""" id:FROM id:t`},
		{`'it''s' E'a\'b' e'\\' x'00' $$a'b$$ $t$ $$ $t$`, `str:'it''s' str:E'a\'b' str:e'\\' str:x'00' str:$$a'b$$ str:$t$ $$ $t$`},
		{`1 1.5 .5 1e-3 1_000 0xff 1..2`, `num:1 num:1.5 num:.5 num:1e-3 num:1_000 num:0xff num:1 op:. num:.2`},
		{`a->>'b' :: c || d <> e := f => g`, `id:a op:->> str:'b' op::: id:c op:|| id:d op:<> id:e op::= id:f op:=> id:g`},
		{`@landing_dir || '/x' @VAR('a') @ b`, `mac:@landing_dir op:|| str:'/x' mac:@VAR op:( str:'a' op:) op:@ id:b`},
		{"a -- c 'x\nb /* x /* y */ z */ c", `id:a line:-- c 'x id:b block:/* x /* y */ z */ id:c`},
		{`t.1 t1.e5 $1 $name`, `id:t op:. num:1 id:t1 op:. id:e5 par:$1 par:$name`},
		{`größe.名 -5 a-1`, `id:größe op:. id:名 op:- num:5 id:a op:- num:1`},
		{`'open`, `bad:'open`},
		{`"open`, `bad:"open`},
		{`/* open /* */`, `bad:/* open /* */`},
		{`$x$ open $y$`, `bad:$x$ open $y$`},
	}
	names := map[TokenKind]string{LineComment: "line", BlockComment: "block", Ident: "id", QuotedIdent: "qid", String: "str",
		Number: "num", Macro: "mac", Param: "par", Op: "op", Broken: "bad"}
	for _, tt := range tests {
		var got []string
		for _, tok := range Lex(tt.in) {
			if tok.Kind != Space {
				got = append(got, names[tok.Kind]+":"+tok.Text)
			}
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("Lex(%q) (-want +got):\n%s", tt.in, diff)
		}
	}
}

// FuzzLex: the tokens are the text, and each begins where the last one ended.
func FuzzLex(f *testing.F) {
	for _, s := range []string{"SELECT 1", "'a", `"a`, "/*/**/", "$a$b$a$", "@x(", "E'\\", "0x", "a.1e+", "\xff\x00é", "--\r\n", "$1$", "1e", "x'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at := 0
		var b strings.Builder
		for _, tok := range Lex(s) {
			if tok.Start != at || tok.Text == "" {
				t.Fatalf("token %+v begins at %d, not at %d", tok, tok.Start, at)
			}
			at = tok.End()
			b.WriteString(tok.Text)
		}
		if b.String() != s {
			t.Fatalf("tokens of %q make %q", s, b.String())
		}
	})
}

// FuzzParseModel: any text is a model or a list of errors inside the file.
func FuzzParseModel(f *testing.F) {
	for _, s := range []string{
		"MODEL (name a.b, kind FULL); SELECT 1",
		"MODEL (name a.b, kind SEED (path 'x.csv', csv_settings (delimiter = ';', na_values = ('', 'x'))), columns (a INT COMMENT 'x'));",
		"MODEL (name a.b, audits (not_null(columns := (a, b)), forall(criteria := (a > 0), blocking := false)), grains (a, (b, c)), tags [x]); SELECT @VAR('x', 1)",
		"MODEL (", "MODEL (name", ";;;", "MODEL (name a.b,,); SELECT @@ @{x} {{ y }} $1", "AUDIT (name x, defaults (a = 1)); SELECT * FROM @this_model WHERE @a",
	} {
		f.Add(s)
	}
	c := Config{Variables: map[string]string{"x": "'1'"}}
	f.Fuzz(func(t *testing.T, s string) {
		file, errs := newFile("m.sql", "m.sql", s), &ErrorList{}
		p := parseModel(file, c, errs)
		if p == nil && len(errs.Errors) == 0 {
			t.Fatal("neither a model nor an error")
		}
		if p != nil && p.query.End > 0 {
			x := expand(file, p.query, scope{vars: c.Variables}, errs)
			for i := range len(x.text) {
				if at := x.origin.origin(Span{i, i + 1}); at.Start < p.query.Start || at.End > p.query.End {
					t.Fatalf("byte %d of the expansion comes from %v, outside the query %v", i, at, p.query)
				}
			}
		}
		parseAudits(file, c, errs)
		for _, e := range errs.Errors {
			if e.Line < 1 || e.Line > len(file.lines) || e.Col < 1 {
				t.Fatalf("error outside the file: %v", e)
			}
			_ = e.Error()
		}
	})
}

// FuzzExpand: text without macros comes out as it is, and every copied byte
// leads back to the same byte.
func FuzzExpand(f *testing.F) {
	for _, s := range []string{"SELECT @x", "@VAR('x')", "@VAR('y', 'é' || 1)", "@VAR(", "@VAR()", "'@x' \"@x\" -- @x", "@X@x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		file := newFile("q", "q", s)
		x := expand(file, Span{0, len(s)}, scope{vars: map[string]string{"x": "'value'"}}, &ErrorList{})
		if len(x.uses) == 0 && x.text != s {
			t.Fatalf("%q became %q", s, x.text)
		}
		inMacro := func(i int) bool {
			for _, u := range x.uses {
				if i >= u.to.Start && i < u.to.End {
					return true
				}
			}
			return false
		}
		for i := range len(x.text) {
			if at := x.origin.origin(Span{i, i + 1}); !inMacro(i) && s[at.Start] != x.text[i] {
				t.Fatalf("byte %d of %q leads to byte %d of %q", i, x.text, at.Start, s)
			}
		}
	})
}

func FuzzTree(f *testing.F) {
	f.Add(`{"a":[1,"x\né\"",null,{}]}`)
	f.Add(`{"a":`)
	f.Add(`[[[[`)
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := readTree(s); err == nil {
			mentions(&n)
		}
	})
}

func FuzzSeed(f *testing.F) {
	f.Add("a,b\n1,\"x\"\"y\"\r\n,\n")
	f.Add("a\n\"")
	f.Fuzz(func(t *testing.T, s string) {
		errs := &ErrorList{}
		file := newFile("s.csv", "s.csv", s)
		settings := csvSettings{delimiter: ",", quote: `"`}
		if rows, ok := readCSV(file, settings, errs); ok {
			for i := range rows[0].fields {
				settings.checkText(file, rows[1:], i, "c", errs)
			}
		} else if len(errs.Errors) == 0 {
			t.Fatal("refused without a reason")
		}
	})
}
