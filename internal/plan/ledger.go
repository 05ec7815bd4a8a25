package plan

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"beanflows.coffee/materia/internal/model"
)

// A ledger is a table to which batches of rows are appended and in which no
// row ever changes. A version of a model that is filled in portions is a view
// of some batches, so one new file costs that file, environments with
// different files share what they have in common, and an earlier version
// shows what it always showed. See docs/adr/0020.
const (
	rowsSchema  = "materia_rows" // not materia__*: a binary before ledgers leaves it alone
	batchColumn = "materia_batch"

	// maxBatchFiles bounds the memory of reading many files at once: DuckDB
	// needs more than 2 GB for 100,000 small ones in one statement.
	maxBatchFiles = 5_000
)

// ledgerID names the ledger of a model: equal code that returns the same
// columns fills the same one.
func ledgerID(m *model.Model) string {
	columns := map[string]string{}
	for i, c := range m.Columns {
		columns[fmt.Sprint(i, " ", c.Name)] = c.Type
	}
	return version(m.Name, "ledger "+m.CodeHash, columns, nil)
}

func ledgerTable(m *model.Model, ledger string) string {
	return m.Schema + "__" + m.Table + "__" + ledger[:physicalDigits]
}

// segment is a run of batches that a version shows; with times, of their rows
// from From up to but not including To.
type segment struct {
	First, Last int
	From, To    time.Time
}

// physicalKind is what holds the version: a ledger's version is a view of it.
func (t *target) physicalKind() string {
	if t.model.Kind == model.View || t.ledger != "" {
		return "VIEW"
	}
	return "TABLE"
}

// recordedKind goes into materia.snapshots, where every binary so far takes
// VIEW for a view and all else for a table.
func (t *target) recordedKind() string {
	if t.ledger != "" {
		return "VIEW"
	}
	return string(t.model.Kind)
}

// materialiseFiles reads the files that the ledger lacks as one batch, and
// makes the version a view of the batches that hold exactly its files.
func (a *applier) materialiseFiles(ctx context.Context, t *target) error {
	last, err := a.openLedger(ctx, t)
	if err != nil {
		return err
	}
	batches, missing, err := a.coverFiles(ctx, t)
	if err != nil {
		return err
	}
	for len(missing) > 0 || last == 0 { // the first batch makes the table, if need be without rows
		portion := missing[:min(len(missing), maxBatchFiles)]
		missing = missing[len(portion):]
		last++
		if err := a.readFiles(ctx, t, last, portion); err != nil {
			return err
		}
		batches = append(batches, last)
	}
	return a.showSegments(ctx, t, runs(batches))
}

// readFiles appends the rows of files, which are sorted, as one batch.
func (a *applier) readFiles(ctx context.Context, t *target, batch int, files []InputFile) error {
	byGlob := map[string][]InputFile{}
	for glob, matched := range t.byGlob {
		for _, f := range files {
			if _, found := slices.BinarySearchFunc(matched, f, compareInputs); found {
				byGlob[glob] = append(byGlob[glob], f)
			}
		}
	}
	rendered, err := a.render(t.model, nil, byGlob)
	if err != nil {
		return err
	}
	if err := a.appendBatch(ctx, t, batch, rendered, segment{}); err != nil {
		return err
	}
	return a.recordBatchFiles(ctx, t.ledger, batch, files)
}

// openLedger gives the number of the ledger's last batch, 0 for a new ledger.
func (a *applier) openLedger(ctx context.Context, t *target) (last int, err error) {
	err = a.conn.QueryRowContext(ctx, "SELECT max(batch) FROM materia.ledger_batches WHERE ledger = ? HAVING count(*) > 0", t.ledger).Scan(&last)
	if !errors.Is(err, sql.ErrNoRows) {
		return last, err
	}
	return 0, a.exec(ctx, "INSERT INTO materia.ledgers VALUES (?, ?, ?, ?)", t.ledger, t.model.Name, ledgerTable(t.model, t.ledger), a.lake.now())
}

// appendBatch adds the rows of a query to the ledger, in the caller's
// transaction: a crash leaves neither the rows nor the word of them. A batch
// with times keeps only the rows within.
func (a *applier) appendBatch(ctx context.Context, t *target, batch int, rendered *model.Rendered, within segment) error {
	table := quote(rowsSchema) + "." + quote(ledgerTable(t.model, t.ledger))
	before := fmt.Sprintf("INSERT INTO %s SELECT *, CAST(%d AS INTEGER) FROM (\n", table, batch)
	if batch == 1 {
		before = fmt.Sprintf("CREATE TABLE %s AS SELECT *, CAST(1 AS INTEGER) AS %s FROM (\n", table, batchColumn)
	}
	after := "\n)"
	if condition := within.times(t.model); condition != "" {
		after += " WHERE " + condition
	}
	if keys := quoteAll(t.model.UniqueKey); keys != "" { // which of two rows stays must not differ from reading to reading
		after += fmt.Sprintf(" QUALIFY row_number() OVER (PARTITION BY %s ORDER BY %s) = 1", keys, quoteAll(columnNames(t.model)))
	}
	if err := a.execModel(ctx, t.model, rendered, before, after); err != nil {
		return err
	}
	within.First = batch
	return a.recordBatch(ctx, t, within)
}

func (a *applier) recordBatch(ctx context.Context, t *target, s segment) error {
	return a.exec(ctx, fmt.Sprintf("INSERT INTO materia.ledger_batches SELECT ?, ?, ?, ?, (SELECT count(*) FROM %s.%s WHERE %s = ?), ?",
		quote(rowsSchema), quote(ledgerTable(t.model, t.ledger)), batchColumn), t.ledger, s.First, orNull(s.From), orNull(s.To), s.First, a.lake.now())
}

func columnNames(m *model.Model) []string {
	names := make([]string, len(m.Columns))
	for i, c := range m.Columns {
		names[i] = c.Name
	}
	return names
}

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quote(n)
	}
	return strings.Join(quoted, ", ")
}

func orNull(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at
}

func (a *applier) recordBatchFiles(ctx context.Context, ledger string, batch int, files []InputFile) error {
	text, err := json.Marshal(files)
	if err != nil || len(files) == 0 {
		return err
	}
	return a.exec(ctx, `INSERT INTO materia.ledger_files SELECT ?, ?, f.path, f.sha256
		FROM (SELECT unnest(from_json(?, '[{"path":"VARCHAR","sha256":"VARCHAR"}]')) AS f)`, ledger, batch, string(text))
}

// coverFiles finds batches that together hold files of the target only, each
// file once, and gives the files that are in none of them.
func (a *applier) coverFiles(ctx context.Context, t *target) (batches []int, missing []InputFile, err error) {
	wanted := map[InputFile]bool{}
	if t.base != "" {
		if batches, err = a.batchesOf(ctx, t.base); err != nil {
			return nil, nil, err
		}
	}
	if len(batches) > 0 {
		missing = t.fresh
	} else {
		missing = t.files
	}
	for _, f := range missing {
		wanted[f] = true
	}
	others, err := a.otherBatches(ctx, t.ledger, batches)
	if err != nil {
		return nil, nil, err
	}
	for _, batch := range others {
		held, err := a.filesOf(ctx, t.ledger, batch)
		if err != nil {
			return nil, nil, err
		}
		if len(held) == 0 || slices.ContainsFunc(held, func(f InputFile) bool { return !wanted[f] }) {
			continue
		}
		for _, f := range held {
			delete(wanted, f)
		}
		batches = append(batches, batch)
	}
	missing = slices.DeleteFunc(slices.Clone(missing), func(f InputFile) bool { return !wanted[f] })
	return batches, missing, nil
}

// otherBatches are the ledger's batches that are not among some.
func (a *applier) otherBatches(ctx context.Context, ledger string, but []int) (others []int, err error) {
	taken := map[int]bool{}
	for _, n := range but {
		taken[n] = true
	}
	err = eachRow(ctx, a.conn, func(scan func(...any) error) error {
		var n int
		err := scan(&n)
		if !taken[n] {
			others = append(others, n)
		}
		return err
	}, "SELECT batch FROM materia.ledger_batches WHERE ledger = ? ORDER BY batch", ledger)
	return others, err
}

func (a *applier) filesOf(ctx context.Context, ledger string, batch int) (files []InputFile, err error) {
	err = eachRow(ctx, a.conn, func(scan func(...any) error) error {
		var f InputFile
		err := scan(&f.Path, &f.SHA256)
		files = append(files, f)
		return err
	}, "SELECT path, sha256 FROM materia.ledger_files WHERE ledger = ? AND batch = ?", ledger, batch)
	return files, err
}

// batchesOf lists the batches that a version shows; none if it is no view of a
// ledger or is gone.
func (a *applier) batchesOf(ctx context.Context, version string) (batches []int, err error) {
	err = eachRow(ctx, a.conn, func(scan func(...any) error) error {
		var s segment
		err := scan(&s.First, &s.Last)
		for n := s.First; n <= s.Last; n++ {
			batches = append(batches, n)
		}
		return err
	}, "SELECT first_batch, last_batch FROM materia.snapshot_batches WHERE version = ? ORDER BY position", version)
	return batches, err
}

// runs joins neighbouring numbers.
func runs(batches []int) []segment {
	slices.Sort(batches)
	var all []segment
	for _, n := range batches {
		if len(all) > 0 && all[len(all)-1].Last == n-1 {
			all[len(all)-1].Last = n
		} else {
			all = append(all, segment{First: n, Last: n})
		}
	}
	return all
}

// showSegments makes the version a view of its batches and writes down which.
func (a *applier) showSegments(ctx context.Context, t *target, segments []segment) error {
	for i, s := range segments {
		if err := a.exec(ctx, "INSERT INTO materia.snapshot_batches VALUES (?, ?, ?, ?, ?, ?, ?)",
			t.version, t.ledger, i, s.First, s.Last, orNull(s.From), orNull(s.To)); err != nil {
			return err
		}
	}
	return a.exec(ctx, "CREATE VIEW "+physicalName(t.model.Schema, t.model.Table, t.version)+" AS "+selectSegments(t, segments))
}

// selectSegments shows batches of a ledger: those of files as they are, those
// of a time range where they are in force, those merged by key with the last
// row of each key.
func selectSegments(t *target, segments []segment) string {
	m := t.model
	conditions := make([]string, len(segments))
	for i, s := range segments {
		conditions[i] = fmt.Sprintf("%s BETWEEN %d AND %d", batchColumn, s.First, s.Last)
		if times := s.times(m); times != "" {
			conditions[i] = "(" + conditions[i] + " AND " + times + ")"
		}
	}
	if len(conditions) == 0 {
		conditions = []string{"FALSE"}
	}
	text := fmt.Sprintf("SELECT %s FROM %s.%s WHERE %s", quoteAll(columnNames(m)), quote(rowsSchema), quote(ledgerTable(m, t.ledger)), strings.Join(conditions, " OR "))
	if keys := quoteAll(m.UniqueKey); keys != "" {
		text += fmt.Sprintf(" QUALIFY row_number() OVER (PARTITION BY %s ORDER BY %s DESC) = 1", keys, batchColumn)
	}
	return text
}

// times is the condition on the model's time column, empty without one.
func (s segment) times(m *model.Model) string {
	if s.From.IsZero() || m.TimeColumn == "" {
		return ""
	}
	return m.Within(model.Interval{Start: s.From, End: s.To})
}

// sweepLedgers drops ledgers of which no version is left, and rows that no
// version shows, in the caller's transaction.
func (a *applier) sweepLedgers(ctx context.Context) error {
	var unused []string
	err := eachRow(ctx, a.conn, func(scan func(...any) error) error {
		var ledger string
		err := scan(&ledger)
		unused = append(unused, ledger)
		return err
	}, "SELECT ledger FROM materia.ledgers WHERE ledger NOT IN (SELECT ledger FROM materia.snapshot_batches)")
	if err != nil {
		return err
	}
	for _, ledger := range unused {
		if err := a.forgetLedger(ctx, ledger); err != nil {
			return err
		}
	}
	type stale struct {
		ledger, table string
		batch         int
	}
	var all []stale
	err = eachRow(ctx, a.conn, func(scan func(...any) error) error {
		var s stale
		err := scan(&s.ledger, &s.table, &s.batch)
		all = append(all, s)
		return err
	}, `SELECT b.ledger, l.physical_table, b.batch FROM materia.ledger_batches AS b JOIN materia.ledgers AS l ON l.ledger = b.ledger
		WHERE NOT EXISTS (SELECT 1 FROM materia.snapshot_batches AS s WHERE s.ledger = b.ledger AND b.batch BETWEEN s.first_batch AND s.last_batch)
		AND b.batch < (SELECT max(n.batch) FROM materia.ledger_batches AS n WHERE n.ledger = b.ledger)`)
	if err != nil {
		return err
	}
	for _, s := range all { // all but the last, whose number must not come again
		if err := a.exec(ctx, fmt.Sprintf("DELETE FROM %s.%s WHERE %s = ?", quote(rowsSchema), quote(s.table), batchColumn), s.batch); err != nil {
			return err
		}
		for _, table := range []string{"ledger_batches", "ledger_files"} {
			if err := a.exec(ctx, "DELETE FROM materia."+table+" WHERE ledger = ? AND batch = ?", s.ledger, s.batch); err != nil {
				return err
			}
		}
	}
	return nil
}

// forgetLedger drops a ledger and the versions that were views of it.
func (a *applier) forgetLedger(ctx context.Context, ledger string) error {
	var table string
	if err := a.conn.QueryRowContext(ctx, "SELECT physical_table FROM materia.ledgers WHERE ledger = ?", ledger).Scan(&table); err != nil {
		return err
	}
	if err := a.exec(ctx, fmt.Sprintf("DROP TABLE IF EXISTS %s.%s", quote(rowsSchema), quote(table))); err != nil {
		return err
	}
	type view struct {
		version string
		physical
	}
	var views []view
	err := eachRow(ctx, a.conn, func(scan func(...any) error) error {
		v := view{physical: physical{kind: "VIEW"}}
		err := scan(&v.version, &v.schema, &v.name)
		views = append(views, v)
		return err
	}, `SELECT version, physical_schema, physical_table FROM materia.snapshots
		WHERE version IN (SELECT version FROM materia.snapshot_batches WHERE ledger = ?)`, ledger)
	if err != nil {
		return err
	}
	for _, v := range views {
		if err := errors.Join(a.exec(ctx, v.drop()), a.forget(ctx, v.version)); err != nil {
			return err
		}
	}
	for _, state := range []string{"ledgers", "ledger_batches", "ledger_files"} {
		if err := a.exec(ctx, "DELETE FROM materia."+state+" WHERE ledger = ?", ledger); err != nil {
			return err
		}
	}
	return nil
}

// lostLedgers lists ledgers whose table somebody else dropped.
func (a *applier) lostLedgers(ctx context.Context) (lost []string, err error) {
	err = eachRow(ctx, a.conn, func(scan func(...any) error) error {
		var ledger string
		err := scan(&ledger)
		lost = append(lost, ledger)
		return err
	}, `SELECT ledger FROM materia.ledgers WHERE physical_table NOT IN (SELECT table_name FROM duckdb_tables()
		WHERE schema_name = '`+rowsSchema+`' AND database_name = current_database())`)
	return lost, err
}
