package kubernetes

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// KEDA's types cannot be had without its controller; but its module has the schema
// that the API server would check with.
const (
	keda         = "github.com/kedacore/keda/v2@v2.21.0"
	kedaSchema   = "config/crd/bases/keda.sh_scaledobjects.yaml"
	scaledObject = "keda.sh/v1alpha1 ScaledObject"
)

func scaledObjectSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	schema, err := loadSchema()
	require.NoError(t, err)
	return schema
}

var loadSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	download := exec.Command("go", "mod", "download", "-json", keda)
	download.Stderr = os.Stderr
	out, err := download.Output()
	if err != nil {
		return nil, err
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(module.Dir, kedaSchema))
	if err != nil {
		return nil, err
	}
	var definition struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema map[string]any `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &definition); err != nil {
		return nil, err
	}
	schema := definition.Spec.Versions[0].Schema.OpenAPIV3Schema
	closeObjects(schema)
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(kedaSchema, schema); err != nil {
		return nil, err
	}
	return compiler.Compile(kedaSchema)
})

// closeObjects forbids fields that a schema does not have, as strict validation
// does. An object without any, such as metadata, may hold anything.
func closeObjects(schema map[string]any) {
	if properties, ok := schema["properties"].(map[string]any); ok {
		if schema["additionalProperties"] == nil {
			schema["additionalProperties"] = false
		}
		for _, property := range properties {
			closeObjects(property.(map[string]any))
		}
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if inner, ok := schema[key].(map[string]any); ok {
			closeObjects(inner)
		}
	}
}

func valid(t *testing.T, schema *jsonschema.Schema, text []byte) error {
	t.Helper()
	var object any
	require.NoError(t, yaml.UnmarshalStrict(text, &object))
	return schema.Validate(object)
}

func requireValid(t *testing.T, schema *jsonschema.Schema, text []byte) {
	t.Helper()
	require.NoError(t, valid(t, schema, text))
}
