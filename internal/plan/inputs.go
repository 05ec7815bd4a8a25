package plan

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// InputFile is one landing file with the hash of its content.
type InputFile struct {
	Path   string `json:"path"` // absolute where it comes in, relative to the landing root where it is recorded
	SHA256 string `json:"sha256"`
}

// Inputs is the frozen list of everything readers may read: the files of the
// landing zone and its manifests. Files that are not in it do not exist for a
// plan, whatever the directory holds.
type Inputs struct {
	Root  string // absolute path of the landing zone
	Files []InputFile

	// Start and End, exclusive, limit what incremental models cover in an
	// environment other than prod. Zero: their own start, and now.
	Start, End time.Time
}

// inputList is Inputs in the form that matching wants: relative, sorted.
type inputList struct {
	root  string
	files []InputFile
}

func (in Inputs) list() (inputList, error) {
	list := inputList{root: path.Clean(in.Root)}
	if !path.IsAbs(in.Root) {
		return list, fmt.Errorf("plan: landing root %q: not an absolute path", in.Root)
	}
	list.files = make([]InputFile, 0, len(in.Files))
	for _, f := range in.Files {
		rel, inside := relative(list.root, f.Path)
		if !inside {
			return list, fmt.Errorf("plan: input file %s: outside of the landing root %s", f.Path, list.root)
		}
		if f.SHA256 == "" {
			return list, fmt.Errorf("plan: input file %s: no hash", f.Path)
		}
		list.files = append(list.files, InputFile{Path: rel, SHA256: f.SHA256})
	}
	if byPath := func(a, b InputFile) int { return strings.Compare(a.Path, b.Path) }; !slices.IsSortedFunc(list.files, byPath) {
		slices.SortFunc(list.files, byPath)
	}
	for i := 1; i < len(list.files); i++ {
		if list.files[i].Path == list.files[i-1].Path {
			return list, fmt.Errorf("plan: input file %s: listed twice", list.files[i].Path)
		}
	}
	return list, nil
}

func relative(root, name string) (string, bool) {
	rel, inside := strings.CutPrefix(path.Clean(name), strings.TrimSuffix(root, "/")+"/")
	return rel, inside
}

// match returns the files that a reader's glob selects, sorted by path.
// Patterns are path.Match's, one path segment at a time, so * stays inside a
// segment as it does in DuckDB; ** is refused.
func (l inputList) match(glob string) ([]InputFile, error) {
	pattern, inside := relative(l.root, glob)
	if !inside {
		return nil, fmt.Errorf("reads %s, which is outside of the landing root %s", glob, l.root)
	}
	if strings.Contains(pattern, "**") {
		return nil, fmt.Errorf("reads %s: ** is not supported; write one * for each folder", glob)
	}
	segments := strings.Split(pattern, "/")
	for _, s := range segments { // a bad pattern is an error even where no file gets as far as its segment
		if _, err := path.Match(s, ""); err != nil {
			return nil, fmt.Errorf("reads %s: %w", glob, err)
		}
	}
	literal := pattern
	if i := strings.IndexAny(pattern, `*?[\`); i >= 0 {
		literal = pattern[:i]
	}
	first, _ := slices.BinarySearchFunc(l.files, literal, func(f InputFile, prefix string) int { return strings.Compare(f.Path, prefix) })
	var matched []InputFile
	for _, f := range l.files[first:] {
		if !strings.HasPrefix(f.Path, literal) {
			break // sorted: nothing behind it can match either
		}
		if matchSegments(segments, f.Path) {
			matched = append(matched, f)
		}
	}
	return matched, nil
}

func matchSegments(segments []string, name string) bool {
	for i, s := range segments {
		part, rest, more := strings.Cut(name, "/")
		if more != (i < len(segments)-1) {
			return false
		}
		if ok, _ := path.Match(s, part); !ok {
			return false
		}
		name = rest
	}
	return true
}
