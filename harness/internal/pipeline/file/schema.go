package file

import (
	_ "embed"
	"encoding/json"
	"reflect"
)

// Schema is the JSON Schema (draft 2020-12) of seatrial.yaml, for editors. It says
// what keys there are and what each can be; what they mean together only Read
// knows.
//
//go:embed pipeline.json
var Schema []byte

// SchemaURL is where the schema is published.
const SchemaURL = "https://raw.githubusercontent.com/seatrial/seatrial/main/harness/internal/pipeline/file/pipeline.json"

// schema makes Schema from the types.
func schema() ([]byte, error) {
	root := object(reflect.TypeFor[Format]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = SchemaURL
	root["title"] = Name
	root["description"] = "An import pipeline as seatrial tries it: its containers, its records, and where its effects are seen."
	root["patternProperties"] = map[string]any{"^x-": map[string]any{"description": "Left alone: a place for YAML anchors."}}
	raw, err := json.MarshalIndent(root, "", "  ")
	return append(raw, '\n'), err
}

func object(t reflect.Type) map[string]any {
	properties := map[string]any{}
	var required []string
	for _, k := range keys(t) {
		described := described(k.kind, k)
		described["description"] = k.doc
		properties[k.name] = described
		if k.must {
			required = append(required, k.name)
		}
	}
	node := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if required != nil {
		node["required"] = required
	}
	return node
}

// described says what a value of a type can be.
func described(t reflect.Type, k key) map[string]any {
	switch {
	case t == durationType:
		return map[string]any{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`, "examples": []string{"250ms", "15s", "2m"}}
	case t == bytesType:
		return map[string]any{"type": []string{"string", "integer"}, "pattern": `^[0-9]+(\.[0-9]+)? ?([kKmMgGtTpP]([iI]?[bB])?|[bB])?$`, "minimum": 6 << 20, "examples": []string{"256MiB"}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return described(t.Elem(), k)
	case reflect.Struct:
		return object(t)
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": described(t.Elem(), k)}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": described(t.Elem(), k)}
	case reflect.Int:
		node := map[string]any{"type": "integer", "minimum": k.min}
		if k.max > 0 {
			node["maximum"] = k.max
		}
		return node
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	}
	if k.words != nil {
		return map[string]any{"enum": k.words}
	}
	return map[string]any{"type": []string{"string", "number", "boolean"}} // 3.10 is a version, and true a word
}
