package landing

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Quarantine keeps refused content for a person to look at:
// .quarantine/{run}-{name} as it came, and the reason in .reason.txt beside it.
// name may come from upstream: bytes other than A-Z a-z 0-9 . _ = + ^ @ - become
// "_". It must be called under the source's lock. r is read to its end; the
// caller caps it.
func (z *Zone) Quarantine(source, run, name string, r io.Reader, reason string) error {
	if _, of, ok := splitRun(run); !ok || of != source {
		return fmt.Errorf("landing: quarantine %q: run id %q is not of source %q", name, run, source)
	}
	if err := z.disk.folder("quarantine", quarantineDir); err != nil {
		return fmt.Errorf("landing: quarantine %q: %w", name, err)
	}
	final := z.quarantinePath(run, name)
	// A crash between the two leaves the content without its reason: nothing
	// reads it but a person, and the run's record tells the error as well.
	if err := z.writeOnce("quarantine", source, run, final, r); err != nil {
		return fmt.Errorf("landing: quarantine %q: %w", name, err)
	}
	text := strings.NewReader(strings.TrimSpace(reason) + "\n")
	if err := z.writeOnce("quarantine reason", source, run, final+".reason.txt", text); err != nil {
		return fmt.Errorf("landing: quarantine %q: %w", name, err)
	}
	return nil
}

// quarantinePath is a free name for refused content.
func (z *Zone) quarantinePath(run, name string) string {
	safe := strings.Map(func(c rune) rune {
		if c < 128 && plainByte(byte(c)) {
			return c
		}
		return '_'
	}, name)
	if len(safe) > 120 {
		safe = safe[:120]
	}
	for n := 1; ; n++ {
		try := z.path(quarantineDir + "/" + run + "-" + safe)
		if n > 1 {
			try = fmt.Sprintf("%s.%d", try, n)
		}
		if _, err := os.Lstat(try); err != nil {
			return try
		}
	}
}

// writeOnce writes r to a temporary, syncs it and publishes it as final, which
// must not exist.
func (z *Zone) writeOnce(step, source, run, final string, r io.Reader) (err error) {
	temporary, err := z.draftPath(source, run)
	if err != nil {
		return err
	}
	f, err := z.disk.create(step+" create", temporary, 0o444)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			z.disk.remove(step+" discard", temporary) // if this fails too, Recover sweeps it
		}
	}()
	w := writerFunc(func(p []byte) (int, error) { return z.disk.write(step+" write", f, p) })
	if _, err := io.Copy(w, r); err != nil {
		return err
	}
	if err := z.disk.sync(step+" sync", f); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return z.disk.publish(step, temporary, final)
}

// setAside moves a file away that a dead run announced, that no manifest names
// and whose content is wrong: left in place it would be read as data. It is
// moved by a second link, so that no moment is without it.
//
// A crash here leaves the file under both names; Recover comes here again and
// moves it to one more name. A person sees two, which is harmless.
func (z *Zone) setAside(source, run string, e Entry, r *Recovery) error {
	wrong := z.located(e.Path)
	if _, err := os.Lstat(wrong); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := z.disk.folder("quarantine", quarantineDir); err != nil {
		return err
	}
	final := z.quarantinePath(run, e.Path)
	reason := fmt.Sprintf("found at %s after a crash, but its content is not what run %s announced (sha256 %s, %d bytes)\n",
		e.Path, run, e.contentSHA(), e.Bytes)
	if err := z.writeOnce("quarantine reason", source, run, final+".reason.txt", strings.NewReader(reason)); err != nil {
		return err
	}
	if err := z.disk.publish("quarantine", wrong, final); err != nil {
		return err
	}
	r.Quarantined = append(r.Quarantined, filepath.Base(final))
	return z.disk.syncDir("quarantine sync removal", filepath.Dir(wrong))
}
