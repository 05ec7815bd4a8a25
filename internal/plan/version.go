package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// versionFormat is hashed into every version: raise it when the same code and
// inputs would be built into something else, and everything is built anew.
const versionFormat = "materia version 1"

// version is the identity of a model's content, in hex: SHA-256 over its name,
// its code hash, its parents with their versions, and the files it reads by
// path relative to the landing root and content hash. Lists are sorted, and
// every field is written with its length, so that no two differ in meaning but
// not in hash.
func version(name, codeHash string, parents map[string]string, files []InputFile) string {
	buf := make([]byte, 0, 4096)
	h := sha256.New()
	field := func(kind, value string) {
		buf = append(buf, kind...)
		buf = append(buf, ' ')
		buf = strconv.AppendInt(buf, int64(len(value)), 10)
		buf = append(buf, ':')
		buf = append(buf, value...)
		if len(buf) > 3000 {
			h.Write(buf)
			buf = buf[:0]
		}
	}
	field("format", versionFormat)
	field("model", name)
	field("code", codeHash)
	for _, p := range slices.Sorted(maps.Keys(parents)) {
		field("parent", p)
		field("version", parents[p])
	}
	if !slices.IsSortedFunc(files, compareInputs) {
		files = slices.Clone(files)
		slices.SortFunc(files, compareInputs)
	}
	for i, f := range files {
		if i > 0 && f == files[i-1] {
			continue
		}
		field("file", f.Path)
		field("sha256", f.SHA256)
	}
	h.Write(buf)
	return hex.EncodeToString(h.Sum(nil))
}

func compareInputs(a, b InputFile) int {
	if c := strings.Compare(a.Path, b.Path); c != 0 {
		return c
	}
	return strings.Compare(a.SHA256, b.SHA256)
}
