package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/landing"
)

func stateCmd(a *app) *cobra.Command {
	return group("state", "The index of the landing zone", stateRebuildCmd(a))
}

func stateRebuildCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "rebuild",
		Short: "Build .state.sqlite again from the manifests",
		Long: `Build .state.sqlite again from the manifests: the index of landed files, and a run
for each manifest. What only it knew is forgotten: runs that landed nothing, and
validators, which costs transfers. No landed file is touched.`,
		Example: "  materia state rebuild",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			zone, err := a.existingZone()
			if err != nil {
				return err
			}
			unlock, err := a.lockSources(cmd.Context(), zone)
			if err != nil {
				return err
			}
			defer unlock()
			st, err := a.openState(cmd.Context(), zone)
			if err != nil {
				return err
			}
			files, err := manifested(zone)
			if err == nil {
				err = st.Rebuild(cmd.Context(), files)
			}
			if err := errors.Join(err, st.Close()); err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "state rebuild: %s indexed from the manifests\n", plural(len(files), "file"))
			return nil
		},
	}
}

// lockSources keeps extractions out while the state is replaced.
func (a *app) lockSources(ctx context.Context, zone *landing.Zone) (unlock func(), err error) {
	var locks []*landing.Lock
	unlock = func() {
		for _, l := range locks {
			if err := l.Unlock(); err != nil {
				a.log.Warn("unlock", "error", err.Error())
			}
		}
	}
	for _, s := range sources() {
		l, err := zone.Lock(ctx, s.Name, a.lockWait)
		if err != nil {
			unlock()
			return nil, err
		}
		locks = append(locks, l)
	}
	return unlock, nil
}
