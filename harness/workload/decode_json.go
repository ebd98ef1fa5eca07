package workload

import (
	"bytes"
	"encoding/json"
	"io"
	"unicode/utf8"
)

// jsonReader reads an object a line.
type jsonReader struct {
	format *Format
	in     *input
	rows   int
}

func (j *jsonReader) next(into []Value) (line int, err error) {
	for {
		if j.format.Trailer != "" {
			if said, found, err := j.in.end(j.format); err != nil {
				return 0, err
			} else if found {
				return 0, complete(said, j.rows, j.in.line)
			}
		}
		line = j.in.line
		text, err := j.in.readLine()
		switch {
		case err == io.EOF && j.format.Trailer != "":
			return 0, &Unreadable{Line: line, Why: cutOff, Rest: true}
		case err != nil:
			return 0, err
		case len(bytes.TrimSpace(text)) == 0:
			continue
		}
		j.rows++
		return line, j.object(text, line, into)
	}
}

func (j *jsonReader) object(text []byte, line int, into []Value) error {
	if !utf8.Valid(text) {
		return &Unreadable{Line: line, Why: "it is not UTF-8"}
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		return &Unreadable{Line: line, Why: "it is no JSON object"}
	}
	for i, column := range j.format.Columns {
		into[i] = jsonValue(members[column.Name])
	}
	return nil
}

// jsonValue is the content of a string, and of everything else its JSON.
func jsonValue(raw json.RawMessage) Value {
	if raw == nil || string(raw) == "null" {
		return Value{}
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		text = string(raw)
	}
	return Value{text, true}
}
