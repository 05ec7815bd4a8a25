package modeltest

import (
	"context"
	"testing"

	"beanflows.coffee/materia/internal/model"
)

// The repository's own models load without an error and pass their tests.
func TestTransform(t *testing.T) {
	p, err := model.Load(context.Background(), "../../transform", model.LoadOptions{User: "test"})
	if err != nil {
		t.Fatal(err)
	}
	report, err := Run(context.Background(), p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Results) == 0 {
		t.Error("no tests found")
	}
	for _, r := range report.Results {
		if !r.Passed {
			t.Errorf("%s", r.Diff)
		}
	}
}
