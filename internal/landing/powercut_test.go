package landing

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// picture is a file system at one moment: which inode each name in a folder
// points to, and what each file inode holds. Folders go by path (none is ever
// renamed here), files by inode number, so that two names of one file share it.
type picture struct {
	names map[string]map[string]uint64 // folder relative to the root -> name -> inode; 0 is a folder
	bytes map[uint64]string
}

func newPicture() picture {
	return picture{names: map[string]map[string]uint64{}, bytes: map[uint64]string{}}
}

// see records one folder's names as they are now.
func (p picture) see(root, dir string) error {
	list, err := os.ReadDir(filepath.Join(root, dir))
	if err != nil {
		return err
	}
	names := map[string]uint64{}
	for _, f := range list {
		info, err := f.Info()
		if err != nil {
			return err
		}
		names[f.Name()] = 0
		if !f.IsDir() {
			names[f.Name()] = info.Sys().(*syscall.Stat_t).Ino
		}
	}
	p.names[dir] = names
	return nil
}

// seeBytes records one file's content.
func (p picture) seeBytes(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	p.bytes[info.Sys().(*syscall.Stat_t).Ino] = string(text)
	return err
}

func (p picture) seeAll(root string) error {
	return filepath.WalkDir(root, func(at string, f fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !f.IsDir() {
			return p.seeBytes(at)
		}
		rel, err := filepath.Rel(root, at)
		if err != nil {
			return err
		}
		return p.see(root, rel)
	})
}

// afterPowerCut is what a disk may hold when power fails: everything synced;
// of the rest each name and each file's bytes by the throw of coin, a file's
// bytes perhaps by half.
func afterPowerCut(synced, last picture, coin func() bool) picture {
	p := newPicture()
	for _, dir := range slices.Sorted(maps.Keys(last.names)) {
		p.names[dir] = maps.Clone(synced.names[dir])
		if p.names[dir] == nil {
			p.names[dir] = map[string]uint64{}
		}
		all := maps.Clone(last.names[dir])
		maps.Copy(all, p.names[dir])
		for _, name := range slices.Sorted(maps.Keys(all)) {
			was, had := synced.names[dir][name]
			is, has := last.names[dir][name]
			if had == has && was == is || !coin() {
				continue
			}
			delete(p.names[dir], name)
			if has {
				p.names[dir][name] = is
			}
		}
	}
	for _, inode := range slices.Sorted(maps.Keys(last.bytes)) {
		text, durable := synced.bytes[inode]
		if now := last.bytes[inode]; !durable || text != now {
			if coin() {
				kept := len(text) // files here only grow, so what was synced stays
				text = now
				if coin() {
					text = now[:(kept+len(now))/2]
				}
			}
		}
		p.bytes[inode] = text
	}
	for inode, text := range synced.bytes { // unlinked meanwhile, but its name may come back
		if _, ok := p.bytes[inode]; !ok {
			p.bytes[inode] = text
		}
	}
	return p
}

// develop makes the picture a real tree.
func (p picture) develop(t *testing.T, root, dir string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, inode := range p.names[dir] {
		if inode == 0 {
			p.develop(t, root, filepath.Join(dir, name))
		} else if err := os.WriteFile(filepath.Join(root, dir, name), []byte(p.bytes[inode]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

var errPower = errors.New("the power failed")

// watched runs the scenario, keeping book in synced of what is durable, until
// the failAt-th step (0: to its end), where nothing works any more. last is what
// the kernel knew at the end.
func watched(t *testing.T, root string, synced picture, failAt int) (last picture) {
	t.Helper()
	last = newPicture()
	calls := 0
	z, err := Open(root, Options{Now: at(noon), OnStep: func(string) error {
		calls++
		if calls == failAt {
			if err := last.seeAll(root); err != nil {
				t.Fatal(err)
			}
		}
		if failAt > 0 && calls >= failAt {
			return errPower
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	z.disk.trace = func(step, path string) {
		if !strings.Contains(step, " sync") {
			return
		}
		info, err := os.Stat(path)
		if err == nil && info.IsDir() {
			rel, _ := filepath.Rel(root, path)
			err = synced.see(root, rel)
		} else if err == nil {
			err = synced.seeBytes(path)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	lock, err := z.Lock(t.Context(), "psd", 0)
	if err == nil {
		_, err = landLocked(z, scenario, true)
		lock.Unlock()
	}
	if failAt == 0 {
		if err != nil {
			t.Fatal(err)
		}
		if err := last.seeAll(root); err != nil {
			t.Fatal(err)
		}
	} else if !errors.Is(err, errPower) {
		t.Fatalf("step %d: %v, want the power to fail", failAt, err)
	}
	return last
}

func durable(t *testing.T, root string) picture {
	t.Helper()
	p := newPicture()
	if err := p.seeAll(root); err != nil {
		t.Fatal(err)
	}
	return p
}

// sameAsNext says that the disk is the same after this step as before the next,
// so that one of the two suffices.
func sameAsNext(step string) bool {
	return strings.HasSuffix(step, " done") && os.Getenv("MATERIA_LONG") == ""
}

func never() bool { return false }

// TestFaultPowerCutAtEveryStep: what was not synced is lost, all of it or a random
// part. No promise may be broken: what an earlier run committed is there, no
// manifest names a missing or torn file, and the next run ends as if undisturbed.
func TestFaultPowerCutAtEveryStep(t *testing.T) {
	t.Parallel()
	want := undisturbed(t)
	rounds := uint64(2)
	if os.Getenv("MATERIA_LONG") != "" {
		rounds = 12
	}
	cuts := 0
	defer func() { t.Logf("power cuts %d; every promise kept unless an error says otherwise", cuts) }()
	for n, step := range countSteps(t) {
		if sameAsNext(step) {
			continue
		}
		root := t.TempDir()
		mustLand(t, root, before, false)
		synced := durable(t, root)
		last := watched(t, root, synced, n+1)
		cuts += int(rounds)
		for seed := range rounds {
			coins := rand.New(rand.NewPCG(seed, uint64(n)))
			coin := func() bool { return coins.IntN(2) == 1 }
			if seed == 0 {
				coin = never // exactly what was synced
			}
			after := t.TempDir()
			afterPowerCut(synced, last, coin).develop(t, after, ".")
			when := fmt.Sprintf("power cut at step %d (%s), seed %d", n+1, step, seed)
			z, err := Open(after, Options{Now: at(noon)})
			if err != nil {
				t.Fatal(err)
			}
			if err := z.Verify(t.Context(), func(e Entry, err error) {
				if err != nil {
					t.Errorf("%s: a promise broken: %v", when, err)
				}
			}); err != nil {
				t.Fatal(err)
			}
			if _, err := land(after, Options{Now: at(noon)}, scenario, true); err != nil {
				t.Errorf("%s: next run: %v", when, err)
				continue
			}
			sameTree(t, when, tree(t, after), want)
		}
	}
}

// TestPowerCutAfterRecovery: a process is killed at each step, the next run
// recovers and ends, and then the power fails. Whatever the first process made
// and did not live to sync, the second must have synced before it relied on it:
// all that was committed is there.
func TestPowerCutAfterRecovery(t *testing.T) {
	t.Parallel()
	want := undisturbed(t)
	for n, step := range countSteps(t) {
		if sameAsNext(step) {
			continue
		}
		root := t.TempDir()
		mustLand(t, root, before, false)
		synced := durable(t, root)
		watched(t, root, synced, n+1)
		last := watched(t, root, synced, 0)
		after := t.TempDir()
		afterPowerCut(synced, last, never).develop(t, after, ".")
		got := tree(t, after)
		// A temporary may come back, and the journal of a finished manifest: removals
		// need not be durable, and the next Recover repeats them.
		for path := range got {
			if strings.HasPrefix(path, draftDir+"/") || strings.HasPrefix(path, openDir+"/") {
				delete(got, path)
			}
		}
		sameTree(t, fmt.Sprintf("killed at step %d (%s), recovered, power cut", n+1, step), got, want)
	}
}
