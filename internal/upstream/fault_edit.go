package upstream

import (
	"bytes"
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// editsContent reports whether the fault changes what the file says.
func (f Fault) editsContent() bool {
	switch f.Kind {
	case WrongType, RenameColumn, DropColumn, AddColumn, ReorderColumns, FewerRows, Revise, Duplicates, Empty, BOM, CP1252:
		return true
	}
	return false
}

// notANumber is what stands in a retyped column.
const notANumber = "n/a"

// jsonValue is what stands in a retyped column of JSON: a number where To is one.
func (f Fault) jsonValue() any {
	if n, err := strconv.ParseFloat(f.To, 64); err == nil {
		return n
	}
	return cmp.Or(f.To, notANumber)
}

// editCSV applies the fault to a CSV file with CRLF lines and returns another.
// A column that the file lacks is no column to change: the file stays as it is.
func (f Fault) editCSV(csv []byte) []byte {
	switch f.Kind {
	case Revise:
		return csv // revised when it was made
	case BOM, CP1252:
		return f.editText(csv, bytes.IndexByte(csv, '\n')+1)
	}
	lines := bytes.SplitAfter(csv, []byte("\r\n"))
	lines = lines[:len(lines)-1] // what follows the last line end
	part := lines[:min(1+cmp.Or(f.Rows, (len(lines)-1)/10), len(lines))]
	switch f.Kind {
	case Empty:
		return lines[0]
	case FewerRows:
		return slices.Concat(part...)
	case Duplicates:
		return slices.Concat(csv, slices.Concat(part[1:]...))
	}
	column := slices.IndexFunc(fields(nil, lines[0]), func(name []byte) bool { return string(bytes.Trim(name, `"`)) == cmp.Or(f.Column, "Value") })
	var out bytes.Buffer
	out.Grow(len(csv) + len(csv)/4)
	var row [][]byte
	for i, line := range lines {
		if f.Kind == WrongType && f.Rows > 0 && i > f.Rows {
			out.Write(line)
			continue
		}
		row = f.editRow(fields(row[:0], line), column, i == 0)
		for n, field := range row {
			if n > 0 {
				out.WriteByte(',')
			}
			out.Write(field)
		}
		out.WriteString("\r\n")
	}
	return out.Bytes()
}

func (f Fault) editRow(row [][]byte, column int, header bool) [][]byte {
	switch {
	case f.Kind == AddColumn && header:
		return append(row, []byte(cmp.Or(f.To, "Note")))
	case f.Kind == AddColumn:
		return append(row, []byte(`"sample"`))
	case f.Kind == ReorderColumns:
		slices.Reverse(row)
	case column < 0:
	case f.Kind == DropColumn:
		return slices.Delete(row, column, column+1)
	case f.Kind == RenameColumn && header:
		row[column] = []byte(cmp.Or(f.To, "Amount"))
	case f.Kind == WrongType && !header:
		row[column] = []byte(cmp.Or(f.To, notANumber))
	}
	return row
}

// editText spoils a text's encoding; at is where a byte may come in between.
func (f Fault) editText(text []byte, at int) []byte {
	switch f.Kind {
	case BOM:
		return slices.Concat([]byte("\ufeff"), text)
	case CP1252:
		return slices.Concat(text[:at], []byte{0xe9}, text[at:])
	}
	return text
}

// setHeader sets or removes the header of a fault that is about one.
func (f Fault) setHeader(h http.Header) {
	if f.Kind != Header {
		return
	}
	name, value, _ := strings.Cut(f.To, ":")
	h.Del(name)
	if value = strings.TrimSpace(value); value != "" {
		h.Set(name, value)
	}
}

// fields cuts a line at its commas outside quotes and appends the pieces; quotes
// stay.
func fields(row [][]byte, line []byte) [][]byte {
	line = bytes.TrimSuffix(line, []byte("\r\n"))
	start, quoted := 0, false
	for i, c := range line {
		switch {
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			row = append(row, line[start:i])
			start = i + 1
		}
	}
	return append(row, line[start:])
}

// editChart applies the fault to the one result of a chart document decoded
// into maps. Its columns are timestamp and the arrays of a quote.
func (f Fault) editChart(result map[string]any) {
	quote := result["indicators"].(map[string]any)["quote"].([]any)[0].(map[string]any)
	column := cmp.Or(f.Column, "close")
	owner := quote
	if column == "timestamp" {
		owner = result
	}
	values, found := owner[column].([]any)
	switch f.Kind {
	case Duplicates:
		stamps, _ := result["timestamp"].([]any)
		again := min(cmp.Or(f.Rows, len(stamps)/10), len(stamps))
		result["timestamp"] = append(stamps, stamps[:again]...)
		for name, column := range quote {
			if all, ok := column.([]any); ok {
				quote[name] = append(all, all[:min(again, len(all))]...)
			}
		}
	case AddColumn:
		quote[cmp.Or(f.To, "Note")] = quote["volume"]
	case RenameColumn:
		if found {
			delete(owner, column)
			owner[cmp.Or(f.To, "Amount")] = values
		}
	case DropColumn:
		delete(owner, column)
	case WrongType:
		for i := range values[:min(cmp.Or(f.Rows, len(values)), len(values))] {
			values[i] = f.jsonValue()
		}
	}
}
