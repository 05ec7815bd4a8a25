package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrCorrupt says that the file is no database or is damaged. Everything in it
// can be built again from code and landing files: see Quarantine.
var ErrCorrupt = errors.New("the lakehouse file is corrupt")

// Quarantine moves a corrupt lakehouse aside, with its log, and returns where
// to: path.corrupt-<time>. The next Open starts an empty one.
func Quarantine(ctx context.Context, path string, o Options) (string, error) {
	o = o.withDefaults()
	lock, err := takeLock(ctx, path, o.LockWait, o.Now)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	suffix := ".corrupt-" + o.Now().UTC().Format("20060102T150405Z")
	for n := 2; ; n++ {
		if _, err := os.Lstat(path + suffix); errors.Is(err, fs.ErrNotExist) {
			break
		}
		suffix = fmt.Sprintf(".corrupt-%s-%d", o.Now().UTC().Format("20060102T150405Z"), n)
	}
	// The log first: a crash after it leaves the database as of its last
	// checkpoint, which is whole or fails to open and comes here again.
	if err := setAside(append(walFiles(path), path), suffix); err != nil {
		return "", fmt.Errorf("plan: quarantine %s: %w", path, err)
	}
	return path + suffix, nil
}

func setAside(files []string, suffix string) error {
	for _, f := range files {
		if err := os.Rename(f, f+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return syncPath(filepath.Dir(files[0]))
}

// walFiles are the files that DuckDB keeps beside a database.
func walFiles(path string) []string {
	return []string{path + ".wal", path + ".wal.checkpoint", path + ".wal.recovery"}
}

// MarkCorrupt makes an ErrCorrupt of what another reader of the lakehouse at
// path met, where it says that the file is damaged.
func MarkCorrupt(err error, path string) error {
	if err == nil || errors.Is(err, ErrCorrupt) || !isCorrupt(err, path) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}

// isCorrupt knows DuckDB's words for a damaged database or log. A full disk,
// too little memory or a file of a newer DuckDB are no damage.
func isCorrupt(err error, path string) bool {
	text := err.Error()
	for _, other := range []string{"No space left", "Out of Memory", "OutOfMemory", "Permission denied", "Is a directory"} {
		if strings.Contains(text, other) {
			return false
		}
	}
	if strings.Contains(text, "Could not read enough bytes from file") && strings.Contains(text, path) {
		return true
	}
	return slices.ContainsFunc([]string{"not a valid DuckDB database file", "Corrupt database file", "corrupt database file", "Corrupt WAL",
		"Corrupted ", "Failure while replaying WAL", "WAL checkpoint iteration", "Failed to load metadata pointer", "Serialization Error"},
		func(words string) bool { return strings.Contains(text, words) })
}

// isAbsent is true for no file, and for an empty one without a log: nothing
// was ever committed there.
func isAbsent(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	_, err = os.Stat(path + ".wal")
	return info.Mode().IsRegular() && info.Size() == 0 && errors.Is(err, fs.ErrNotExist)
}

// checkFileName refuses what DuckDB cannot tell apart: a catalog is named like
// its file, and ours holds a schema "materia".
func checkFileName(path string) error {
	name := strings.ToLower(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)))
	if name == stateSchema || strings.HasPrefix(name, physicalPrefix) {
		return fmt.Errorf("plan: open %s: a file named like the schema %s in it is ambiguous to DuckDB; rename it, for example lakehouse.duckdb", path, name)
	}
	return nil
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
