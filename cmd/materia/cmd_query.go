package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/duck"
	"beanflows.coffee/materia/internal/plan"
	"beanflows.coffee/materia/internal/serving"
)

func queryCmd(a *app) *cobra.Command {
	var asJSON, asCSV bool
	var db string
	c := &cobra.Command{
		Use:   "query SQL",
		Short: "Ask the published figures, or the lakehouse",
		Long: `Run one query, read-only. SQL "-" reads the query from standard input. --json is an
array of objects with keys in SELECT order, numbers as numbers and dates as ISO text.`,
		Example: `  materia query "SELECT trade_date, close FROM serving.coffee_prices ORDER BY 1 DESC LIMIT 5"
  materia query --csv "FROM serving.commodity_metrics WHERE country_code = 'WORLD'"
  materia query --db lakehouse "SELECT * FROM materia.plans"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if asJSON && asCSV {
				return usage(errors.New("query: --json or --csv, not both"))
			}
			text := args[0]
			if text == "-" {
				all, err := io.ReadAll(a.stdin)
				if err != nil {
					return fmt.Errorf("query: read standard input: %w", err)
				}
				text = string(all)
			}
			write := tableRows
			switch {
			case asJSON:
				write = jsonRows
			case asCSV:
				write = csvRows
			}
			switch db {
			case "serving":
				return a.queryServing(cmd.Context(), text, write)
			case "lakehouse":
				return a.queryLakehouse(cmd.Context(), text, write)
			}
			return usage(fmt.Errorf("query: --db %s: want serving or lakehouse", db))
		},
	}
	f := c.Flags()
	f.BoolVar(&asJSON, "json", false, "a JSON array of objects")
	f.BoolVar(&asCSV, "csv", false, "CSV with a header; NULL is empty")
	f.StringVar(&db, "db", "serving", "serving or lakehouse")
	cobra.CheckErr(c.RegisterFlagCompletionFunc("db", cobra.FixedCompletions([]string{"serving", "lakehouse"}, cobra.ShellCompDirectiveNoFileComp)))
	return c
}

// rowWriter writes a result; types are the columns' type names.
type rowWriter func(w io.Writer, rows *sql.Rows, names, types []string) error

func (a *app) queryServing(ctx context.Context, text string, write rowWriter) error {
	reader, err := serving.OpenReader(a.servingPath, serving.ReaderOptions{})
	if err != nil {
		return err
	}
	defer reader.Close()
	snapshot, err := reader.Acquire(ctx)
	if err != nil {
		return err
	}
	defer snapshot.Release()
	return a.queryDB(ctx, snapshot.DB, text, write)
}

func (a *app) queryLakehouse(ctx context.Context, text string, write rowWriter) error {
	db, err := a.readLakehouse(ctx)
	if err != nil {
		return err
	}
	return errors.Join(a.queryDB(ctx, db, text, write), db.Close())
}

// haveLakehouse keeps verbs that make nothing from making an empty lakehouse.
func (a *app) haveLakehouse() error {
	if _, err := os.Stat(a.lakehouse); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no lakehouse at %s yet; run: materia plan prod --auto-apply", a.lakehouse)
	}
	return nil
}

// readLakehouse opens the lakehouse for queries only, and waits for a process
// that writes it.
func (a *app) readLakehouse(ctx context.Context) (*sql.DB, error) {
	if err := a.haveLakehouse(); err != nil {
		return nil, err
	}
	began := time.Now()
	for {
		db, err := duck.Open(a.lakehouse, duck.Options{ReadOnly: true})
		holder, locked := duck.IsLocked(err)
		switch {
		case !locked:
			return db, err
		case time.Since(began) > a.lockWait:
			return nil, &plan.LockedError{Path: a.lakehouse, Detail: holder, Waited: time.Since(began)}
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (a *app) queryDB(ctx context.Context, db *sql.DB, text string, write rowWriter) error {
	rows, err := db.QueryContext(ctx, text)
	if err != nil {
		return fmt.Errorf("query: %w", err)
	}
	defer rows.Close()
	columns, err := rows.ColumnTypes()
	if err != nil {
		return fmt.Errorf("query: %w", err)
	}
	var names, types []string
	for _, c := range columns {
		names, types = append(names, c.Name()), append(types, c.DatabaseTypeName())
	}
	w := bufio.NewWriter(a.stdout)
	err = write(w, rows, names, types)
	if err == nil {
		err = rows.Err()
	}
	if err := errors.Join(err, w.Flush()); err != nil {
		return fmt.Errorf("query: %w", err)
	}
	return nil
}

// eachRow calls f with the values of each row.
func eachRow(rows *sql.Rows, columns int, f func(values []any) error) error {
	values, into := make([]any, columns), make([]any, columns)
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if err := f(values); err != nil {
			return err
		}
	}
	return rows.Err()
}

func jsonRows(w io.Writer, rows *sql.Rows, names, types []string) error {
	line, n := []byte("["), 0
	err := eachRow(rows, len(names), func(values []any) error {
		if n++; n > 1 {
			line = append(line, ',')
		}
		line = append(line, "\n{"...)
		for i, v := range values {
			if i > 0 {
				line = append(line, ", "...)
			}
			line = append(duck.AppendJSON(line, names[i], "VARCHAR"), ": "...)
			line = duck.AppendJSON(line, v, types[i])
		}
		line = append(line, '}')
		_, err := w.Write(line)
		line = line[:0]
		return err
	})
	if err != nil {
		return err
	}
	if n > 0 {
		line = append(line, '\n')
	}
	_, err = w.Write(append(line, "]\n"...))
	return err
}

func csvRows(w io.Writer, rows *sql.Rows, names, types []string) error {
	out := csv.NewWriter(w)
	if err := out.Write(names); err != nil {
		return err
	}
	record := make([]string, len(names))
	err := eachRow(rows, len(names), func(values []any) error {
		for i, v := range values {
			record[i] = duck.Text(v, types[i])
		}
		return out.Write(record)
	})
	out.Flush()
	return errors.Join(err, out.Error())
}

// tableRows aligns columns for a person: numbers to the right, NULL as a dash.
func tableRows(w io.Writer, rows *sql.Rows, names, types []string) error {
	table := [][]string{names}
	widths := make([]int, len(names))
	err := eachRow(rows, len(names), func(values []any) error {
		record := make([]string, len(names))
		for i, v := range values {
			if record[i] = duck.Text(v, types[i]); v == nil {
				record[i] = "-"
			}
		}
		table = append(table, record)
		return nil
	})
	if err != nil {
		return err
	}
	for _, record := range table {
		for i, text := range record {
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	for _, record := range table {
		var line strings.Builder
		for i, text := range record {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
			if isNumber(types[i]) {
				line.WriteString(pad + text)
			} else {
				line.WriteString(text + pad)
			}
			line.WriteString("  ")
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(line.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

func isNumber(typeName string) bool {
	for _, n := range []string{"INT", "DECIMAL", "DOUBLE", "FLOAT"} {
		if strings.Contains(typeName, n) && !strings.HasPrefix(typeName, "INTERVAL") {
			return true
		}
	}
	return false
}
