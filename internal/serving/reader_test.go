package serving

import (
	"bytes"
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

func TestReaderWithoutAFile(t *testing.T) {
	b := newBench(t)
	r := b.reader()
	if _, err := r.Acquire(t.Context()); !errors.Is(err, ErrNoData) {
		t.Errorf("before the first export: %v", err)
	}
	b.export(1)
	s := b.acquire(r)
	defer s.Release()
	if n, err := generationOf(s); n != 1 || err != nil {
		t.Errorf("generation %d, %v", n, err)
	}
	if _, err := s.DB.Exec("CREATE TABLE serving.t (a INT)"); err == nil {
		t.Error("a snapshot can be written")
	}
	if _, err := s.DB.Exec("COPY (SELECT 1) TO '" + b.dir + "/out.csv'"); err == nil {
		t.Error("a snapshot reaches other files")
	}
}

// A snapshot outlives rotations until its reader lets go, and then leaves no
// link and no descriptor.
func TestSnapshotOutlivesRotations(t *testing.T) {
	b := newBench(t)
	b.export(1)
	r := b.reader()
	old := b.acquire(r)
	b.generation(2)
	b.export(2)
	second := b.acquire(r)
	b.generation(3)
	b.export(3)
	third := b.acquire(r)
	for want, s := range map[int]*Snapshot{1: old, 2: second, 3: third} {
		if n, err := generationOf(s); n != want || err != nil {
			t.Errorf("snapshot %d reads generation %d, %v", want, n, err)
		}
	}
	if n := len(b.links()); n != 3 {
		t.Errorf("%d links for three snapshots", n)
	}
	old.Release()
	old.Release() // twice does nothing
	second.Release()
	if n := len(b.links()); n != 1 {
		t.Errorf("%d links for one snapshot: %v", n, b.links())
	}
	again := b.acquire(r)
	third.Release()
	if n, err := generationOf(again); n != 3 || err != nil {
		t.Errorf("after another's release: generation %d, %v", n, err)
	}
	r.Close()
	if n, err := generationOf(again); n != 3 || err != nil {
		t.Errorf("after Close: generation %d, %v", n, err)
	}
	again.Release()
	if left := b.links(); len(left) > 0 {
		t.Errorf("links after the last release: %v", left)
	}
}

// A torn or foreign file in the published place does not take the last good
// snapshot away.
func TestReaderStaysWithTheLastGoodFile(t *testing.T) {
	b := newBench(t)
	b.export(1)
	whole, err := os.ReadFile(b.path)
	if err != nil {
		t.Fatal(err)
	}
	r := b.reader()
	b.acquire(r).Release()
	for name, text := range map[string][]byte{"torn": whole[:len(whole)/2], "empty": nil, "foreign": []byte("no database at all, but long enough to be looked at")} {
		fresh := b.path + ".other"
		if err := os.WriteFile(fresh, text, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(fresh, b.path); err != nil {
			t.Fatal(err)
		}
		s := b.acquire(r)
		if n, err := generationOf(s); n != 1 || err != nil {
			t.Errorf("%s file: generation %d, %v", name, n, err)
		}
		s.Release()
		if n := len(b.links()); n != 1 {
			t.Errorf("%s file: %d links", name, n)
		}
		stranger := b.reader()
		if _, err := stranger.Acquire(t.Context()); err == nil {
			t.Errorf("%s file: a new reader took it", name)
		}
	}
	if r := b.export(1); !r.Replaced {
		t.Error("an export took the foreign file for its own")
	}
}

// Damage to the bytes of the published file itself, whose name and inode stay: a
// reader with a copy of its own goes on, a new one does not take the file, and
// the next export builds it again and keeps the damaged one to be looked at.
func TestDamageInPlace(t *testing.T) {
	b := newBench(t)
	b.export(1)
	r, err := OpenReader(b.path, ReaderOptions{Threads: 1, Own: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b.acquire(r).Release()
	whole, err := os.ReadFile(b.path)
	if err != nil {
		t.Fatal(err)
	}
	middle := bytes.Clone(whole)
	copy(middle[len(middle)/2:], "not what it was")
	seen := map[string]bool{}
	for _, text := range [][]byte{append([]byte("not what it was"), whole[15:]...), whole[:len(whole)/2], middle, nil, []byte("short")} {
		if err := os.WriteFile(b.path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			s := b.acquire(r)
			if n, err := generationOf(s); n != 1 || err != nil {
				t.Errorf("%d bytes: generation %d, %v", len(text), n, err)
			}
			s.Release()
		}
		stranger, err := OpenReader(b.path, ReaderOptions{Threads: 1, Own: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stranger.Acquire(t.Context()); !errors.Is(err, ErrDamaged) {
			t.Errorf("%d bytes: a new reader took it: %v", len(text), err)
		}
		done := b.export(1)
		aside, err := os.ReadFile(done.Damaged)
		if err != nil || !bytes.Equal(aside, text) || seen[done.Damaged] {
			t.Errorf("%d bytes: aside as %q: %d bytes, %v", len(text), done.Damaged, len(aside), err)
		}
		seen[done.Damaged] = true
		s := b.acquire(r)
		if n, err := generationOf(s); n != 1 || err != nil {
			t.Errorf("%d bytes, built again: generation %d, %v", len(text), n, err)
		}
		s.Release()
		if n := len(b.links()); n != 1 {
			t.Errorf("%d bytes: %d files in .open", len(text), n)
		}
	}
	if done := b.export(1); done.Replaced || done.Damaged != "" {
		t.Errorf("a whole file was built again: %+v", done)
	}
}

// Readers that never stop, while files rotate: no read fails, none is torn or
// older than a rotation that was over before it began, and neither links nor
// descriptors grow. MATERIA_LONG rotates 1,000 times.
func TestRotationUnderLoad(t *testing.T) {
	rotations, readers := 25, 4
	if os.Getenv("MATERIA_LONG") != "" {
		rotations = 1000
	}
	b := newBench(t)
	b.export(1)
	r := b.reader()
	b.acquire(r).Release()
	var published, reads atomic.Int64
	published.Store(1)
	ctx, stop := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	for range readers {
		busy.Go(func() {
			for ctx.Err() == nil {
				least := published.Load()
				s, err := r.Acquire(context.Background())
				if err != nil {
					t.Errorf("acquire: %v", err)
					return
				}
				n, err := generationOf(s)
				if err != nil || int64(n) < least {
					t.Errorf("generation %d after %d was published: %v", n, least, err)
				}
				s.Release()
				reads.Add(1)
			}
		})
	}
	few := 0
	for n := 2; n <= rotations+1 && !t.Failed(); n++ {
		b.generation(n)
		b.export(n)
		published.Store(int64(n))
		if n == 5 {
			few = openFiles(t)
		}
	}
	many := openFiles(t)
	stop()
	busy.Wait()
	if reads.Load() < int64(rotations) {
		t.Errorf("%d reads during %d rotations", reads.Load(), rotations)
	}
	if many > few+3*readers { // a reader may hold one old file more at one moment than at another
		t.Errorf("descriptors grew from %d to %d", few, many)
	}
	r.Close()
	if left := b.links(); len(left) > 0 {
		t.Errorf("links left: %v", left)
	}
	t.Logf("%d rotations, %d reads, descriptors %d then %d", rotations, reads.Load(), few, many)
}
