package model

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"

	"beanflows.coffee/materia/internal/duck"
)

// seedDecl is kind SEED (path ..., csv_settings (...)).
type seedDecl struct {
	path     string
	at       Span
	settings csvSettings
}

// csvSettings are those of SQLMesh that are supported, with pandas' defaults.
type csvSettings struct {
	delimiter, quote string
	naValues         []string
	defaultNA        bool
}

// pandasNA is what pandas.read_csv takes for missing unless told otherwise.
var pandasNA = []string{"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>",
	"N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"}

// IsPandasNA says whether SQLMesh reads a CSV value as missing by default.
func IsPandasNA(s string) bool { return contains(pandasNA, s) }

// na is the list of texts that mean missing.
func (s csvSettings) na() []string {
	if s.defaultNA {
		return append(append([]string{}, pandasNA...), s.naValues...)
	}
	return s.naValues
}

func (s csvSettings) canonical() string {
	return strings.Join(append([]string{s.delimiter, s.quote}, s.na()...), "\x00")
}

func parseSeed(f *file, kind prop, props []prop, errs *ErrorList) *seedDecl {
	s := &seedDecl{at: kind.value[0].Span(), settings: csvSettings{delimiter: ",", quote: `"`, defaultNA: true}}
	for _, x := range props {
		switch x.key {
		case "path":
			s.path, s.at = x.text(f, errs), x.span()
		case "csv_settings":
			s.settings.parse(f, x, errs)
		}
	}
	if s.path == "" {
		errs.add(f, s.at, "kind SEED (path '../../seeds/name.csv')", "kind SEED needs a path")
		return nil
	}
	return s
}

func (s *csvSettings) parse(f *file, x prop, errs *ErrorList) {
	inner, _ := unwrap(x.value)
	for _, part := range splitTop(inner) {
		if len(part) == 0 {
			continue
		}
		at := Span{part[0].Start, part[len(part)-1].End()}
		key := argName(part)
		value := []Token{}
		if key != "" {
			value = part[2:]
		}
		p := prop{key: key, at: at, value: value}
		switch key {
		case "delimiter":
			s.delimiter = strings.ReplaceAll(p.text(f, errs), `\t`, "\t")
			if len(s.delimiter) != 1 {
				errs.add(f, at, "", "delimiter is one character")
			}
		case "quotechar":
			s.quote = p.text(f, errs)
			if len(s.quote) != 1 {
				errs.add(f, at, "", "quotechar is one character")
			}
		case "keep_default_na":
			s.defaultNA = p.boolean(f, errs)
		case "na_values":
			s.naValues = p.words(f, errs)
		case "":
			errs.add(f, at, "csv_settings (delimiter = ';')", "cannot read this setting")
		default:
			errs.add(f, part[0].Span(), didYouMean(key, []string{"delimiter", "quotechar", "na_values", "keep_default_na"}), "csv setting %s is not supported", key)
		}
	}
}

// loadSeed reads the CSV file, and makes the query: every column read as text,
// then cast to its declared type. Columns the model does not declare are left
// out, as in SQLMesh.
func (p *parsedModel) loadSeed(root string, errs *ErrorList) {
	if p.seed == nil {
		return
	}
	path := p.seed.path
	switch {
	case strings.HasPrefix(path, "$root/"):
		path = filepath.Join(root, strings.TrimPrefix(path, "$root/"))
	case !filepath.IsAbs(path):
		path = filepath.Join(root, filepath.Dir(filepath.FromSlash(p.f.path)), path)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		errs.add(p.f, p.seed.at, "", "seed %s: %v", p.seed.path, err)
		return
	}
	raw, err := os.ReadFile(abs)
	if err != nil {
		errs.add(p.f, p.seed.at, "the path is relative to the model's file, or begins with $root/", "cannot read the seed %s: %v", p.seed.path, rootCause(err))
		return
	}
	sum := sha256.Sum256(raw)
	p.m.SeedPath, p.m.SeedSHA256 = abs, hex.EncodeToString(sum[:])
	if p.columns == nil {
		errs.add(p.f, p.nameAt, "columns (name TYPE, ...)", "a SEED model needs columns, so that no type is guessed")
		return
	}
	sf := newFile(p.seed.path, path, strings.TrimPrefix(string(raw), "\ufeff"))
	records, ok := readCSV(sf, p.seed.settings, errs)
	if !ok {
		return
	}
	p.m.Query = p.seedQuery(sf, records, errs)
}

func (p *parsedModel) seedQuery(sf *file, records []csvRecord, errs *ErrorList) string {
	header := records[0]
	index := map[string]int{}
	read := make([]string, len(header.fields))
	for i, name := range header.fields {
		if _, twice := index[strings.ToLower(name)]; twice || name == "" {
			errs.add(sf, header.at, "", "column %q of the seed is empty or stands twice", name)
			return ""
		}
		index[strings.ToLower(name)] = i
		read[i] = duck.QuoteString(name) + ": 'VARCHAR'"
	}
	casts := make([]string, 0, len(p.columns))
	for _, c := range p.columns {
		i, ok := index[strings.ToLower(c.name)]
		if !ok {
			errs.add(p.f, c.at, didYouMean(c.name, header.fields), "the seed %s has no column %s", p.seed.path, c.name)
			continue
		}
		if isText(c.typ) {
			p.seed.settings.checkText(sf, records[1:], i, c.name, errs)
		}
		casts = append(casts, "CAST("+duck.QuoteIdent(header.fields[i])+" AS "+c.typ+") AS "+duck.QuoteIdent(c.name))
	}
	null := []string{duck.QuoteString("\x01no value\x01")} // DuckDB's own default would make '' NULL
	if na := p.seed.settings.na(); len(na) > 0 {
		null = null[:0]
		for _, v := range na {
			null = append(null, duck.QuoteString(v))
		}
	}
	return "SELECT " + strings.Join(casts, ", ") + " FROM read_csv(" + duck.QuoteString(literalGlob(p.m.SeedPath)) +
		", auto_detect = false, header = true, delim = " + duck.QuoteString(p.seed.settings.delimiter) +
		", quote = " + duck.QuoteString(p.seed.settings.quote) + ", escape = " + duck.QuoteString(p.seed.settings.quote) +
		", nullstr = [" + strings.Join(null, ", ") + "], allow_quoted_nulls = true, columns = {" + strings.Join(read, ", ") + "})"
}

func isText(typ string) bool {
	word, _, _ := strings.Cut(strings.ToUpper(typ), "(")
	return contains([]string{"VARCHAR", "TEXT", "STRING", "CHAR", "BPCHAR"}, strings.TrimSpace(word))
}
