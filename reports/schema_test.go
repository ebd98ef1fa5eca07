package reports

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/repair"
)

// compiled returns a schema. Strict, it takes no name that it does not know: so
// a field that was added and is not in the schema shows.
func compiled(t *testing.T, name string, strict bool) *jsonschema.Schema {
	t.Helper()
	raw, ok := Schema(name)
	require.True(t, ok, name)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	require.NoError(t, err)
	if strict {
		closeObjects(doc)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	require.NoError(t, compiler.AddResource(name+".json", doc))
	schema, err := compiler.Compile(name + ".json")
	require.NoError(t, err)
	return schema
}

// closeObjects has every object schema with properties take no others.
func closeObjects(node any) {
	switch node := node.(type) {
	case map[string]any:
		_, closes := node["properties"]
		if _, told := node["additionalProperties"]; closes && !told && node["type"] == "object" {
			node["additionalProperties"] = false
		}
		for _, child := range node {
			closeObjects(child)
		}
	case []any:
		for _, child := range node {
			closeObjects(child)
		}
	}
}

func fits(t *testing.T, schema *jsonschema.Schema, raw []byte) {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	require.NoError(t, err)
	require.NoError(t, schema.Validate(value), string(raw[:min(len(raw), 500)]))
}

func TestSchemasAreSchemas(t *testing.T) {
	require.Equal(t, []string{"finding", "matrix", "repair", "run", "sweep", "verify"}, SchemaNames())
	for _, name := range SchemaNames() {
		compiled(t, name, false)
		raw, _ := Schema(name)
		require.Contains(t, string(raw), `"$schema": "https://json-schema.org/draft/2020-12/schema"`)
		require.Contains(t, string(raw), "/reports/schema/"+name+`.json"`)
	}
	_, ok := Schema("../write.go")
	require.False(t, ok)
}

// What stands in the golden files, and what is written today.
func TestFilesFitTheirSchemas(t *testing.T) {
	read := func(path string) []byte {
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		return raw
	}
	fits(t, compiled(t, "run", true), read("testdata/invalid.run.json"))
	fits(t, compiled(t, "matrix", true), read("testdata/matrix.json"))
	fits(t, compiled(t, "matrix", true), read("matrix.json"))
	fits(t, compiled(t, "sweep", true), read("testdata/sweep.json"))
	finding := compiled(t, "finding", true)
	lines := bufio.NewScanner(bytes.NewReader(read("testdata/invalid.findings.jsonl")))
	for lines.Scan() {
		fits(t, finding, lines.Bytes())
	}
	plans, err := filepath.Glob("../harness/repair/testdata/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, plans)
	for _, path := range plans {
		fits(t, compiled(t, "repair", true), read(path))
	}

	dir := t.TempDir()
	plan := samplePlan()
	run := sampleRun()
	run.Repair, run.Repaired = &plan, &Repaired{Verdict: check.Valid, Steps: []RepairedStep{{Do: repair.Drop, Done: true}}}
	require.NoError(t, Write(dir, run, sampleResult()))
	fits(t, compiled(t, "run", true), read(filepath.Join(dir, RunFile)))
	fits(t, compiled(t, "repair", true), read(filepath.Join(dir, RepairFile)))

	// A run that never began has every name, too.
	require.NoError(t, Write(dir, Run{}, check.Result{}))
	fits(t, compiled(t, "run", true), read(filepath.Join(dir, RunFile)))
}

// Every field of what is written stands in the schema, also those that no golden
// file has, and the schema names nothing that is never written.
func TestEveryFieldIsInTheSchema(t *testing.T) {
	for name, value := range map[string]any{"run": &Run{}, "finding": &check.Finding{}, "repair": &repair.Plan{}, "matrix": &Matrix{}, "sweep": &Sweep{}, "verify": &Verification{}} {
		t.Run(name, func(t *testing.T) {
			fill(t, reflect.ValueOf(value).Elem())
			raw, err := json.Marshal(value)
			require.NoError(t, err)
			strict := compiled(t, name, true)
			fits(t, strict, raw)

			var object map[string]any
			require.NoError(t, json.Unmarshal(raw, &object))
			require.Empty(t, missing(schemaOf(t, name), schemaOf(t, name), object, name), "the schema names what is never written")
			object["added"] = 1
			raw, err = json.Marshal(object)
			require.NoError(t, err)
			extra, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
			require.NoError(t, err)
			require.Error(t, strict.Validate(extra), "a field that was added shows")
			require.NoError(t, compiled(t, name, false).Validate(extra), "and breaks nobody's reader")
			delete(object, "added")
			for field := range object {
				if requiredIn(t, name, field) {
					less := map[string]any{}
					for other, value := range object {
						if other != field {
							less[other] = value
						}
					}
					require.Error(t, strict.Validate(less), "a field that was taken away shows: %s", field)
				}
			}
		})
	}
}

func schemaOf(t *testing.T, name string) map[string]any {
	t.Helper()
	raw, _ := Schema(name)
	var schema map[string]any
	require.NoError(t, json.Unmarshal(raw, &schema))
	return schema
}

func requiredIn(t *testing.T, name, field string) bool {
	for _, required := range schemaOf(t, name)["required"].([]any) {
		if required == field {
			return true
		}
	}
	return false
}

// missing names the properties that a value filled to the brim does not have.
func missing(root, schema map[string]any, value any, path string) (names []string) {
	if ref, ok := schema["$ref"].(string); ok {
		schema = root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	}
	if any, ok := schema["anyOf"].([]any); ok {
		return missing(root, any[0].(map[string]interface{}), value, path)
	}
	if items, ok := schema["items"].(map[string]any); ok {
		for _, item := range value.([]any) {
			names = append(names, missing(root, items, item, path+"[]")...)
		}
		return names
	}
	properties, ok := schema["properties"].(map[string]any)
	if !ok {
		return nil
	}
	object := value.(map[string]any)
	for name, property := range properties {
		child, ok := object[name]
		if !ok {
			names = append(names, path+"."+name)
			continue
		}
		names = append(names, missing(root, property.(map[string]any), child, path+"."+name)...)
	}
	return names
}

// fill gives every exported field a value that is not its zero.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Interface().(type) {
	case check.Verdict:
		v.SetString(string(check.Invalid))
		return
	case check.Class:
		v.SetString(string(check.Lost))
		return
	case repair.Do:
		v.SetString(string(repair.Replay))
		return
	case repair.Answer:
		v.SetString(string(repair.NotKnown))
		return
	case json.RawMessage:
		v.SetBytes([]byte(`{"files":1}`))
		return
	case map[check.Class]int:
		counts := map[check.Class]int{}
		for _, class := range allClasses {
			counts[class] = 1
		}
		v.Set(reflect.ValueOf(counts))
		return
	case map[check.Fate]int:
		fates := map[check.Fate]int{}
		for _, fate := range check.Fates {
			fates[fate] = 1
		}
		v.Set(reflect.ValueOf(fates))
		return
	case map[string]float64:
		v.Set(reflect.ValueOf(map[string]float64{"total": 1, "trial": 0.5}))
		return
	case map[string]string:
		v.Set(reflect.ValueOf(map[string]string{"from": "1"}))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); !field.IsExported() || field.Tag.Get("json") == "-" {
				continue
			}
			fill(t, v.Field(i))
			if v.Type() == reflect.TypeFor[repair.Duplicate]() && v.Type().Field(i).Name == "Place" {
				v.Field(i).SetString("rows")
			}
		}
		onlyFindings(v)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0))
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint64:
		v.SetUint(1)
	case reflect.Float64:
		v.SetFloat(1)
	default:
		require.Fail(t, "no value is known for "+v.Type().String())
	}
}

// onlyFindings leaves classes of findings in counts that hold nothing else: all
// but those of whole runs.
func onlyFindings(v reflect.Value) {
	switch v.Type() {
	case reflect.TypeFor[Run](), reflect.TypeFor[Repaired](), reflect.TypeFor[Verification]():
		return
	}
	for i := range v.NumField() {
		if !v.Type().Field(i).IsExported() {
			continue
		}
		if counts, ok := v.Field(i).Interface().(map[check.Class]int); ok {
			for _, class := range harmless {
				delete(counts, class)
			}
		}
	}
}
