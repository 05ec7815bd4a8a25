package landing

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

// failing is a locked zone's batch in which steps fail as fail says.
func failing(t *testing.T, root string, fail func(step string) error) (*Zone, *Batch) {
	t.Helper()
	z, b := begin(t, root, noon)
	z.disk.onStep = fail
	return z, b
}

func once(name string, fault error) func(string) error {
	return func(step string) error {
		if step == name {
			name = ""
			return fault
		}
		return nil
	}
}

// TestOneFileFailsOthersGoOn: the rest of the batch lands and the manifest does
// not speak of what failed; put again, it lands once.
func TestOneFileFailsOthersGoOn(t *testing.T) {
	for _, step := range []string{"draft sync", "put mkdir", "put link", "put link done", "put sync dir", "put remove draft", "put remove draft done"} {
		for _, again := range []bool{false, true} {
			z, b := failing(t, t.TempDir(), once(step, syscall.ENOSPC))
			if _, err := tryPut(t, b, scenario[0]); !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("%s: %v", step, err)
			}
			putText(t, b, scenario[3])
			if again {
				putText(t, b, scenario[0])
			}
			landed := commit(t, b)
			verified(t, z, len(landed))
			if rest, err := z.Unlisted(); err != nil || len(rest) != 0 {
				t.Errorf("%s, again %v: in no manifest: %v %v", step, again, rest, err)
			}
			if again && len(landed) != 2 {
				t.Errorf("%s: %d files landed, want 2", step, len(landed))
			}
			if err := b.Close(); err != nil {
				t.Errorf("%s: close: %v", step, err)
			}
			if left, _ := os.ReadDir(z.path(draftDir + "/psd")); len(left) != 0 {
				t.Errorf("%s, again %v: left %v", step, again, left)
			}
		}
	}
}

// TestPutTwiceThenKilled: the same file was announced twice, because the first
// try failed after its link. It is in the recovered manifest once.
func TestPutTwiceThenKilled(t *testing.T) {
	root := t.TempDir()
	_, b := failing(t, root, once("put sync dir", syscall.EIO))
	if _, err := tryPut(t, b, scenario[0]); err == nil {
		t.Fatal("put succeeded")
	}
	putText(t, b, scenario[0])
	b.journal.Close()
	b.zone.held["psd"].Unlock()
	z, r := recovered(t, root)
	if len(r.Adopted) != 1 {
		t.Errorf("adopted %v", r.Adopted)
	}
	verified(t, z, 1)
}

// TestFailedJournalEndsTheBatch: after a journal line that may be half written
// nothing more lands, and what landed before is kept.
func TestFailedJournalEndsTheBatch(t *testing.T) {
	for _, step := range []string{"journal create", "journal sync dir", "journal write", "journal write done", "journal sync", "journal sync done"} {
		z, b := begin(t, t.TempDir(), noon)
		want := 0
		if step[:len("journal w")] == "journal w" || step[:len("journal sync")] == "journal sync" && step != "journal sync dir" {
			putText(t, b, scenario[3]) // the journal is open already
			want = 1
		}
		z.disk.onStep = once(step, syscall.EIO)
		if _, err := tryPut(t, b, scenario[0]); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s: %v", step, err)
		}
		if _, err := tryPut(t, b, scenario[1]); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s: a later put: %v, want the journal's fault", step, err)
		}
		if err := b.Close(); err != nil {
			t.Errorf("%s: close: %v", step, err)
		}
		verified(t, z, want)
		if rest, err := z.Unlisted(); err != nil || len(rest) != 0 {
			t.Errorf("%s: in no manifest: %v %v", step, rest, err)
		}
		if open, _ := os.ReadDir(z.path(openDir)); len(open) != 0 {
			t.Errorf("%s: journal left: %v", step, open)
		}
	}
}
