package file

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the schema and the golden files anew")

// spot is a key of the format in a file that has all of them.
type spot struct {
	path []any // keys and positions
	kind reflect.Type
	key  key
}

func (s spot) String() string {
	text := ""
	for _, step := range s.path {
		if index, ok := step.(int); ok {
			text += fmt.Sprintf("[%d]", index)
		} else {
			text = join(text, step.(string))
		}
	}
	return text
}

// spots lists every key of a type, and every value in those that hold several.
func spots(t reflect.Type, under []any, in map[string]any) []spot {
	var list []spot
	for _, k := range keys(t) {
		list = append(list, below(append(append([]any{}, under...), k.name), k.kind, k, in[k.name])...)
	}
	return list
}

func below(path []any, t reflect.Type, k key, value any) []spot {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	list := []spot{{path, t, k}}
	switch t.Kind() {
	case reflect.Struct:
		object, _ := value.(map[string]any)
		list = append(list, spots(t, path, object)...)
	case reflect.Map:
		for name, element := range value.(map[string]any) {
			list = append(list, below(append(append([]any{}, path...), name), t.Elem(), k, element)...)
			break
		}
	case reflect.Slice:
		list = append(list, below(append(append([]any{}, path...), 0), t.Elem(), k, value.([]any)[0])...)
	}
	return list
}

// wrong are values that a key cannot have.
func wrong(s spot) map[string]any {
	switch {
	case s.kind == durationType:
		return map[string]any{"a word": "soon", "negative": "-3s", "a list": []any{"1s"}, "no unit": 15}
	case s.kind == bytesType:
		return map[string]any{"a word": "much", "a list": []any{1}, "too little": 4096}
	}
	switch s.kind.Kind() {
	case reflect.Struct, reflect.Map:
		return map[string]any{"a text": "text", "a list": []any{"a"}, "nothing": nil}
	case reflect.Slice:
		return map[string]any{"a text": "text", "a mapping": map[string]any{"a": "b"}, "nothing": nil}
	case reflect.Int:
		values := map[string]any{"a word": "many", "a fraction": 1.5, "nothing": nil, "too low": s.key.min - 1}
		if s.key.max > 0 {
			values["too high"] = s.key.max + 1
		}
		return values
	case reflect.Bool:
		return map[string]any{"a word": "perhaps", "a number": 1, "nothing": nil}
	}
	values := map[string]any{"a list": []any{"a"}, "a mapping": map[string]any{"a": "b"}, "nothing": nil}
	if s.key.words != nil {
		values["none of the words"] = "nonsense"
	}
	return values
}

func everyKey(t *testing.T) (text []byte, tree map[string]any) {
	t.Helper()
	text, err := os.ReadFile("testdata/every-key.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &tree))
	return text, tree
}

// with returns a copy of the tree with another value at a path.
func with(t *testing.T, tree map[string]any, path []any, value any) map[string]any {
	t.Helper()
	raw, err := json.Marshal(tree)
	require.NoError(t, err)
	var copied map[string]any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&copied))
	numbers(copied)
	var at any = copied
	for i, step := range path {
		last := i == len(path)-1
		if index, ok := step.(int); ok {
			list := at.([]any)
			if last {
				list[index] = value
				break
			}
			at = list[index]
			continue
		}
		object := at.(map[string]any)
		if last {
			object[step.(string)] = value
			break
		}
		at = object[step.(string)]
	}
	return copied
}

// numbers makes numbers of json.Number, which the writer of YAML takes for texts.
func numbers(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name := range value {
			value[name] = numbers(value[name])
		}
	case []any:
		for i := range value {
			value[i] = numbers(value[i])
		}
	case json.Number:
		if n, err := value.Int64(); err == nil {
			return n
		}
		f, _ := value.Float64()
		return f
	}
	return value
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("schema.json", doc))
	schema, err := compiler.Compile("schema.json")
	require.NoError(t, err)
	return schema
}

func validate(t *testing.T, schema *jsonschema.Schema, tree any) error {
	t.Helper()
	raw, err := json.Marshal(tree)
	require.NoError(t, err)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	require.NoError(t, err)
	return schema.Validate(value)
}

// The schema is made of the types: go test ./harness/internal/pipeline/file -run SchemaIsThatOfTheTypes -update
func TestSchemaIsThatOfTheTypes(t *testing.T) {
	made, err := schema()
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile("pipeline.json", made, 0o644))
		return
	}
	require.Equal(t, string(made), string(Schema))
	for _, s := range spots(reflect.TypeFor[Format](), nil, func() map[string]any { _, tree := everyKey(t); return tree }()) {
		require.NotEmpty(t, s.key.doc, "%s: what is it for?", s)
	}
}

// Every key has a value in the file that is to have all, and that file is good
// for parser and schema.
func TestEveryKeyIsThere(t *testing.T) {
	text, tree := everyKey(t)
	_, d := decode("every-key.yaml", text)
	require.Empty(t, d.problems)
	for _, s := range spots(reflect.TypeFor[Format](), nil, tree) {
		require.True(t, d.stands(s.String()), "testdata/every-key.yaml lacks %s", s)
	}
	require.NoError(t, validate(t, compiled(t), tree))
}

// Every key with a wrong value: an error at the line and column where it stands,
// from the parser; and editors are told by the schema.
func TestEveryKeyWithAWrongValue(t *testing.T) {
	_, tree := everyKey(t)
	schema := compiled(t)
	tried := 0
	_, err := read("seatrial.yaml", []byte("seatrial: one"), os.LookupEnv)
	require.ErrorContains(t, err, `seatrial.yaml:1:11: seatrial: want a whole number, not "one"`)
	for _, s := range spots(reflect.TypeFor[Format](), nil, tree) {
		for what, value := range wrong(s) {
			tried++
			broken := with(t, tree, s.path, value)
			text, err := yaml.Marshal(broken)
			require.NoError(t, err)
			_, d := decode("seatrial.yaml", text)
			at, stands := d.values[s.String()]
			require.True(t, stands, "%s", s)
			require.NotEmpty(t, d.problems, "%s is %s\n%s", s, what, text)
			problem := d.problems.sorted()[0]
			require.Equal(t, at, problem.Position, "%s is %s: %v\n%s", s, what, problem, text)
			require.True(t, strings.HasPrefix(problem.Text, s.String()+": "), "%s is %s: %v", s, what, problem)
			require.Regexp(t, `^seatrial\.yaml:\d+:\d+: `, problem.Error())

			require.Error(t, validate(t, schema, broken), "%s is %s, and the schema takes it", s, what)
		}
	}
	require.Greater(t, tried, 400)
}

// A key that does not exist, anywhere: an error at the key, with the nearest.
func TestEveryObjectWithAnUnknownKey(t *testing.T) {
	_, tree := everyKey(t)
	schema := compiled(t)
	all := append(spots(reflect.TypeFor[Format](), nil, tree), spot{kind: reflect.TypeFor[Format]()})
	for _, s := range all {
		if s.kind.Kind() != reflect.Struct {
			continue
		}
		known := keys(s.kind)[0].name
		path := append(append([]any{}, s.path...), known+"x")
		broken := with(t, tree, path, "text")
		text, err := yaml.Marshal(broken)
		require.NoError(t, err)
		_, d := decode("seatrial.yaml", text)
		require.Len(t, d.problems, 1, "%s\n%s", s, text)
		require.Contains(t, d.problems[0].Text, fmt.Sprintf("unknown key %q: did you mean %q?", known+"x", known), "%s", s)
		lines := strings.Split(string(text), "\n")
		require.True(t, strings.HasPrefix(lines[d.problems[0].Line-1][d.problems[0].Column-1:], known+"x:"), "%v\n%s", d.problems[0], text)
		require.Error(t, validate(t, schema, broken), "%s", s)
	}
}

// A key that must be there and is not: an error where it should be.
func TestEveryMissingKey(t *testing.T) {
	_, tree := everyKey(t)
	schema := compiled(t)
	missing := 0
	for _, s := range spots(reflect.TypeFor[Format](), nil, tree) {
		name, isKey := s.path[len(s.path)-1].(string)
		if !isKey || !s.key.must || name != s.key.name {
			continue
		}
		missing++
		parent := s.path[:len(s.path)-1]
		broken := with(t, tree, s.path, nil)
		drop(broken, parent, name)
		text, err := yaml.Marshal(broken)
		require.NoError(t, err)
		_, d := decode("seatrial.yaml", text)
		require.Len(t, d.problems, 1, "%s\n%s", s, text)
		require.Contains(t, d.problems[0].Text, name+" is missing: "+s.key.doc, "%s", s)
		require.Error(t, validate(t, schema, broken), "%s", s)
	}
	require.Greater(t, missing, 20)
}

func drop(tree any, path []any, name string) {
	for _, step := range path {
		if index, ok := step.(int); ok {
			tree = tree.([]any)[index]
		} else {
			tree = tree.(map[string]any)[step.(string)]
		}
	}
	delete(tree.(map[string]any), name)
}
