package backup

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"beanflows.coffee/materia/internal/state"
)

// Cycle is the time within which every object is read back.
const Cycle = 30 * 24 * time.Hour

// dailyShare: a share a day of 1/28 of the objects leaves two days of slack in a
// cycle of 30.
const dailyShare = 28

// VerifyResult says what was read back.
type VerifyResult struct {
	Checked, CheckedBytes int64
	Objects               int64 // that the journal knows
	Oldest                time.Time
	Problems              []string
}

// Verify reads objects back from the bucket and compares each with the hash it
// had when it was uploaded, the longest unread first: one part in 28 of them and
// all that are older than 29 days, or all. Run daily, it reads every object
// within Cycle.
func Verify(ctx context.Context, d Deps, all bool) (VerifyResult, error) {
	began := d.Now()
	r, err := verify(ctx, d, all)
	if err == nil && len(r.Problems) > 0 {
		err = fmt.Errorf("%w: %d found by reading back %d objects, the first: %s", ErrProblems, len(r.Problems), r.Checked, r.Problems[0])
	}
	row := state.BackupRun{Kind: "verify", StartedAt: began, FinishedAt: d.Now(), Status: state.Success, Objects: r.Checked, Bytes: r.CheckedBytes,
		Message: fmt.Sprintf("%d of %d objects read back", r.Checked, r.Objects)}
	if err != nil {
		row.Status, row.Message = state.Failed, err.Error()
	}
	return r, errors.Join(err, d.Journal.AddBackupRun(context.WithoutCancel(ctx), row))
}

func verify(ctx context.Context, d Deps, all bool) (r VerifyResult, err error) {
	list, err := d.Journal.BackupObjects(ctx, 0)
	if err != nil {
		return r, err
	}
	there, err := d.Bucket.list(ctx, "")
	if err != nil {
		return r, err
	}
	r.Objects = int64(len(list))
	due := d.Now().Add(-Cycle + 24*time.Hour)
	share := (len(list) + dailyShare - 1) / dailyShare
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i, o := range list {
		if _, ok := there[o.Key]; !ok { // whichever object it is: the list costs nothing
			mu.Lock()
			r.Problems = append(r.Problems, o.Key+" is gone from the bucket; the next backup uploads it again if it is still here")
			mu.Unlock()
			continue
		}
		if !all && i >= share && o.VerifiedAt.After(due) {
			continue
		}
		g.Go(func() error {
			got, _, etag, err := d.Bucket.digestOfObject(gctx, o.Key)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			r.Checked, r.CheckedBytes = r.Checked+1, r.CheckedBytes+got.bytes
			if got.sha256 != o.SHA256 {
				r.Problems = append(r.Problems, tampered(o.Key, got.sha256, o.SHA256))
				return nil
			}
			return d.Journal.MarkVerified(gctx, o.Key, etag, d.Now())
		})
	}
	if err := g.Wait(); err != nil {
		return r, err
	}
	list, err = d.Journal.BackupObjects(ctx, 1)
	if err == nil && len(list) > 0 {
		r.Oldest = list[0].VerifiedAt
	}
	return r, err
}
