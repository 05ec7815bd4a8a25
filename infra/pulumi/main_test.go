package main

import (
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// seen is Pulumi's engine as far as this program talks to it: it keeps what was
// registered.
type seen struct {
	mu    sync.Mutex
	calls map[string]resource.PropertyMap
}

func (s *seen) NewResource(a pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[a.TypeToken] = a.Inputs
	return a.Name + "-id", a.Inputs, nil
}

func (s *seen) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return resource.PropertyMap{}, nil
}

func declared(t *testing.T, conf map[string]string) (map[string]resource.PropertyMap, error) {
	t.Helper()
	s := &seen{calls: map[string]resource.PropertyMap{}}
	err := pulumi.RunErr(declare, pulumi.WithMocks("materia", "test", s), func(info *pulumi.RunInfo) { info.Config = conf })
	return s.calls, err
}

func TestBucketAndLifecycle(t *testing.T) {
	got, err := declared(t, map[string]string{"materia:accountId": "abc"})
	if err != nil {
		t.Fatal(err)
	}
	b, l := got[bucketType], got[lifecycleType]
	if b == nil || l == nil {
		t.Fatalf("registered %v", got)
	}
	if b["name"].StringValue() != "materia-backup" || b["accountId"].StringValue() != "abc" {
		t.Errorf("bucket %v", b)
	}
	if l["bucketName"].StringValue() != b["name"].StringValue() {
		t.Errorf("the lifecycle is of bucket %v", l["bucketName"])
	}
	rules := l["rules"].ArrayValue()
	if len(rules) != 2 {
		t.Fatalf("rules %v", rules)
	}
	for _, r := range rules {
		rule := r.ObjectValue()
		if _, deletes := rule["deleteObjectsTransition"]; deletes {
			t.Errorf("rule %v deletes backups", rule["id"])
		}
		if !rule["enabled"].BoolValue() {
			t.Errorf("rule %v is off", rule["id"])
		}
	}
}

func TestAccountIsAskedFor(t *testing.T) {
	if _, err := declared(t, nil); err == nil || !strings.Contains(err.Error(), "pulumi config set materia:accountId") {
		t.Errorf("%v", err)
	}
}
