package modeltest

import (
	"fmt"
	"os"
	"strings"
)

// Tested lists the models that the unit tests of the project at root name. A
// file that cannot be read as YAML names none: a run of the tests reports it.
func Tested(root string) (map[string]bool, error) {
	files, err := testFiles(root)
	if err != nil {
		return nil, fmt.Errorf("modeltest: %w", err)
	}
	tested := map[string]bool{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("modeltest: %w", err)
		}
		tests, err := readYAML(raw)
		if err != nil || tests.kind != object {
			continue
		}
		for i := range tests.items {
			if m := tests.items[i].get("model"); m != nil {
				tested[strings.ToLower(m.text)] = true
			}
		}
	}
	return tested, nil
}
