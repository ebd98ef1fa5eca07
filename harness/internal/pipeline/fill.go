package pipeline

import (
	"regexp"
	"strings"
)

// variable is ${name}; $${name} is the text ${name}.
var variable = regexp.MustCompile(`\$?\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// Variables returns the names that a text wants to have filled in.
func Variables(text string) []string {
	var names []string
	for _, found := range variable.FindAllStringSubmatch(text, -1) {
		if !strings.HasPrefix(found[0], "$$") {
			names = append(names, found[1])
		}
	}
	return names
}

// Fill puts in the value of each ${name} that is known, and leaves everything else.
func Fill(text string, value func(name string) (string, bool)) string {
	return variable.ReplaceAllStringFunc(text, func(found string) string {
		if strings.HasPrefix(found, "$$") {
			return found
		}
		if value, ok := value(found[2 : len(found)-1]); ok {
			return value
		}
		return found
	})
}

// filled is Fill for the last time: what was kept from being filled in is text now.
func filled(text string, value func(name string) (string, bool)) string {
	return strings.ReplaceAll(Fill(text, value), "$${", "${")
}
