package model

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

// csvRecord is one line of a seed and where it stands.
type csvRecord struct {
	fields []string
	at     Span
}

// readCSV reads a whole seed. Blank lines are skipped, as pandas and DuckDB do.
// Lines of another width are refused. The first record is the header.
func readCSV(f *file, s csvSettings, errs *ErrorList) ([]csvRecord, bool) {
	var all []csvRecord
	r := csvReader{text: f.text, delim: s.delimiter[0], quote: s.quote[0]}
	for r.at < len(r.text) {
		start := r.at
		fields, closed := r.record()
		at := Span{start, max(start, min(r.at, len(r.text)))}
		if text, _, _ := strings.Cut(f.text[at.Start:at.End], "\n"); true {
			at.End = at.Start + len(strings.TrimRight(text, "\r"))
		}
		if !closed {
			errs.add(f, at, "", "a quoted value is never closed")
			return nil, false
		}
		if len(fields) == 1 && fields[0] == "" {
			continue
		}
		if len(all) > 0 && len(fields) != len(all[0].fields) {
			errs.add(f, at, "", "%d values, the header has %d", len(fields), len(all[0].fields))
			return nil, false
		}
		all = append(all, csvRecord{fields, at})
	}
	if len(all) == 0 {
		errs.add(f, Span{}, "the first line names the columns", "the seed is empty")
		return nil, false
	}
	return all, true
}

// ReadCSV reads CSV text as seeds are read: the first record is the header.
func ReadCSV(text string, delimiter, quote byte) ([][]string, error) {
	errs := &ErrorList{}
	f := newFile("csv", "csv", text)
	records, ok := readCSV(f, csvSettings{delimiter: string(delimiter), quote: string(quote)}, errs)
	if !ok {
		return nil, errs.asError()
	}
	rows := make([][]string, len(records))
	for i, r := range records {
		rows[i] = r.fields
	}
	return rows, nil
}

type csvReader struct {
	text         string
	at           int
	delim, quote byte
}

// record reads to the end of the line, through quoted line ends.
func (r *csvReader) record() (fields []string, closed bool) {
	for {
		value, closed := r.value()
		if !closed {
			return nil, false
		}
		fields = append(fields, value)
		if r.at < len(r.text) && r.text[r.at] == r.delim {
			r.at++
			continue
		}
		for r.at < len(r.text) {
			c := r.text[r.at]
			r.at++
			if c == '\n' {
				break
			}
		}
		return fields, true
	}
}

func (r *csvReader) value() (string, bool) {
	var b strings.Builder
	inside := r.at < len(r.text) && r.text[r.at] == r.quote
	if inside {
		r.at++
	}
	for r.at < len(r.text) {
		c := r.text[r.at]
		switch {
		case inside && c == r.quote && r.at+1 < len(r.text) && r.text[r.at+1] == r.quote:
			b.WriteByte(c)
			r.at++
		case inside && c == r.quote:
			inside = false
		case !inside && (c == r.delim || c == '\n'):
			return b.String(), true
		case !inside && c == '\r' && (r.at+1 == len(r.text) || r.text[r.at+1] == '\n'):
		default:
			b.WriteByte(c)
		}
		r.at++
	}
	return b.String(), !inside
}

var (
	pandasNumber = regexp.MustCompile(`^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$`)
	pandasInf    = regexp.MustCompile(`^(?i)\s*[+-]?inf(inity)?\s*$`)
	pandasInt    = regexp.MustCompile(`^\s*[+-]?\d+\s*$`)
)

// checkText refuses a text column that pandas would take for numbers or
// booleans and write back changed: SQLMesh would store 711100 for 0711100,
// 1.0 for 1 beside an empty value, True for true. There the same file would
// give other rows.
func (s csvSettings) checkText(f *file, rows []csvRecord, column int, name string, errs *ErrorList) {
	missing, numbers, ints, bools := false, true, true, true
	na := s.na()
	for _, r := range rows {
		v := r.fields[column]
		if contains(na, v) {
			missing = true
			continue
		}
		numbers = numbers && (pandasNumber.MatchString(v) || pandasInf.MatchString(v))
		ints = ints && pandasInt.MatchString(v)
		bools = bools && (strings.EqualFold(v, "true") || strings.EqualFold(v, "false"))
	}
	if !numbers && !bools || numbers && ints && tooLarge(rows, column, na) {
		return
	}
	for _, r := range rows {
		v := r.fields[column]
		if contains(na, v) {
			continue
		}
		if read := pandasText(v, bools, ints && !missing); read != v {
			errs.add(f, r.at, "one value that is no number, or a numeric column formatted in SQL (printf('%07d', code)), keeps both the same",
				"column %s holds text that SQLMesh would change: %s is read as %s", name, v, read)
			return
		}
	}
}

// tooLarge says that pandas finds integers beyond its 64 bits and keeps text.
func tooLarge(rows []csvRecord, column int, na []string) bool {
	for _, r := range rows {
		if v := strings.TrimSpace(r.fields[column]); !contains(na, r.fields[column]) {
			_, err1 := strconv.ParseInt(v, 10, 64)
			_, err2 := strconv.ParseUint(v, 10, 64)
			if err1 != nil && err2 != nil {
				return true
			}
		}
	}
	return false
}

// pandasText is str() of what pandas makes of a value.
func pandasText(v string, boolean, integer bool) string {
	v = strings.TrimSpace(v)
	if boolean {
		return strings.ToUpper(v[:1]) + strings.ToLower(v[1:])
	}
	if integer {
		if i, err := strconv.ParseInt(v, 10, 64); err == nil {
			return strconv.FormatInt(i, 10)
		}
		return v
	}
	x, err := strconv.ParseFloat(v, 64)
	if err != nil {
		return v
	}
	if math.IsInf(x, 0) {
		return strings.TrimPrefix(strings.ToLower(strconv.FormatFloat(x, 'g', -1, 64)), "+")
	}
	if a := math.Abs(x); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(x, 'e', -1, 64)
	}
	text := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}
