package model

import (
	"context"
	"slices"
	"strings"
)

// Kind says how a model is materialised.
type Kind string

// The kinds that can be planned.
const (
	Full Kind = "FULL" // rebuilt whole
	View Kind = "VIEW" // a view, never materialised
	Seed Kind = "SEED" // a CSV file of the project

	Embedded               Kind = "EMBEDDED"                  // put into the queries that read it
	IncrementalByTimeRange Kind = "INCREMENTAL_BY_TIME_RANGE" // filled interval by interval; rows belong to the interval of their time
	IncrementalByUniqueKey Kind = "INCREMENTAL_BY_UNIQUE_KEY" // filled interval by interval; of equal keys the row of the latest evaluation stands
)

// Column is one column of a model. Type is as DuckDB prints it,
// "DECIMAL(18,4)".
type Column struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Description string `json:"description,omitempty"`
}

// Span is a half-open range of byte offsets into Model.Query.
type Span struct {
	Start int `json:"start"`
	End   int `json:"end"`
}

// Ref is one mention of another model in Query.
type Ref struct {
	Model string `json:"model"`
	Span  Span   `json:"span"`            // the (qualified) name only
	Alias string `json:"alias,omitempty"` // what Render must add so that the name it hides still resolves; empty if the query has its own
}

// Reader is one call in Query that reads the landing zone.
type Reader struct {
	Function string `json:"function"` // read_csv, read_json, ...
	Glob     string `json:"glob"`     // absolute, forward slashes
	Span     Span   `json:"span"`     // of the first argument
}

// AuditCall is an audit that a model asks for.
type AuditCall struct {
	Name     string            `json:"name"` // as in the audit's definition, without _non_blocking
	Args     map[string]string `json:"args"` // lower-case name to SQL text, macros expanded
	Blocking bool              `json:"blocking"`

	at Span // in the file
}

// Model is one file of the project. All exported fields survive JSON, and
// Render and AuditSQL need nothing else, so that a plan can record a model and
// run it later although its file has changed.
type Model struct {
	Name        string      `json:"name"` // schema.table, lower case
	Schema      string      `json:"schema"`
	Table       string      `json:"table"`
	File        string      `json:"file"` // relative to the project root, forward slashes
	Kind        Kind        `json:"kind"`
	Cron        string      `json:"cron,omitempty"`
	Start       string      `json:"start,omitempty"`
	Owner       string      `json:"owner,omitempty"`
	Description string      `json:"description,omitempty"`
	Grain       []string    `json:"grain,omitempty"`
	Tags        []string    `json:"tags,omitempty"`
	Columns     []Column    `json:"columns"`  // what the query returns, in order, bound against the parents
	Contract    bool        `json:"contract"` // the header states columns, and they were checked
	Audits      []AuditCall `json:"audits,omitempty"`
	SQL         string      `json:"sql"`   // the query as written
	Query       string      `json:"query"` // macros expanded, logical names
	DependsOn   []string    `json:"depends_on,omitempty"`
	Refs        []Ref       `json:"refs,omitempty"`
	Readers     []Reader    `json:"readers,omitempty"`
	RowWise     bool        `json:"row_wise,omitempty"`  // its rows are made of one landing file at a time: files can be read in any portions
	Deletions   []Span      `json:"deletions,omitempty"` // schema qualifiers of columns, dropped by Render
	TimeMacros  []TimeMacro `json:"time_macros,omitempty"`
	TimeColumn  string      `json:"time_column,omitempty"` // INCREMENTAL_BY_TIME_RANGE
	TimeFormat  string      `json:"time_format,omitempty"` // of a TimeColumn that is text
	UniqueKey   []string    `json:"unique_key,omitempty"`  // INCREMENTAL_BY_UNIQUE_KEY
	Unit        Unit        `json:"unit,omitempty"`        // of incremental kinds
	BatchSize   int         `json:"batch_size,omitempty"`  // intervals evaluated at once; 0: all
	Lookback    int         `json:"lookback,omitempty"`    // intervals before a new one that are evaluated with it

	// TimeBound names, for a model whose rows are all limited to the interval
	// where they are read, the column that limits them: what lies outside of an
	// interval cannot change it.
	TimeBound map[string]string `json:"time_bound,omitempty"`

	// Reads names the columns that the query looks at of each model it reads,
	// in lower case. A model that is not in it is read whole.
	Reads map[string][]string `json:"reads,omitempty"`

	SeedPath   string `json:"seed_path,omitempty"` // absolute
	SeedSHA256 string `json:"seed_sha256,omitempty"`
	BindKey    string `json:"bind_key"` // what Columns and the checks on them depend on; see LoadOptions.Bound
	CodeHash   string `json:"code_hash"`
	MetaHash   string `json:"meta_hash"`

	parsed *parsedModel // what the file said; nil for a model that came from JSON
}

// AuditDef is an audit written in audits/*.sql.
type AuditDef struct {
	Name     string            `json:"name"`
	File     string            `json:"file"`
	Blocking bool              `json:"blocking"`
	Defaults map[string]string `json:"defaults,omitempty"` // parameter to SQL text
	SQL      string            `json:"sql"`                // as written, with @this_model and @parameters

	// Variables are the project's that SQL mentions, as SQL text. Arguments and
	// defaults of the same name come first.
	Variables map[string]string `json:"variables,omitempty"`
}

// Project is a loaded project without errors.
type Project struct {
	Root   string               `json:"root"`
	Config Config               `json:"config"`
	Models map[string]*Model    `json:"models"`
	Order  []string             `json:"order"` // topological, then by name
	Audits map[string]*AuditDef `json:"audits,omitempty"`
}

// LoadOptions is what a project needs from outside its files.
type LoadOptions struct {
	Getenv func(string) string // for env_var(); nil: no variable is set
	User   string              // for user()

	// Bound gives the binding of a model that was loaded without errors under
	// the same BindKey, so that DuckDB need not be asked again: binding is
	// most of the time of a Load. nil: everything is bound.
	Bound func(bindKey string) (Binding, bool)
}

// Binding is what DuckDB says of a query: what it returns, and what it reads.
type Binding struct {
	Columns []Column
	Reads   map[string][]string // see Model.Reads
}

// Load reads the project at root: config.yaml, models/, audits/ and the seeds
// they name. It binds every query with DuckDB, without data, and writes
// nothing. Errors in the project come back together as an *ErrorList.
func Load(ctx context.Context, root string, o LoadOptions) (*Project, error) {
	return load(ctx, root, o)
}

// ReadsColumn says whether the query may look at a column of a model it reads.
func (m *Model) ReadsColumn(dep, column string) bool {
	columns, known := m.Reads[dep]
	return !known || slices.Contains(columns, strings.ToLower(column))
}
