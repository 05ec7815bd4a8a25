// Package duck opens DuckDB and configures it the same way everywhere: no
// extension is ever fetched or loaded by itself, memory, threads and spill
// directory are explicit, and the session's time zone is UTC.
//
// It is the only importer of the driver. It must never hold a query of the
// project's own, and never keep a database in a package variable.
package duck

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	duckdb "github.com/duckdb/duckdb-go/v2"
)

// defaultMemoryLimit is what a database may use when Options says nothing. It
// is far below a small server's memory, so that the web process survives a plan.
const defaultMemoryLimit = "2GB"

// Options configures one database. The zero value is a read-write database
// that cannot touch files other than its own.
type Options struct {
	ReadOnly       bool
	Threads        int    // 0: one a core
	MemoryLimit    string // as DuckDB spells it, "512MB"; empty: 2GB
	TempDir        string // where it spills; empty: beside the file, or no spilling for a memory database
	ExternalAccess bool   // read_csv, ATTACH, COPY, glob
}

// Open opens the database at path, or a private one in memory if path is
// empty. It touches the file at once, so a lock held by another process
// is reported here; see [IsLocked].
//
// The driver caches databases by path within a process: a file that was
// replaced under the same name while open is answered with the old content.
func Open(path string, o Options) (*sql.DB, error) {
	dsn, err := dsn(path, o)
	if err != nil {
		return nil, err
	}
	connector, err := duckdb.NewConnector(dsn, func(c driver.ExecerContext) error {
		setup := "SET TimeZone = 'UTC'"
		if !o.ExternalAccess { // as an option of Open it would forbid temp_directory beside it
			setup += "; SET enable_external_access = false"
		}
		_, err := c.ExecContext(context.Background(), setup, nil)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("duck: open %s: %w", shown(path), err)
	}
	return sql.OpenDB(connector), nil
}

func dsn(path string, o Options) (string, error) {
	if strings.ContainsAny(path, "?%") {
		return "", fmt.Errorf("duck: open %s: a database path may not hold ? or %%", path)
	}
	if path != "" {
		abs, err := filepath.Abs(path)
		if err != nil {
			return "", fmt.Errorf("duck: open %s: %w", path, err)
		}
		path = abs
	}
	threads := o.Threads
	if threads <= 0 {
		threads = runtime.NumCPU()
	}
	memory := o.MemoryLimit
	if memory == "" {
		memory = defaultMemoryLimit
	}
	temp := o.TempDir
	if temp == "" && path != "" {
		temp = path + ".tmp"
	}
	access := "automatic"
	if o.ReadOnly {
		access = "read_only"
	}
	q := url.Values{
		"access_mode":                  {access},
		"autoinstall_known_extensions": {"false"},
		"autoload_known_extensions":    {"false"},
		"threads":                      {strconv.Itoa(threads)},
		"memory_limit":                 {memory},
		"temp_directory":               {temp},
	}
	return path + "?" + q.Encode(), nil
}

func shown(path string) string {
	if path == "" {
		return ":memory:"
	}
	return path
}

var lockHolder = regexp.MustCompile(`(?s)Could not set lock on file.*?(?:Conflicting lock is held in (.*?)\.?(?: However| See|$)|$)`)

// IsLocked reports whether err says that another process holds the database
// file, and who does ("/usr/bin/materia (PID 42)", empty where the system does
// not tell).
func IsLocked(err error) (holder string, ok bool) {
	if err == nil {
		return "", false
	}
	m := lockHolder.FindStringSubmatch(err.Error())
	if m == nil {
		return "", false
	}
	return strings.TrimSpace(m[1]), true
}

// LibraryVersion is the version of the linked DuckDB, "v1.5.6".
func LibraryVersion(ctx context.Context, db *sql.DB) (string, error) {
	var v string
	if err := db.QueryRowContext(ctx, "SELECT library_version FROM pragma_version()").Scan(&v); err != nil {
		return "", fmt.Errorf("duck: version: %w", err)
	}
	return v, nil
}

// Keywords lists DuckDB's keywords, in lower case, with their category:
// reserved, unreserved, column_name or type_function.
func Keywords(ctx context.Context, db *sql.DB) (map[string]string, error) {
	rows, err := db.QueryContext(ctx, "SELECT keyword_name, keyword_category FROM duckdb_keywords()")
	if err != nil {
		return nil, fmt.Errorf("duck: keywords: %w", err)
	}
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var name, category string
		if err := rows.Scan(&name, &category); err != nil {
			return nil, fmt.Errorf("duck: keywords: %w", err)
		}
		all[strings.ToLower(name)] = category
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("duck: keywords: %w", err)
	}
	return all, nil
}

// QuoteIdent writes s as a quoted identifier.
func QuoteIdent(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// QuoteString writes s as a string literal.
func QuoteString(s string) string { return `'` + strings.ReplaceAll(s, `'`, `''`) + `'` }
