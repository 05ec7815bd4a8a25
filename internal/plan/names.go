package plan

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Prod is the environment whose views carry the plain schema names.
const Prod = "prod"

const maxEnvBytes = 60

var envName = regexp.MustCompile(`^[a-z0-9][a-z0-9_]*$`)

// ValidateEnv says whether name can be an environment: lower-case letters,
// digits and underscores, a letter or digit first, at most 60 bytes.
func ValidateEnv(name string) error {
	switch {
	case name == "":
		return errors.New("plan: environment name is empty")
	case len(name) > maxEnvBytes:
		return fmt.Errorf("plan: environment %q: at most %d characters", name, maxEnvBytes)
	case !envName.MatchString(name):
		return fmt.Errorf("plan: environment %q: use a-z, 0-9 and _, with a letter or digit first", name)
	}
	return nil
}

// validateSchema keeps every view name readable in one way only: the text
// before the first "__" is the schema, the rest the environment.
func validateSchema(modelName, schema string) error {
	switch strings.ToLower(schema) {
	case stateSchema, rowsSchema, "main", "temp", "system", "information_schema", "pg_catalog":
		return fmt.Errorf("plan: model %s: schema %q is taken; choose another", modelName, schema)
	}
	if strings.Contains(schema, "__") || strings.HasSuffix(schema, "_") {
		return fmt.Errorf("plan: model %s: schema %q: %q sets environments apart (schema__env), so a schema holds none and does not end in _", modelName, schema, "__")
	}
	return nil
}

// viewSchema is the schema in which env's views of a model stand.
func viewSchema(env, schema string) string {
	if env == Prod {
		return schema
	}
	return schema + "__" + env
}

// physicalName is the quoted name of the table or view that holds one version.
func physicalName(schema, table, version string) string {
	return quote(physicalPrefix+schema) + "." + quote(table+"__"+version[:physicalDigits])
}

const (
	stateSchema    = "materia"
	physicalPrefix = "materia__"
	physicalDigits = 12
)

func quote(identifier string) string {
	return `"` + strings.ReplaceAll(identifier, `"`, `""`) + `"`
}
