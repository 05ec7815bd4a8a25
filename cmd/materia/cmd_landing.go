package main

import (
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/landing"
)

func landingCmd(a *app) *cobra.Command {
	return group("landing", "Look into the landing zone, and overrule what it holds",
		landingListCmd(a), landingStatCmd(a), landingVerifyCmd(a), landingQuarantineCmd(a), landingLogCmd(a),
		landingRetractCmd(a), landingRestoreCmd(a), landingPinCmd(a), landingUnpinCmd(a),
		landingReleaseCmd(a), landingAcceptCmd(a), landingAdoptCmd(a), landingRederiveCmd(a))
}

func landingListCmd(a *app) *cobra.Command {
	var source string
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List landed files in order of landing",
		Example: `  materia landing list --source psd
  materia landing list --json | jq -r '.[-1].path'`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			zone, err := a.existingZone()
			if err != nil {
				return err
			}
			all, err := landed(zone)
			if err != nil {
				return err
			}
			list := []landing.Entry{}
			for _, e := range all {
				if source == "" || e.Source == source {
					list = append(list, e)
				}
			}
			if asJSON {
				return writeIndented(a.stdout, list)
			}
			t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "LANDED (UTC)\tROWS\tBYTES\tSHA256\tPATH")
			for _, e := range list {
				fmt.Fprintf(t, "%s\t%d\t%d\t%.12s\t%s\n", e.LandedAt.UTC().Format(time.DateTime), e.Rows, e.Bytes, e.SHA256, e.Path)
			}
			return t.Flush()
		},
	}
	c.Flags().StringVar(&source, "source", "", "only this source's files")
	c.Flags().BoolVar(&asJSON, "json", false, "as a JSON array of manifest lines")
	return c
}

func landingVerifyCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Read every landed file again and compare it with its manifest",
		Long: `Read every landed file to its end and compare length and hash with what its manifest
says. Damage is listed and the exit code is 1. Files that no manifest names are
listed too, but are no damage: another system may have written them.`,
		Example: "  materia landing verify",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			zone, err := a.existingZone()
			if err != nil {
				return err
			}
			files, damaged := 0, 0
			var bytes int64
			told := time.Now()
			err = zone.Verify(cmd.Context(), func(e landing.Entry, err error) {
				files++
				bytes += e.Bytes
				if err != nil {
					damaged++
					fmt.Fprintln(a.stdout, err)
				}
				if time.Since(told) > 5*time.Second {
					told = time.Now()
					a.log.Info(fmt.Sprintf("%s read, %s", plural(files, "file"), size(bytes)))
				}
			})
			if err != nil {
				return err
			}
			unlisted, err := zone.Unlisted()
			if err != nil && damaged == 0 {
				return err
			}
			for _, path := range unlisted {
				fmt.Fprintf(a.stdout, "in no manifest: %s\n", path)
			}
			if damaged > 0 {
				return errors.New(plural(damaged, "damaged file") + " in the landing zone: restore from the backup")
			}
			fmt.Fprintf(a.stdout, "landing verify: %s, %s: all as their manifests say\n", plural(files, "file"), size(bytes))
			return nil
		},
	}
}

// existingZone opens the landing zone for a verb that only looks: it must not
// make one where a path is mistyped.
func (a *app) existingZone() (*landing.Zone, error) {
	if _, err := os.Stat(a.landingDir); err != nil {
		return nil, fmt.Errorf("no landing zone: %w (LANDING_DIR says where it is)", err)
	}
	return a.zone()
}
