package plan

import (
	"errors"
	"slices"
	"strings"
	"time"

	"beanflows.coffee/materia/internal/model"
)

// Category says what a change of code means for the rows that were there.
type Category string

// The categories of direct and indirect modifications. Non-breaking is given
// only where it is proved: every row stays, and columns are added at the end.
const (
	Breaking            Category = "Breaking"
	NonBreaking         Category = "Non-breaking"
	IndirectBreaking    Category = "Indirect Breaking"
	IndirectNonBreaking Category = "Indirect Non-breaking"
)

// The kinds of a plan: from the project's files, or from recorded code.
const (
	KindPlan = "plan"
	KindRun  = "run"
)

// Plan is the way from what an environment shows to what it should show. It
// is a value: nothing in it changes the lakehouse until Apply.
type Plan struct {
	ID                 string       `json:"id"` // equal plans on the same base have equal IDs
	Env                string       `json:"env"`
	Kind               string       `json:"kind"`
	BasePlanID         string       `json:"base_plan_id,omitempty"` // the environment's plan that this one follows; empty: it has none
	CreatedFrom        string       `json:"created_from,omitempty"` // for a new environment, the one it is compared with
	Headline           string       `json:"headline"`
	Added              []string     `json:"added"`
	Removed            []string     `json:"removed"`
	DirectlyModified   []Modified   `json:"directly_modified"`
	IndirectlyModified []Indirect   `json:"indirectly_modified"`
	MetadataUpdated    []Metadata   `json:"metadata_updated"`
	NewData            []NewData    `json:"new_data"`
	Builds             []Build      `json:"builds"` // in the order of building
	Reused             []Reused     `json:"reused"` // new to this environment, built before
	Models             []Assignment `json:"models"` // the whole environment after the plan

	changes     bool
	elapsed     bool // an incremental model covers another span than before
	landingRoot string
	project     *model.Project
	targets     []*target // parallel to Models
}

// Modified is a model whose code changed.
type Modified struct {
	Model    string   `json:"model"`
	Category Category `json:"category"`
	Diff     string   `json:"diff"` // unified
}

// Indirect is a model whose own code stands, but not that of its ancestors.
type Indirect struct {
	Model    string   `json:"model"`
	Category Category `json:"category"`
	Because  []string `json:"because"` // its parents that changed
}

// Metadata is a model that changed in what describes or checks it only.
type Metadata struct {
	Model string `json:"model"`
	Diff  string `json:"diff"`
}

// NewData is a model whose landing readers match other files than before.
type NewData struct {
	Model string `json:"model"`
	New   int    `json:"new"`   // files that were not there, or had other content
	Gone  int    `json:"gone"`  // files that are not there any more
	Files int    `json:"files"` // files now
}

// Build is a table (or view) that has to be made.
type Build struct {
	Model   string `json:"model"`
	Kind    string `json:"kind"`
	Work    string `json:"work"` // "full refresh", "read 1 new file", ...
	Reason  string `json:"reason"`
	Version string `json:"version"`
}

// Reused is a version that stands already, from another environment or plan.
type Reused struct {
	Model   string `json:"model"`
	Version string `json:"version"`
}

// Assignment is one model of the environment and the version it shows.
type Assignment struct {
	Model    string `json:"model"`
	Version  string `json:"version"`
	MetaHash string `json:"meta_hash"`
}

// Changes says whether applying the plan would do anything.
func (p *Plan) Changes() bool { return p.changes }

// target is one model of the environment to be.
type target struct {
	model       *model.Model
	version     string // of code, parents and files
	codeVersion string // of code alone, and of parents as far as they are read
	ancestry    string // of code alone, and of parents whole
	files       []InputFile
	byGlob      map[string][]InputFile

	ledger string      // of a model that is filled in portions; empty for a table of its own
	base   string      // the recorded version whose rows this one adds to; empty if it begins anew
	fresh  []InputFile // with a base: the files that it does not have

	span    span            // of an incremental model: what it covers
	changed []changedParent // with a base: parents that show other rows than when it was filled
	covered span            // with a base: what that covers
	again   bool            // every interval has to be evaluated again
}

// Recorded is what the lakehouse knows of an environment.
type Recorded struct {
	Env         string
	PlanID      string    // empty: the environment does not exist
	BasedOn     string    // where it does not exist: the environment whose models these are, if any
	Now         time.Time // when this was read: intervals are counted up to it
	LandingRoot string    // of the plan that recorded the models
	Models      []RecordedModel
	Built       map[string]bool // versions that stand in the lakehouse, of all environments
}

// RecordedModel is a model as it was when the environment was last planned.
type RecordedModel struct {
	Version  string
	CodeHash string // as hashed then: a newer binary may hash differently
	MetaHash string
	Definition
	Files    []InputFile // what its readers matched; paths relative to the landing root. See inputs
	From, To time.Time   // what an incremental model covers

	filesText string // Files as the lakehouse gives them: cut only where they are looked at
}

// inputs are the files that the model's readers matched, sorted by path.
func (r RecordedModel) inputs() []InputFile {
	if r.Files != nil || r.filesText == "" {
		return r.Files
	}
	files := make([]InputFile, 0, strings.Count(r.filesText, "\n")+1)
	for line := range strings.SplitSeq(r.filesText, "\n") {
		path, sha, _ := strings.Cut(line, "\t")
		files = append(files, InputFile{path, sha})
	}
	slices.SortFunc(files, compareInputs)
	return files
}

// Definition is all that is needed to build a model again without the project.
type Definition struct {
	Model  *model.Model               `json:"model"`
	Audits map[string]*model.AuditDef `json:"audits,omitempty"` // those it calls
}

// Bound answers model.LoadOptions.Bound from what was recorded, so that an
// unchanged model need not be bound again.
func (r Recorded) Bound(bindKey string) (model.Binding, bool) {
	for _, m := range r.Models {
		if bindKey != "" && m.Model.BindKey == bindKey {
			return model.Binding{Columns: m.Model.Columns, Reads: m.Model.Reads}, true
		}
	}
	return model.Binding{}, false
}

// ErrNoLanding says that the landing readers match no file at all.
var ErrNoLanding = errors.New("plan: the landing zone holds no file for any reader of the project; extract first: materia pipeline run extract")

// ErrNoEnvironment says that an environment was never planned.
var ErrNoEnvironment = errors.New("plan: no such environment; create it with materia plan")

// ErrStale says that another plan was applied since this one was computed.
var ErrStale = errors.New("plan: the environment was changed by another plan meanwhile; plan again")
