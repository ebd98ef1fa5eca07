package observe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// records returns what a message is about: the records whose keys stand in
// its JSON body, or in its correlation id or message id, or as a word
// anywhere in its body. A message without any is one entry of no record.
func records(wl *workload.Workload, message amqp.Delivery, where string) []history.Entry {
	if message.MessageId != "" {
		where += ", id " + message.MessageId
	}
	var body any
	decoder := json.NewDecoder(bytes.NewReader(message.Body))
	decoder.UseNumber() // versions beyond 2^53 stay what they are
	if decoder.Decode(&body) != nil {
		body = nil
	}
	var entries []history.Entry
	collect(wl, body, where, &entries)
	if len(entries) > 0 {
		return entries
	}
	for _, id := range []string{message.CorrelationId, message.MessageId} {
		if number, ok := wl.Number(id); ok {
			return []history.Entry{{Number: number, Version: -1, Where: where}}
		}
	}
	if number, ok := word(wl, message.Body); ok {
		return []history.Entry{{Number: number, Version: -1, Where: where}}
	}
	key := message.CorrelationId
	if key == "" {
		key = fmt.Sprintf("message without a key: %.80q", message.Body)
	}
	return []history.Entry{{Number: -1, Version: -1, Key: key, Where: where}}
}

// collect walks through a JSON value: an object that has a key of this run as
// one of its strings is a record, with the version and op beside it, also by the
// names that the files have for them. Fields called key come first; what is inside a record is its content.
func collect(wl *workload.Workload, value any, where string, entries *[]history.Entry) {
	switch value := value.(type) {
	case []any:
		for _, element := range value {
			collect(wl, element, where, entries)
		}
	case map[string]any:
		names := make([]string, 0, len(value))
		for name := range value {
			names = append(names, name)
		}
		slices.SortFunc(names, func(a, b string) int {
			switch {
			case a == b:
				return 0
			case a == "key":
				return -1
			case b == "key":
				return 1
			}
			return strings.Compare(a, b)
		})
		for _, name := range names {
			key, ok := value[name].(string)
			if !ok {
				continue
			}
			if number, ok := wl.Number(key); ok {
				e := history.Entry{Number: number, Where: where}
				version, op := wl.Said(func(name string) (string, bool) {
					switch said := value[name].(type) {
					case string:
						return said, true
					case json.Number:
						return said.String(), true
					}
					return "", false
				})
				e.Version, e.Op = parseVersion([]byte(version)), op
				*entries = append(*entries, e)
				return
			}
		}
		for _, name := range names {
			collect(wl, value[name], where, entries)
		}
	}
}

// word finds the first key of this run among the words of a text.
func word(wl *workload.Workload, text []byte) (number int, ok bool) {
	words := bytes.FieldsFunc(text, func(r rune) bool {
		return r < utf8.RuneSelf && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	for _, word := range words {
		if number, ok := wl.Number(string(word)); ok {
			return number, true
		}
	}
	return -1, false
}
