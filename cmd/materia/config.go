package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// config is where things are and what day it is. Everything comes from
// the environment, so that a unit file and a test say it alike.
type config struct {
	landingDir  string // LANDING_DIR
	lakehouse   string // DUCKDB_PATH
	servingPath string // SERVING_DUCKDB_PATH
	upstream    string // MATERIA_UPSTREAM; empty: the publishers themselves
	fixedNow    string // MATERIA_NOW; empty: the machine's clock
	projectDir  string // --project

	now func() time.Time // for dates and stamps; durations use the monotonic clock
}

// loadConfig reads the environment, fills defaults and validates.
func loadConfig(getenv func(string) string, projectDir string) (config, error) {
	or := func(name, fallback string) string {
		if v := getenv(name); v != "" {
			return v
		}
		return fallback
	}
	c := config{
		landingDir:  or("LANDING_DIR", "data/landing"),
		lakehouse:   or("DUCKDB_PATH", "local.duckdb"),
		servingPath: or("SERVING_DUCKDB_PATH", "analytics.duckdb"),
		upstream:    getenv("MATERIA_UPSTREAM"),
		fixedNow:    getenv("MATERIA_NOW"),
		projectDir:  projectDir,
		now:         time.Now,
	}
	if err := c.Validate(); err != nil {
		return config{}, err
	}
	if c.fixedNow != "" {
		at, _ := time.Parse(time.RFC3339, c.fixedNow) // Validate parsed it
		c.now = func() time.Time { return at }
	}
	return c, nil
}

// Validate says everything that is wrong with the configuration at once.
func (c config) Validate() error {
	var errs []error
	if c.upstream != "" {
		u, err := url.Parse(c.upstream)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" {
			errs = append(errs, fmt.Errorf("MATERIA_UPSTREAM=%s: want a base URL such as http://127.0.0.1:8000", c.upstream))
		}
	}
	if c.fixedNow != "" {
		if _, err := time.Parse(time.RFC3339, c.fixedNow); err != nil {
			errs = append(errs, fmt.Errorf("MATERIA_NOW=%s: want RFC 3339, such as 2026-02-01T12:00:00Z", c.fixedNow))
		}
	}
	if same(c.lakehouse, c.servingPath) {
		errs = append(errs, fmt.Errorf("DUCKDB_PATH and SERVING_DUCKDB_PATH are both %s: the dashboard must never open the lakehouse", c.lakehouse))
	}
	for _, f := range []struct{ name, path string }{{"DUCKDB_PATH", c.lakehouse}, {"SERVING_DUCKDB_PATH", c.servingPath}} {
		if info, err := os.Stat(f.path); err == nil && info.IsDir() {
			errs = append(errs, fmt.Errorf("%s=%s: is a folder, want a file", f.name, f.path))
		}
	}
	return errors.Join(errs...)
}

func same(a, b string) bool {
	x, errX := filepath.Abs(a)
	y, errY := filepath.Abs(b)
	return errX == nil && errY == nil && x == y
}
