// Package model reads a SQL project in SQLMesh's layout: config.yaml, models,
// audits and seeds. It lexes and parses the files, expands variables, takes
// dependencies from DuckDB's syntax tree, binds every query without data, and
// gives plan what it needs to build: order, hashes and executable text.
//
// It must never read or write data, never write a file, and never guess: what
// it does not know it refuses by name at file:line:column, and it reports
// everything that is wrong with a project at once.
//
// # What differs from SQLMesh, and what is ignored
//
// Kinds: FULL, VIEW, SEED, EMBEDDED, INCREMENTAL_BY_TIME_RANGE (time_column,
// batch_size, lookback), INCREMENTAL_BY_UNIQUE_KEY (unique_key, batch_size,
// lookback). batch_concurrency and partition_by_time_column are accepted
// without effect; every other option and kind is refused by name. Times stand
// in incremental models only; an interval's output is limited to it, as there.
//
// Read and kept: name, kind, cron, interval_unit, start, owner, description, grain/grains,
// columns, column_descriptions, audits, tags. Checked and otherwise ignored:
// dialect (duckdb only), enabled (false leaves the model out), depends_on
// (must name models; adds to what the query says). Accepted without effect,
// since they change no row in DuckDB: partitioned_by, clustered_by,
// storage_format, table_format, physical_properties, virtual_properties,
// session_properties, references, stamp, formatting, optimize_query, cron_tz, allow_partials, ignored_rules, retention.
//
// Macros: @name of a variable, @{name} as part of a name, @VAR, @IF (decided
// once, on literals), @EACH with a function of one parameter, @AND, @OR,
// @GENERATE_SURROGATE_KEY, and @DEF of a value before the query. They may stand
// in each other. @this_model stands in audits. Every other macro, functions by
// @DEF, Jinja and Python are refused by name.
//
// In config.yaml, read: model_defaults (dialect, start, cron, owner),
// variables, default_target_environment, project. Accepted without effect:
// gateways, default_gateway, default_connection, default_test_connection,
// state_connection, snapshot_ttl, environment_ttl, pinned_environments,
// time_column_format, users, notification_targets, username, format, ui, plan,
// run, migration, linter, janitor, log_limit, cicd_bot, cache_dir,
// disable_anonymized_analytics, cloud, auto_categorize_changes,
// infer_python_dependencies. Everything else, such as ignore_patterns,
// before_all or physical_schema_mapping, would change what the project means
// and is refused.
//
// Strict where SQLMesh casts or guesses: a columns contract must equal what
// the query returns, and a seed that pandas would rewrite is refused.
package model
