package plan

import (
	"context"
	"encoding/json"
	"fmt"
)

// physical is a table or view that holds a version.
type physical struct{ schema, name, kind string }

// drop gives the statement that removes it.
func (p physical) drop() string {
	return fmt.Sprintf("DROP %s IF EXISTS %s.%s", p.kind, quote(p.schema), quote(p.name))
}

// standing lists what stands in the physical schemas.
func standing(ctx context.Context, q queryer) (map[physical]bool, error) {
	found := map[physical]bool{}
	err := eachRow(ctx, q, func(scan func(...any) error) error {
		var p physical
		err := scan(&p.schema, &p.name, &p.kind)
		found[p] = true
		return err
	}, `SELECT schema_name, table_name, 'TABLE' FROM duckdb_tables() WHERE starts_with(schema_name, 'materia__') AND database_name = current_database()
		UNION ALL SELECT schema_name, view_name, 'VIEW' FROM duckdb_views() WHERE starts_with(schema_name, 'materia__') AND database_name = current_database()`)
	return found, err
}

// mend brings tables and snapshots into step when the file is opened. They are
// made and dropped in one transaction, so they differ only if somebody else
// wrote to the file. It writes nothing if all is well.
func (l *Lakehouse) mend(ctx context.Context) error {
	conn, err := l.db.Conn(ctx)
	if err != nil {
		return l.fail("open", err)
	}
	defer conn.Close()
	a := newApplier(l, conn, nil, nil)
	found, err := standing(ctx, conn)
	if err != nil {
		return l.fail("open", err)
	}
	var lost []string
	err = eachRow(ctx, conn, func(scan func(...any) error) error {
		var version string
		var p physical
		if err := scan(&version, &p.schema, &p.name, &p.kind); err != nil {
			return err
		}
		if !found[p] {
			lost = append(lost, version)
		}
		delete(found, p)
		return nil
	}, "SELECT version, physical_schema, physical_table, if(kind = 'VIEW', 'VIEW', 'TABLE') FROM materia.snapshots")
	if err != nil {
		return l.fail("open", err)
	}
	lostLedgers, err := a.lostLedgers(ctx)
	if err != nil {
		return l.fail("open", err)
	}
	if len(lost)+len(found)+len(lostLedgers) == 0 {
		return nil
	}
	err = a.inTx(ctx, "mend commit", func() error {
		for p := range found {
			l.o.Log.Warn("dropping a table that no snapshot names", "table", p.schema+"."+p.name)
			if err := a.exec(ctx, p.drop()); err != nil {
				return err
			}
		}
		for _, version := range lost {
			l.o.Log.Warn("a table is missing and will be built again", "version", version)
			if err := a.forget(ctx, version); err != nil {
				return err
			}
		}
		for _, ledger := range lostLedgers {
			l.o.Log.Warn("a ledger's table is missing and will be built again", "ledger", ledger)
			if err := a.forgetLedger(ctx, ledger); err != nil {
				return err
			}
		}
		return nil
	})
	return l.fail("mend", err)
}

func (a *applier) forget(ctx context.Context, version string) error {
	for _, table := range []string{"snapshots", "snapshot_inputs", "snapshot_batches", "audit_results", "audit_failures"} {
		if err := a.exec(ctx, "DELETE FROM materia."+table+" WHERE version = ?", version); err != nil {
			return err
		}
	}
	return nil
}

// kept are the plans whose tables stay: the current and the previous one of
// every environment, and the newest ones that Options.KeepPlans asks for.
func (l *Lakehouse) kept() string {
	return fmt.Sprintf(`(SELECT env, plan_id FROM materia.environments UNION ALL
	SELECT env, previous_plan_id FROM materia.environments WHERE previous_plan_id IS NOT NULL UNION ALL
	SELECT env, plan_id FROM materia.plans WHERE env IN (SELECT env FROM materia.environments)
	QUALIFY row_number() OVER (PARTITION BY env ORDER BY created_at DESC, rowid DESC) <= %d)`, l.o.KeepPlans)
}

// listed reads versions from a JSON parameter.
const listed = `(SELECT unnest(from_json(?, '["VARCHAR"]')))`

// sweep drops, in one transaction, what neither the current nor the previous
// plan of any environment shows nor this plan wants, and the results of audits
// that stopped a plan since overtaken. A crash before the commit leaves it to
// the next Apply.
func (a *applier) sweep(ctx context.Context) error {
	type unused struct {
		version string
		physical
	}
	kept := a.lake.kept()
	var drop []unused
	var versions []string
	for _, t := range a.plan.targets {
		versions = append(versions, t.version)
	}
	wanted, err := json.Marshal(versions)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	err = eachRow(ctx, a.conn, func(scan func(...any) error) error {
		var u unused
		err := scan(&u.version, &u.schema, &u.name, &u.kind)
		drop = append(drop, u)
		return err
	}, `SELECT version, physical_schema, physical_table, if(kind = 'VIEW', 'VIEW', 'TABLE') FROM materia.snapshots
		WHERE version NOT IN (SELECT version FROM materia.environment_models WHERE (env, plan_id) IN `+kept+`)
		AND version NOT IN `+listed+` ORDER BY model, version`, string(wanted))
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	if err := a.lake.step("sweep"); err != nil {
		return err
	}
	err = a.inTx(ctx, "sweep commit", func() error {
		for _, u := range drop {
			if err := a.exec(ctx, u.drop()); err != nil {
				return err
			}
			if err := a.forget(ctx, u.version); err != nil {
				return err
			}
		}
		if err := a.sweepLedgers(ctx); err != nil {
			return err
		}
		for _, statement := range []string{
			"DELETE FROM materia.environment_models WHERE (env, plan_id) NOT IN " + kept,
			"DELETE FROM materia.definitions WHERE hash NOT IN (SELECT definition FROM materia.environment_models UNION ALL SELECT definition FROM materia.snapshots)",
		} {
			if err := a.exec(ctx, statement); err != nil {
				return err
			}
		}
		for _, table := range []string{"audit_results", "audit_failures"} { // those of a failed build have no snapshot
			if err := a.exec(ctx, "DELETE FROM materia."+table+" WHERE version NOT IN (SELECT version FROM materia.snapshots) AND version NOT IN "+listed,
				string(wanted)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	a.applied.Dropped = len(drop)
	a.report(Event{Step: "sweep", Done: true, N: len(drop)})
	return nil
}
