package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/landing"
)

// zoneStat is what landing stat tells.
type zoneStat struct {
	Root        string         `json:"root"`
	Origin      string         `json:"origin"`
	FreeBytes   int64          `json:"free_bytes"`
	DiskBytes   int64          `json:"disk_bytes"`
	YearBytes   int64          `json:"year_bytes"`
	YearsLeft   *float64       `json:"years_left"` // at the pace of the last 365 days; null where nothing landed
	Quarantined int            `json:"quarantined"`
	Unlisted    int            `json:"unlisted"`
	Sources     []landing.Stat `json:"sources"`
}

func landingStatCmd(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "stat",
		Short: "How much each source holds, and how long the disk lasts",
		Long: `How much each source holds, and how long the disk lasts at the pace of the last
365 days. Nothing that landed is ever deleted; docs/landing.md says why that fits.`,
		Example: "  materia landing stat\n  materia landing stat --json | jq .years_left",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			zone, err := a.existingZone()
			if err != nil {
				return err
			}
			s, err := statZone(zone)
			if err != nil {
				return err
			}
			if asJSON {
				return writeIndented(a.stdout, s)
			}
			return s.write(a.stdout)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as a JSON object")
	return c
}

func statZone(zone *landing.Zone) (zoneStat, error) {
	s := zoneStat{Root: zone.Root()}
	var err error
	if s.Sources, err = zone.Stat(); err != nil {
		return s, err
	}
	if s.Origin, err = zone.Origin(); err != nil {
		return s, err
	}
	if s.FreeBytes, err = zone.Free(); err != nil {
		return s, err
	}
	held, err := extract.Quarantined(zone, "")
	if err != nil {
		return s, err
	}
	unlisted, err := zone.Unlisted()
	if err != nil {
		return s, err
	}
	s.Quarantined, s.Unlisted = len(held), len(unlisted)
	for _, src := range s.Sources {
		s.DiskBytes, s.YearBytes = s.DiskBytes+src.DiskBytes, s.YearBytes+src.YearBytes
	}
	if s.YearBytes > 0 {
		years := float64(s.FreeBytes) / float64(s.YearBytes)
		s.YearsLeft = &years
	}
	return s, nil
}

func (s zoneStat) write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SOURCE\tFILES\tREVISIONS\tASIDE\tMISSING\tROWS\tBYTES\tON DISK\tLAST LANDED (UTC)\tPINNED")
	for _, x := range s.Sources {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\n", x.Source, grouped(int64(x.Files)), x.Revisions, x.Aside, x.Missing,
			grouped(x.Rows), size(x.Bytes), size(x.DiskBytes), x.LastLanded.UTC().Format(time.DateTime), x.Pinned)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	left := "nothing landed in the last 365 days"
	if s.YearsLeft != nil {
		left = fmt.Sprintf("%s landed in the last 365 days: room for %s at that pace", size(s.YearBytes), years(*s.YearsLeft))
	}
	_, err := fmt.Fprintf(w, "%s of %s data on disk, %s free; %s\n%s in quarantine, %s in no manifest\n",
		size(s.DiskBytes), orNone(s.Origin), size(s.FreeBytes), left, plural(s.Quarantined, "answer"), plural(s.Unlisted, "file"))
	return err
}

func years(n float64) string {
	switch {
	case n > 100:
		return "more than 100 years"
	case n < 1:
		return fmt.Sprintf("%.0f days", n*365)
	}
	return fmt.Sprintf("%.1f years", n)
}

func orNone(text string) string {
	if text == "" {
		return "no"
	}
	return text
}

func landingQuarantineCmd(a *app) *cobra.Command {
	var asJSON, all bool
	c := &cobra.Command{
		Use:   "quarantine",
		Short: "List refused answers and why they were refused",
		Long: `List refused answers and why they were refused, the oldest first. The files lie in
LANDING_DIR/.quarantine. What was released is left out; --all shows it too.`,
		Example: "  materia landing quarantine\n  materia landing release 20260201T120000Z-psd-0a1b2c3d-4e5f60718293-psd_coffee_csv.zip --why 'see the circular'",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			zone, err := a.existingZone()
			if err != nil {
				return err
			}
			held, err := extract.Quarantined(zone, "")
			if err != nil {
				return err
			}
			type row struct {
				Name     string `json:"name"`
				Reason   string `json:"reason"`
				Released bool   `json:"released"`
				extract.Held
			}
			rows := []row{}
			for _, h := range held {
				if all || !h.Released {
					rows = append(rows, row{h.Name, h.Reason, h.Released, h})
				}
			}
			if asJSON {
				return writeIndented(a.stdout, rows)
			}
			for _, r := range rows {
				note := ""
				if r.Released {
					note = " (released)"
				}
				fmt.Fprintf(a.stdout, "%s%s\n    %s\n", r.Name, note, strings.ReplaceAll(r.Reason, "\n", "\n    "))
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as a JSON array")
	c.Flags().BoolVar(&all, "all", false, "also what was released")
	return c
}

func landingLogCmd(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "log",
		Short:   "List what operators decided: when, who, what, why",
		Example: "  materia landing log",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			zone, err := a.existingZone()
			if err != nil {
				return err
			}
			names, err := zone.DecidedSources()
			if err != nil {
				return err
			}
			list := []landing.Decision{}
			for _, name := range names {
				of, err := zone.Decisions(name)
				if err != nil {
					return err
				}
				list = append(list, of...)
			}
			slices.SortStableFunc(list, func(x, y landing.Decision) int { return x.At.Compare(y.At) })
			if asJSON {
				return writeIndented(a.stdout, list)
			}
			for _, d := range list {
				fmt.Fprintf(a.stdout, "%s  %s  %s %s: %s\n", d.At.UTC().Format(time.DateTime), d.By, d.Action, subject(d), d.Why)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as a JSON array")
	return c
}

// subject is what a decision is about, in a few words.
func subject(d landing.Decision) string {
	switch d.Action {
	case landing.Accept:
		return d.Source + " " + d.Rule + " (" + d.Detail + ")"
	case landing.Release:
		return d.Source + " " + d.Detail
	case landing.Unpin:
		return d.Source + " (" + plural(len(d.Paths), "file") + " back)"
	case landing.Supersede:
		return d.Source + " (" + plural(len(d.Paths), "file") + " derived anew)"
	}
	return d.Path
}

// relativePath takes a path as a person types it: relative to the zone, or with
// the zone's folder before it.
func (a *app) relativePath(path string) string {
	abs, err := filepath.Abs(path)
	root, rerr := filepath.Abs(a.landingDir)
	if err == nil && rerr == nil {
		if rel, ok := strings.CutPrefix(abs, root+string(os.PathSeparator)); ok {
			return filepath.ToSlash(rel)
		}
	}
	return path
}
