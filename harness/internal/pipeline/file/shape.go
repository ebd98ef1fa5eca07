package file

import (
	"reflect"
	"strconv"
	"strings"
	"time"
)

// key is a key of the file, as its tags describe it.
type key struct {
	name     string
	doc      string
	must     bool
	words    []string // that the value, or each in it, can be; nil: any
	min, max int      // of a number; 0: none
	index    []int    // of the field, for reflection
	kind     reflect.Type
}

// keys returns the keys of a type, those of embedded types among them.
func keys(t reflect.Type) []key {
	var list []key
	for _, field := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if name == "" { // embedded, or an embedded type's own embedding
			continue
		}
		k := key{name: name, doc: field.Tag.Get("doc"), must: field.Tag.Get("must") == "true", index: field.Index, kind: field.Type}
		if words := field.Tag.Get("one"); words != "" {
			k.words = strings.Split(words, "|")
		}
		k.min, _ = strconv.Atoi(field.Tag.Get("min"))
		k.max, _ = strconv.Atoi(field.Tag.Get("max"))
		list = append(list, k)
	}
	return list
}

// Duration is a time such as 250ms, 15s or 2m.
type Duration time.Duration

// Bytes is a size such as 256MiB.
type Bytes int64

var (
	durationType = reflect.TypeFor[Duration]()
	bytesType    = reflect.TypeFor[Bytes]()
)
