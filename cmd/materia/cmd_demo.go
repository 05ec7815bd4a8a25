package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/upstream"
)

// demoRecent are the sources that by default ask for the newest alone, although
// what they are about is a history: revisions, and stocks by the day.
var demoRecent = [...]string{"psd", "ice"}

func demoCmd(a *app) *cobra.Command {
	var o demoOptions
	c := &cobra.Command{
		Use:   "demo",
		Short: "Sample data from a built-in upstream to a live dashboard",
		Long: `Start an upstream that speaks the publishers' formats with invented figures, extract
from it, transform, publish, and serve the dashboard. Every page says SAMPLE.
Everything lies under --dir, so that the demo never meets real data; LANDING_DIR,
DUCKDB_PATH and SERVING_DUCKDB_PATH move a part of it, where they are set.`,
		Example: `  materia demo                # then open http://localhost:8080; Ctrl-C stops it
  materia demo --once         # stop after the export and print what was made`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.upstream != "" {
				return usage(errors.New("demo: MATERIA_UPSTREAM is set, but the demo brings its own upstream: unset it, or run pipeline run all"))
			}
			if o.years < 0 {
				return usage(fmt.Errorf("demo: --years %d: want 0 or more", o.years))
			}
			return a.demo(cmd.Context(), o)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.once, "once", false, "stop after the export and print what was made")
	f.StringVar(&o.addr, "addr", "localhost:8080", "address of the dashboard")
	f.StringVar(&o.dir, "dir", "data/demo", "where the demo's files lie")
	f.IntVar(&o.years, "years", 2, "years of past PSD releases and daily ICE reports; each takes seconds")
	return c
}

type demoOptions struct {
	once      bool
	addr, dir string
	years     int
}

func (a *app) demo(ctx context.Context, o demoOptions) error {
	began := time.Now()
	a.brief = true
	var dashboard net.Listener
	if !o.once { // before the work: a taken port should not be found after it
		var err error
		if dashboard, err = net.Listen("tcp", o.addr); err != nil {
			return fmt.Errorf("demo: %w (choose another --addr)", err)
		}
		defer dashboard.Close()
	}
	stop, err := a.standIn(o)
	if err != nil {
		return err
	}
	defer stop()
	var recent []extract.Source
	for _, src := range sources() {
		if slices.Contains(demoRecent[:], src.Name) {
			recent = append(recent, src)
		}
	}
	if err := a.extract(ctx, extract.Window{Since: a.now().AddDate(-o.years, 0, 0)}, recent...); err != nil {
		return err
	}
	for _, p := range a.pipelines() {
		if p.name == "all" {
			err = a.withLimit(ctx, p, stopGrace, func(ctx context.Context) error { return p.run(ctx, extract.Window{}) })
		}
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "demo: ready after %.1f s; the figures are invented\n", time.Since(began).Seconds())
	fmt.Fprintf(a.stdout, "demo: ask it: SERVING_DUCKDB_PATH=%s materia query \"FROM serving.coffee_prices LIMIT 5\"\n", a.servingPath)
	if o.once {
		return a.tellMade(ctx)
	}
	return a.serve(ctx, dashboard)
}

// standIn starts the sample upstream on a free port and points everything at it
// and at the demo's own files.
func (a *app) standIn(o demoOptions) (stop func(), err error) {
	for _, f := range []struct {
		name string
		path *string
		file string
	}{
		{"LANDING_DIR", &a.landingDir, "landing"}, {"DUCKDB_PATH", &a.lakehouse, "lakehouse.duckdb"}, {"SERVING_DUCKDB_PATH", &a.servingPath, "analytics.duckdb"},
	} {
		if a.getenv(f.name) == "" {
			*f.path = filepath.Join(o.dir, f.file)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("demo: sample upstream: %w", err)
	}
	sample := upstream.New(upstream.Options{Today: a.now(), FirstArchive: a.now().AddDate(-o.years, 0, 0)})
	server := &http.Server{Handler: sample, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(l) // ends with Close
	a.upstream = "http://" + l.Addr().String()
	return func() {
		if err := errors.Join(sample.Close(), server.Close()); err != nil {
			a.log.Warn("stop the sample upstream", "error", err.Error())
		}
	}, nil
}

// tellMade lists the published tables.
func (a *app) tellMade(ctx context.Context) error {
	return a.queryServing(ctx, `SELECT table_name AS published, estimated_size AS rows, column_count AS columns
		FROM duckdb_tables() WHERE schema_name = 'serving' ORDER BY table_name`, tableRows)
}
