package main

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/landing"
)

// byWhy are the flags of every decision: who decides and why stay on record.
type byWhy struct{ by, why string }

func (f *byWhy) flags(c *cobra.Command) {
	name := ""
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	c.Flags().StringVar(&f.by, "by", name, "who decides")
	c.Flags().StringVar(&f.why, "why", "", "why (required)")
}

func (f byWhy) check() error {
	if strings.TrimSpace(f.why) == "" || strings.TrimSpace(f.by) == "" {
		return usage(errors.New("a decision stays on record: say why with --why, and who with --by"))
	}
	return nil
}

// decisionCmd is a decision about one landed file.
func decisionCmd(a *app, action landing.Action, short, long, example, done string) *cobra.Command {
	var f byWhy
	c := &cobra.Command{
		Use: string(action) + " PATH", Short: short, Long: long, Example: example, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			path := a.relativePath(args[0])
			source, err := a.sourceOf(path)
			if err != nil {
				return err
			}
			d, err := a.decide(cmd.Context(), landing.Decision{Source: source, Action: action, Path: path, By: f.by, Why: f.why})
			if err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "%s %s: %s\n", action, path, done)
			if len(d.Paths) > 0 {
				fmt.Fprintf(a.stdout, "%s landed after it: set aside until materia landing unpin %s\n", plural(len(d.Paths), "file"), source)
			}
			return nil
		},
	}
	f.flags(c)
	return c
}

func landingRetractCmd(a *app) *cobra.Command {
	return decisionCmd(a, landing.Retract, "Take a landed file from the models, for good or until restore",
		`Take a landed file from every model and reader. It moves to .aside under the same
path, stays in its manifest, is verified as before, and does not land again. The
next pipeline run transform builds the figures without it.`,
		"  materia landing retract psd/2026/07/0a1b2c3d4e5f.csv.gzip --why 'USDA withdrew it'", "no model reads it any more")
}

func landingRestoreCmd(a *app) *cobra.Command {
	return decisionCmd(a, landing.Restore, "Give a retracted file back to the models", "",
		"  materia landing restore psd/2026/07/0a1b2c3d4e5f.csv.gzip --why 'it was right'", "models read it again")
}

func landingPinCmd(a *app) *cobra.Command {
	return decisionCmd(a, landing.Pin, "Stay with a source as it was when this file had landed",
		`Stay with a source as it was when this file had landed. What landed later is set
aside, and so is what lands from now on, until unpin. Nothing is lost: extraction
goes on.`,
		"  materia landing pin prices/KC=F/2026-01-30.json.gz --why 'the February roll is under review'", "the source is pinned to it")
}

func landingUnpinCmd(a *app) *cobra.Command {
	var f byWhy
	c := &cobra.Command{
		Use: "unpin SOURCE", Short: "End a source's pin", Example: "  materia landing unpin prices --why 'reviewed'", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			d, err := a.decide(cmd.Context(), landing.Decision{Source: args[0], Action: landing.Unpin, By: f.by, Why: f.why})
			if err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "unpin %s: %s back\n", args[0], plural(len(d.Paths), "file"))
			return nil
		},
	}
	f.flags(c)
	return c
}

func landingReleaseCmd(a *app) *cobra.Command {
	var f byWhy
	c := &cobra.Command{
		Use:   "release NAME",
		Short: "Let a refused answer in",
		Long: `Let an answer out of quarantine: it is judged again from what was kept, without
asking upstream, and what its contract held against it is a warning now. An answer
that cannot be read at all stays refused. NAME is as landing quarantine shows it,
or its beginning.`,
		Example: "  materia landing release 20260201T120000Z-psd-0a1b2c3d --why 'USDA dropped small countries, see the circular'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return a.withDeps(cmd.Context(), func(d extract.Deps) error {
				h, err := heldByName(d.Zone, args[0])
				if err != nil {
					return err
				}
				src, err := sourceByName(h.Source)
				if err != nil {
					return err
				}
				res, err := extract.ReleaseRefused(cmd.Context(), d, src, h, f.by, f.why)
				if res.RunID != "" {
					a.tellResult(res)
				}
				return err
			})
		},
	}
	f.flags(c)
	return c
}

func landingAcceptCmd(a *app) *cobra.Command {
	var f byWhy
	c := &cobra.Command{
		Use:   "accept NAME",
		Short: "Accept what refused an answer, in every later one too",
		Long: `Accept what a source's contract held against a refused answer, such as a renamed
column: the same difference, word for word, is a warning from now on. The answer
itself is let in by release, or by the next run. NAME is as landing quarantine
shows it, or its beginning.`,
		Example: "  materia landing accept 20260201T120000Z-psd-0a1b2c3d --why 'USDA renamed Unit_ID'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return a.withDeps(cmd.Context(), func(d extract.Deps) error {
				h, err := heldByName(d.Zone, args[0])
				if err != nil {
					return err
				}
				accepted := 0
				for _, finding := range h.Findings {
					if !finding.Refuse {
						continue
					}
					if _, err := extract.Decide(cmd.Context(), d, landing.Decision{Source: h.Source, Action: landing.Accept,
						Rule: finding.Rule, Detail: finding.Detail, By: f.by, Why: f.why}); err != nil {
						return err
					}
					accepted++
					fmt.Fprintf(a.stdout, "accepted for %s: %s\n", h.Source, finding)
				}
				if accepted == 0 {
					return fmt.Errorf("accept %s: no contract refused it, it could not be read: %s", h.Name, h.Reason)
				}
				return nil
			})
		},
	}
	f.flags(c)
	return c
}

func landingAdoptCmd(a *app) *cobra.Command {
	var source, origin string
	c := &cobra.Command{
		Use:   "adopt [--source SOURCE PATH...]",
		Short: "Finish what dead runs left; with paths, give files without a manifest one",
		Long: `Without paths: bring every source's part of the zone in order as its next run would,
and list files that no manifest names. With paths: another system wrote these
files, or their manifest was lost; read them and write their manifest.`,
		Example: "  materia landing adopt\n  materia landing adopt --source psd psd/2022/12/aaa23797ecc9.csv.gzip",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDeps(cmd.Context(), func(d extract.Deps) error {
				if len(args) > 0 {
					return a.adoptPaths(cmd.Context(), d, source, origin, args)
				}
				return a.mendAll(cmd.Context(), d)
			})
		},
	}
	c.Flags().StringVar(&source, "source", "", "whose files these are")
	c.Flags().StringVar(&origin, "origin", "", "live, sample or replay; the zone's own where it has data")
	return c
}

func (a *app) adoptPaths(ctx context.Context, d extract.Deps, source, origin string, paths []string) error {
	if _, err := sourceByName(source); err != nil {
		return usage(fmt.Errorf("adopt with paths needs --source: %w", err))
	}
	if origin == "" {
		var err error
		if origin, err = d.Zone.Origin(); err != nil {
			return err
		}
		if origin == "" {
			return usage(errors.New("adopt: the zone holds no data yet: --origin says where these files come from"))
		}
	}
	for n := range paths {
		paths[n] = a.relativePath(paths[n])
	}
	landed, err := extract.Adopt(ctx, d, source, origin, paths)
	for _, e := range landed {
		fmt.Fprintf(a.stdout, "adopted %s: %s, %s rows, sha256 %.12s\n", e.Path, size(e.Bytes), grouped(e.Rows), e.SHA256)
	}
	return err
}

func (a *app) mendAll(ctx context.Context, d extract.Deps) error {
	for _, src := range sources() {
		found, err := extract.Mend(ctx, d, src.Name)
		if err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "%s: adopted %s, swept %s, quarantined %s\n", src.Name, plural(len(found.Adopted), "file"),
			plural(found.Swept, "temporary file"), plural(len(found.Quarantined), "file"))
	}
	unlisted, err := d.Zone.Unlisted()
	for _, path := range unlisted {
		fmt.Fprintf(a.stdout, "in no manifest: %s (adopt it with --source, or remove it)\n", path)
	}
	return err
}

func landingRederiveCmd(a *app) *cobra.Command {
	var f byWhy
	c := &cobra.Command{
		Use:   "rederive SOURCE",
		Short: "Make figures anew from the originals that landed, after a parser was mended",
		Long: `Read every original that the source keeps (ICE's workbooks) again and land the
figures that come out otherwise. They keep the landing time of their original, so
nothing seems to have been known later than it was; the figures before them are
set aside. Upstream is not asked.`,
		Example: "  materia landing rederive ice --why 'passed and failed bags were swapped in the 2023 layout'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			src, err := sourceByName(args[0])
			if err != nil {
				return err
			}
			return a.withDeps(cmd.Context(), func(d extract.Deps) error {
				res, err := extract.Rederive(cmd.Context(), d, src, f.by, f.why)
				for _, e := range res.Landed {
					fmt.Fprintf(a.stdout, "%s: %s rows, from %s\n", e.Path, grouped(e.Rows), e.DerivedFrom)
				}
				for _, text := range res.Failed {
					fmt.Fprintf(a.stdout, "kept as it was: %s\n", text)
				}
				fmt.Fprintf(a.stdout, "rederive %s: %s read, %s anew, %s set aside, %d unreadable\n", src.Name, plural(res.Originals, "original"),
					plural(len(res.Landed), "file"), plural(len(res.Superseded), "file"), len(res.Failed))
				return err
			})
		},
	}
	f.flags(c)
	return c
}

// decide records a decision without an upstream.
func (a *app) decide(ctx context.Context, decision landing.Decision) (done landing.Decision, err error) {
	zone, err := a.existingZone()
	if err != nil {
		return decision, err
	}
	return extract.Decide(ctx, extract.Deps{Zone: zone, Now: a.now, Log: a.log, LockWait: a.lockWait}, decision)
}

// withDeps opens what an extraction works with.
func (a *app) withDeps(ctx context.Context, f func(extract.Deps) error) (err error) {
	if _, err := a.existingZone(); err != nil {
		return err
	}
	zone, st, err := a.openLanding(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	return f(extract.Deps{Zone: zone, State: st, Now: a.now, Log: a.log, LockWait: a.lockWait,
		Client: extract.NewClient(extract.ClientOptions{Upstream: a.upstream, Now: a.now, Log: a.log})})
}

// sourceOf is the source whose manifest names the path.
func (a *app) sourceOf(path string) (string, error) {
	zone, err := a.existingZone()
	if err != nil {
		return "", err
	}
	for e, err := range zone.Entries() {
		if err != nil {
			return "", err
		}
		if e.Path == path {
			return e.Source, nil
		}
	}
	return "", fmt.Errorf("no manifest names %s (materia landing list shows what landed)", path)
}

func sourceByName(name string) (extract.Source, error) {
	all := sources()
	i := slices.IndexFunc(all, func(s extract.Source) bool { return s.Name == name })
	if i < 0 {
		var names []string
		for _, s := range all {
			names = append(names, s.Name)
		}
		return extract.Source{}, fmt.Errorf("no source %q; one of %s", name, strings.Join(names, ", "))
	}
	return all[i], nil
}

// heldByName finds one refused answer by its name or the beginning of it.
func heldByName(zone *landing.Zone, name string) (extract.Held, error) {
	held, err := extract.Quarantined(zone, "")
	if err != nil {
		return extract.Held{}, err
	}
	var match []extract.Held
	for _, h := range held {
		if h.Name == name {
			return h, nil
		}
		if strings.HasPrefix(h.Name, name) {
			match = append(match, h)
		}
	}
	if len(match) == 1 {
		return match[0], nil
	}
	return extract.Held{}, fmt.Errorf("%s of quarantine begin with %q (materia landing quarantine lists them)", plural(len(match), "name"), name)
}
