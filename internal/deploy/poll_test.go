package deploy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPollDeploysTheHighestTag(t *testing.T) {
	r := newRig(t)
	r.release("v1")
	r.release("v9")
	r.release("v10") // numbers, not texts
	if out := r.poll(); out.Switched == "" || len(out.Notices) != 0 {
		t.Fatalf("outcome %+v", out)
	}
	if got := r.runs(); got != "v10" {
		t.Errorf("runs %s, want v10", got)
	}
	if _, running, err := r.config.trial(); err != nil || running {
		t.Errorf("the first release is on trial (%v): there is nothing to go back to", err)
	}
	if out := r.poll(); out.Switched != "" || len(out.Notices) != 0 {
		t.Errorf("the same again: %+v", out)
	}
}

// Every way in which a tag is refused: the old release stays, one notice, one
// attempt.
func TestRefusedTags(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(*rig)
		says string
	}{
		{"unsigned", func(r *rig) {
			r.commit()
			r.sh(r.work, "git tag -a -m v3 v3 && git push --quiet origin v3")
		}, "signed by an allowed signer"},
		{"lightweight unsigned", func(r *rig) {
			r.commit()
			r.sh(r.work, "git tag v3 && git push --quiet origin v3")
		}, "signed by an allowed signer"},
		{"signed by a stranger", func(r *rig) { r.commit(); r.tag("v3", "stranger") }, "signed by an allowed signer"},
		{"replayed", func(r *rig) {
			// v1's signed object under a higher name
			r.sh(r.work, "git push --quiet origin refs/tags/v1:refs/tags/v3")
		}, "replayed"},
		{"force-moved", func(r *rig) { r.release("v2") }, "moved"},
		{"deleted and made anew", func(r *rig) { r.sh(r.work, "git push --quiet origin :v1"); r.poll(); r.release("v1") }, "moved"},
		{"off the protected branch", func(r *rig) {
			r.sh(r.work, "git checkout --quiet -b side && git commit --quiet --allow-empty -m side")
			r.tag("v3", "signer")
		}, "not on branch main"},
		{"a tree, not a commit", func(r *rig) {
			r.sh(r.work, "git tag v3 HEAD^{tree} && git push --quiet origin v3")
		}, "not to a commit"},
		{"broken build", func(r *rig) { r.write("broken", ""); r.release("v3") }, "does not compile"},
		{"failing test", func(r *rig) { r.write("failing", ""); r.release("v3") }, "1 failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.release("v1")
			r.poll()
			r.release("v2")
			r.poll()
			r.settle()
			c.make(r)
			out := r.poll()
			if out.Switched != "" || r.runs() != "v2" {
				t.Fatalf("runs %s, switched %q", r.runs(), out.Switched)
			}
			if len(out.Notices) != 1 || !strings.Contains(out.Notices[0].Text, c.says) {
				t.Fatalf("notices %+v, want one that says %q", out.Notices, c.says)
			}
			if again := r.poll(); len(again.Notices) != 0 || again.Switched != "" {
				t.Errorf("tried again: %+v", again)
			}
			left, err := filepath.Glob(r.config.path("releases", "*.building"))
			if err != nil || len(left) != 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
			// The way on is open.
			r.sh(r.work, "git checkout --quiet main; rm -f broken failing")
			r.release("v4")
			if out := r.poll(); out.Switched == "" || r.runs() != "v4" {
				t.Errorf("after it, v4 is not deployed: %+v", out)
			}
		})
	}
}

func TestLowerNewTagIsRefused(t *testing.T) {
	r := newRig(t)
	r.release("v5")
	r.poll()
	r.release("v4")
	out := r.poll()
	if len(out.Notices) != 1 || !strings.Contains(out.Notices[0].Text, "lower") || r.runs() != "v5" {
		t.Fatalf("%+v, runs %s", out, r.runs())
	}
	if again := r.poll(); len(again.Notices) != 0 {
		t.Errorf("told twice: %+v", again)
	}
}

// A signed commit is enough for a tag that a CI job made without a key.
func TestSignedCommitCarriesAnUnsignedTag(t *testing.T) {
	r := newRig(t)
	r.sh(r.work, "git add -A && git -c gpg.format=ssh -c user.signingkey="+filepath.Join(r.dir, "signer")+
		" commit --quiet -S -m signed && git push --quiet origin main && git tag v1 && git push --quiet origin v1")
	if r.poll(); r.runs() != "v1" {
		t.Errorf("runs %q", r.runs())
	}
}

// A commit that failed is not tried under another tag.
func TestBadCommitIsRemembered(t *testing.T) {
	r := newRig(t)
	r.release("v1")
	r.poll()
	r.write("broken", "")
	r.release("v2")
	r.poll()
	r.tag("v3", "signer") // the same commit
	out := r.poll()
	if len(out.Notices) != 1 || !strings.Contains(out.Notices[0].Text, "failed as v2 before") {
		t.Fatalf("%+v", out)
	}
}

func TestPinHoldsAndLetsGo(t *testing.T) {
	r := newRig(t)
	for _, tag := range []string{"v1", "v2", "v3"} {
		r.release(tag)
		r.poll()
		r.settle()
	}
	if err := r.config.Pin("v2", "ana", "v3 shows no stocks"); err != nil {
		t.Fatal(err)
	}
	r.poll()
	r.settle()
	if r.runs() != "v2" {
		t.Fatalf("pinned to v2, runs %s", r.runs())
	}
	r.release("v4")
	r.poll()
	if r.runs() != "v2" {
		t.Fatalf("pinned to v2, a new tag came, runs %s", r.runs())
	}
	if err := r.config.Pin("", "ana", "mended"); err != nil {
		t.Fatal(err)
	}
	r.poll()
	if r.runs() != "v4" {
		t.Errorf("unpinned, runs %s", r.runs())
	}
	status, err := r.config.Status()
	if err != nil || len(status.Acts) != 2 || status.Acts[0].Who != "ana" || status.Acts[0].Why == "" {
		t.Errorf("status %+v, %v", status.Acts, err)
	}
}

func TestRollbackByHand(t *testing.T) {
	r := newRig(t)
	if _, err := r.config.Rollback(t.Context(), "ana", "x"); err == nil {
		t.Error("nothing runs, and a rollback worked")
	}
	for _, tag := range []string{"v1", "v2"} {
		r.release(tag)
		r.poll()
		r.settle()
	}
	back, err := r.config.Rollback(t.Context(), "ana", "wrong figures")
	if err != nil || back.Tag != "v1" || r.runs() != "v1" {
		t.Fatalf("%+v %v", back, err)
	}
	if r.poll(); r.runs() != "v1" {
		t.Error("the next poll deployed again what was rolled back")
	}
}

func TestRemoteDownIsNoVerdict(t *testing.T) {
	r := newRig(t)
	r.release("v1")
	r.poll()
	r.release("v2")
	if err := os.Rename(r.config.Remote, r.config.Remote+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.config.Poll(t.Context()); err == nil {
		t.Fatal("no error")
	}
	if err := os.Rename(r.config.Remote+".away", r.config.Remote); err != nil {
		t.Fatal(err)
	}
	if r.poll(); r.runs() != "v2" {
		t.Errorf("runs %s", r.runs())
	}
}

// Builds see no secret of the process that deploys.
func TestBuildSeesNoSecret(t *testing.T) {
	r := newRig(t)
	t.Setenv("ALERT_WEBHOOK_URL", "https://secret.example")
	r.write("build.sh", "env > seen\n"+buildScript)
	r.release("v1")
	out := r.poll()
	seen, err := os.ReadFile(r.config.path("releases", out.Switched, "seen"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(seen), "secret.example") {
		t.Error("the build saw ALERT_WEBHOOK_URL")
	}
	if !strings.Contains(string(seen), "VERSION=v1") {
		t.Error("the build was not told its version")
	}
}

// Old releases go, those in use stay.
func TestReleasesDoNotPileUp(t *testing.T) {
	r := newRig(t)
	for _, tag := range []string{"v1", "v2", "v3", "v4", "v5", "v6", "v7"} {
		r.release(tag)
		r.poll()
		r.settle()
	}
	r.poll()
	entries, err := os.ReadDir(r.config.path("releases"))
	if err != nil {
		t.Fatal(err)
	}
	// current, previous, what the web runs from (v1: it never changed), and Keep.
	if want := 3 + r.config.Keep; len(entries) != want {
		t.Errorf("%d releases, want %d: %v", len(entries), want, entries)
	}
}

// A release whose attempts are cut short twice is given up, and told.
func TestInterruptedTwiceIsGivenUp(t *testing.T) {
	r := newRig(t)
	r.release("v1")
	r.poll()
	r.write("build.sh", "kill -9 $PPID\n")
	r.release("v2")
	r.start(60)
	r.waitFor("the notice", func() bool { return strings.Contains(r.told(), "deploy-interrupted-v2") })
	if r.runs() != "v1" {
		t.Errorf("runs %s", r.runs())
	}
	r.write("build.sh", buildScript)
	r.release("v3")
	r.waitFor("v3", func() bool { return r.settled("v3") })
}
