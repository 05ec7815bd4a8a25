package backup

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/google/go-cmp/cmp"
)

const versitygw = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"

// versity builds and starts a real S3 gateway over a folder, with the test's
// bucket in it.
func versity(t *testing.T) (c Config, folder string) {
	t.Helper()
	if os.Getenv("MATERIA_LONG") == "" {
		t.Skip("SKIPPED: a real S3 server is built in the long form only (MATERIA_LONG=1); TestRestoreDrill has the same drill on the test's own")
	}
	bin := t.TempDir()
	build := exec.Command("go", "install", versitygw)
	build.Env = append(os.Environ(), "GOBIN="+bin, "GOFLAGS=-mod=mod")
	build.Dir = bin
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: %s cannot be built here: %v\n%.1000s", versitygw, err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	addr := l.Addr().String()
	must(t, l.Close())
	folder = t.TempDir()
	meta := t.TempDir()
	server := exec.Command(filepath.Join(bin, "versitygw"), "--access", testKey, "--secret", testSecret, "--region", "auto", "--port", addr, "--quiet",
		"posix", "--sidecar", meta, folder)
	server.Stderr = os.Stderr
	must(t, server.Start())
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	c = Config{Endpoint: "http://" + addr, Bucket: testBucket, Prefix: "prod", AccessKey: testKey, SecretKey: testSecret}
	b, err := Open(c)
	must(t, err)
	for until := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if err = b.client.MakeBucket(context.Background(), testBucket, minio.MakeBucketOptions{}); err == nil {
			return c, filepath.Join(folder, testBucket)
		}
		if time.Now().After(until) {
			t.Fatalf("the gateway does not answer: %v", err)
		}
	}
}

// TestRealServer is the drill, the wrong secret and the tampering again, on a
// server that others use.
func TestRealServer(t *testing.T) {
	c, folder := versity(t)
	wrongSecret(t, c)
	if left, _ := os.ReadDir(folder); len(left) > 0 {
		t.Errorf("a wrong secret left %v", left)
	}
	restoreDrill(t, c)

	c.Prefix = "tampered"
	m := newMachine(t, c)
	m.land("psd", 5)
	m.backsUp(7)
	at := first(t, filepath.Join(folder, "tampered/landing/psd/2026/*-2.csv.gz"))
	text, err := os.ReadFile(at)
	must(t, err)
	text[len(text)/2] ^= 1
	must(t, os.WriteFile(at, text, 0o644))
	if r, err := Verify(t.Context(), m.Deps, true); err == nil || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "changed in the bucket") {
		t.Errorf("verify: %v %+v", err, r)
	}
	if r, err := Restore(t.Context(), newMachine(t, c).Deps); err == nil {
		t.Errorf("restored %+v", r)
	}
}

// TestRclone is the variant that docs/operations.md describes: a local loss
// empties nothing, a changed file is reported, and what rclone uploaded is
// restored by materia.
func TestRclone(t *testing.T) {
	if _, err := exec.LookPath("rclone"); err != nil {
		t.Skip("SKIPPED: rclone is not installed (apt-get install rclone)")
	}
	c, folder := versity(t)
	m := newMachine(t, c)
	m.land("psd", 5)
	want := contents(t, m.root)
	rclone := func(args ...string) (string, error) {
		cmd := exec.Command("rclone", append(args, "--immutable", "--s3-no-check-bucket", "--retries", "1")...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "RCLONE_CONFIG_B_TYPE=s3", "RCLONE_CONFIG_B_PROVIDER=Other", "RCLONE_CONFIG_B_REGION=auto",
			"RCLONE_CONFIG_B_ENDPOINT=" + c.Endpoint, "RCLONE_CONFIG_B_ACCESS_KEY_ID=" + c.AccessKey, "RCLONE_CONFIG_B_SECRET_ACCESS_KEY=" + c.SecretKey}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	copyUp := func() (string, error) {
		return rclone("copy", m.root, "b:"+testBucket+"/prod/landing", "--exclude", ".tmp/**", "--exclude", ".lock/**", "--exclude", ".quarantine/**",
			"--exclude", ".aside/**", "--exclude", ".manifest/.*", "--exclude", ".manifest/.open/**", "--exclude", ".*.sqlite*")
	}
	if out, err := copyUp(); err != nil {
		t.Fatalf("copy: %v\n%s", err, out)
	}
	must(t, os.RemoveAll(filepath.Join(m.root, "psd")))
	if out, err := copyUp(); err != nil {
		t.Fatalf("copy after a loss: %v\n%s", err, out)
	}
	if n := len(contents(t, filepath.Join(folder, "prod/landing"))); n != len(want) {
		t.Errorf("%d objects after a local loss, want %d", n, len(want))
	}
	fresh := newMachine(t, c)
	_, err := Restore(t.Context(), fresh.Deps)
	must(t, err)
	if diff := cmp.Diff(want, contents(t, fresh.root)); diff != "" {
		t.Errorf("restored (-want +got):\n%.1000s", diff)
	}
	at := first(t, filepath.Join(fresh.root, "psd/2026/*-2.csv.gz"))
	must(t, os.Chmod(at, 0o644))
	must(t, os.WriteFile(at, []byte("changed here"), 0o644))
	m.root = fresh.root
	if out, err := copyUp(); err == nil || !strings.Contains(out, "immutable") {
		t.Errorf("copy of a changed file: %v\n%s", err, out)
	}
}
