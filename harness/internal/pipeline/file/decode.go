package file

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/seatrial/seatrial/harness/internal/nearest"
)

// mostNodes bounds how much one file may mean: aliases let a short one mean
// much.
const mostNodes = 100_000

// decoder makes a Format of a file and collects what is wrong with it.
type decoder struct {
	file     string
	problems Problems
	values   map[string]Position // of each value that stands in the file, by its path
	keys     map[string]Position // of its key
	// unclear are the paths of what could not be read: what follows from that is no
	// problem of its own.
	unclear map[string]bool
	// gaps are the paths of objects that lack a key, perhaps as it is spelled wrong.
	gaps    map[string]bool
	anchors anchors
	nodes   int
}

// decode parses content. What it returns beside problems is as far as it got.
func decode(file string, content []byte) (Format, *decoder) {
	d := &decoder{file: file, values: map[string]Position{}, keys: map[string]Position{}, unclear: map[string]bool{}, gaps: map[string]bool{}, anchors: anchors{}}
	var format Format
	body := d.parse(content)
	if body != nil {
		ast.Walk(d.anchors, body)
		d.values[""] = Position{1, 1}
		d.value("", body, reflect.ValueOf(&format).Elem(), key{})
	}
	return format, d
}

func (d *decoder) parse(content []byte) (body ast.Node) {
	defer func() {
		if panicked := recover(); panicked != nil { // in the library
			d.add(Position{1, 1}, "it cannot be read as YAML (%v)", panicked)
			body = nil
		}
	}()
	parsed, err := parser.ParseBytes(content, 0, parser.AllowDuplicateMapKey())
	var syntax *yaml.SyntaxError
	switch {
	case errors.As(err, &syntax):
		d.add(positionOf(syntax.Token), "it is no YAML: %s", syntax.Message)
		return nil
	case err != nil:
		d.add(Position{1, 1}, "it is no YAML: %v", err)
		return nil
	}
	var bodies []ast.Node
	for _, doc := range parsed.Docs {
		if doc != nil && doc.Body != nil && doc.Body.Type() != ast.CommentType {
			bodies = append(bodies, doc.Body)
		}
	}
	switch len(bodies) {
	case 0:
		d.add(Position{1, 1}, "there is nothing in it: \"seatrial init\" writes one to begin with")
		return nil
	case 1:
		return bodies[0]
	}
	d.add(d.at(bodies[1]), "a second document begins: one file describes one pipeline")
	return bodies[0]
}

func (d *decoder) add(at Position, format string, args ...any) {
	d.problems = append(d.problems, Problem{File: d.file, Position: at, Text: fmt.Sprintf(format, args...)})
}

func positionOf(t *token.Token) Position {
	if t == nil || t.Position == nil {
		return Position{1, 1}
	}
	return Position{max(t.Position.Line, 1), max(t.Position.Column, 1)}
}

// at returns where a node begins: a mapping with its first key.
func (d *decoder) at(node ast.Node) Position {
	switch node := node.(type) {
	case *ast.MappingNode:
		if len(node.Values) > 0 && !node.IsFlowStyle {
			return positionOf(node.Values[0].Key.GetToken())
		}
	case *ast.MappingValueNode:
		return positionOf(node.Key.GetToken())
	}
	return positionOf(node.GetToken())
}

// anchors are those of a file by their names, in their order: a name may be given
// again.
type anchors map[string][]*ast.AnchorNode

// Visit implements [ast.Visitor].
func (a anchors) Visit(node ast.Node) ast.Visitor {
	if anchor, ok := node.(*ast.AnchorNode); ok {
		name := anchor.Name.GetToken().Value
		a[name] = append(a[name], anchor)
	}
	return a
}

// of returns what stands at the last anchor before an alias, nil without one.
func (a anchors) of(alias *ast.AliasNode) ast.Node {
	at := positionOf(alias.GetToken())
	for _, anchor := range slices.Backward(a[alias.Value.GetToken().Value]) {
		if positionOf(anchor.GetToken()).compare(at) < 0 {
			return anchor.Value
		}
	}
	return nil
}

// unwrapped follows anchors and aliases to what stands there.
func (d *decoder) unwrapped(node ast.Node) ast.Node {
	for range 100 {
		switch n := node.(type) {
		case *ast.AnchorNode:
			node = n.Value
		case *ast.AliasNode:
			if node = d.anchors.of(n); node == nil {
				d.add(d.at(n), "no anchor &%s stands before this", n.Value.GetToken().Value)
				return nil
			}
		case *ast.TagNode:
			d.add(d.at(n), "a tag (%s) means nothing here", n.Start.Value)
			return nil
		default:
			return node
		}
	}
	d.add(d.at(node), "this alias leads to itself")
	return nil
}

// more counts a node, and refuses those that are too many.
func (d *decoder) more(node ast.Node) bool {
	d.nodes++
	if d.nodes == mostNodes+1 {
		d.add(d.at(node), "aliases make this file mean too much")
	}
	return d.nodes <= mostNodes
}

// value decodes a node into a field that key describes, at a path such as
// roles.loader.image.
func (d *decoder) value(path string, node ast.Node, into reflect.Value, k key) {
	if !d.more(node) {
		return
	}
	at := d.at(node)
	if node = d.unwrapped(node); node == nil {
		return
	}
	if path != "" {
		d.values[path] = at
	}
	if into.Kind() == reflect.Pointer {
		made := reflect.New(into.Type().Elem())
		into.Set(made)
		into = made.Elem()
	}
	before := len(d.problems)
	switch {
	case into.Type() == durationType:
		d.duration(path, at, node, into)
	case into.Type() == bytesType:
		d.bytes(path, at, node, into)
	default:
		d.plain(path, at, node, into, k)
	}
	if len(d.problems) > before && path != "" && !d.gaps[path] && !under(d.unclear, path) && !under(d.gaps, path) {
		d.unclear[path] = true
	}
}

// under reports whether one of the paths lies below another.
func under(paths map[string]bool, path string) bool {
	for one := range paths {
		if strings.HasPrefix(one, path+".") || strings.HasPrefix(one, path+"[") {
			return true
		}
	}
	return false
}

// clear reports whether a path, and all that it lies in, could be read.
func (d *decoder) clear(path string) bool {
	for {
		if d.unclear[path] {
			return false
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return true
		}
		path = path[:cut]
	}
}

func (d *decoder) plain(path string, at Position, node ast.Node, into reflect.Value, k key) {
	switch into.Kind() {
	case reflect.Struct:
		d.object(path, at, node, into)
	case reflect.Map:
		d.table(path, at, node, into, k)
	case reflect.Slice:
		d.list(path, at, node, into, k)
	case reflect.String:
		if text, ok := scalar(node); !ok {
			d.add(at, "%s: want %s, not %s", path, wanted(k, "a text"), kindOf(node))
		} else if d.word(path, at, text, k) {
			into.SetString(text)
		}
	case reflect.Int:
		text, _ := scalar(node)
		number, err := strconv.Atoi(strings.ReplaceAll(text, "_", ""))
		switch {
		case err != nil || node.Type() != ast.IntegerType:
			d.add(at, "%s: want a whole number, not %s", path, kindOf(node))
		case number < k.min || k.max > 0 && number > k.max:
			d.add(at, "%s: %d is not %s", path, number, bounds(k))
		default:
			into.SetInt(int64(number))
		}
	case reflect.Bool:
		if b, ok := node.(*ast.BoolNode); ok {
			into.SetBool(b.Value)
			return
		}
		d.add(at, "%s: want true or false, not %s", path, kindOf(node))
	}
}

func wanted(k key, otherwise string) string {
	if k.words != nil {
		return "one of " + strings.Join(k.words, ", ")
	}
	return otherwise
}

func bounds(k key) string {
	if k.max > 0 {
		return fmt.Sprintf("between %d and %d", k.min, k.max)
	}
	return fmt.Sprintf("at least %d", k.min)
}

// word refuses what is none of the words that a value can be.
func (d *decoder) word(path string, at Position, text string, k key) bool {
	if k.words == nil || slices.Contains(k.words, text) {
		return true
	}
	if near := nearest.Of(text, k.words); near != "" {
		d.add(at, "%s: %q is none of %s: did you mean %q?", path, text, strings.Join(k.words, ", "), near)
	} else {
		d.add(at, "%s: %q is none of %s", path, text, strings.Join(k.words, ", "))
	}
	return false
}

// pairs returns the pairs of a mapping, keys as texts; what stands twice is an
// error. Those that << merges come last, and a key that the mapping has itself goes
// before them.
func (d *decoder) pairs(path string, at Position, node ast.Node) (pairs []pair, ok bool) {
	var values []*ast.MappingValueNode
	switch node := node.(type) {
	case *ast.MappingNode:
		values = node.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{node}
	default:
		d.add(at, "%swant keys with values, not %s", prefix(path), kindOf(node))
		return nil, false
	}
	seen := map[string]Position{}
	var merged []pair
	for _, value := range values {
		if !d.more(value) {
			break
		}
		at := positionOf(value.Key.GetToken())
		if value.Key.IsMergeKey() {
			merged = append(merged, d.merged(path, value.Value)...)
			continue
		}
		name, ok := scalar(value.Key)
		if !ok {
			d.add(at, "%swant a text as key, not %s", prefix(path), kindOf(value.Key))
			continue
		}
		if first, twice := seen[name]; twice {
			d.add(at, "%skey %q stands there already, in line %d", prefix(path), name, first.Line)
			continue
		}
		seen[name] = at
		pairs = append(pairs, pair{name, at, value.Value})
	}
	for _, p := range merged {
		if _, own := seen[p.name]; !own && d.more(p.node) {
			seen[p.name] = p.at
			pairs = append(pairs, p)
		}
	}
	return pairs, true
}

// merged returns the pairs of what << names: a mapping, or several of which the
// first goes before the others.
func (d *decoder) merged(path string, node ast.Node) []pair {
	if !d.more(node) {
		return nil
	}
	at := d.at(node)
	switch node := d.unwrapped(node).(type) {
	case nil:
		return nil
	case *ast.MappingNode, *ast.MappingValueNode:
		pairs, _ := d.pairs(path, at, node)
		return pairs
	case *ast.SequenceNode:
		var all []pair
		for _, one := range node.Values {
			all = append(all, d.merged(path, one)...)
		}
		return all
	default:
		d.add(at, "%s<<: want keys with values, not %s", prefix(path), kindOf(node))
		return nil
	}
}

type pair struct {
	name string
	at   Position
	node ast.Node
}

func prefix(path string) string {
	if path == "" {
		return ""
	}
	return path + ": "
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func (d *decoder) object(path string, at Position, node ast.Node, into reflect.Value) {
	pairs, ok := d.pairs(path, at, node)
	if !ok {
		return
	}
	known := keys(into.Type())
	var names []string
	for _, k := range known {
		names = append(names, k.name)
	}
	found := map[string]bool{}
	for _, p := range pairs {
		found[p.name] = true
		i := slices.IndexFunc(known, func(k key) bool { return k.name == p.name })
		if i < 0 {
			found[d.unknown(path, p, names)] = true // it is not missing, it is spelled wrong
			continue
		}
		d.keys[join(path, p.name)] = p.at
		d.value(join(path, p.name), p.node, into.FieldByIndex(known[i].index), known[i])
	}
	for _, k := range known {
		if k.must && !found[k.name] {
			d.gaps[path] = true
			d.add(at, "%s%s is missing: %s", prefix(path), k.name, k.doc)
		}
	}
}

// unknown refuses a key, unless it is one that holds what anchors are on, and
// returns the one that was meant.
func (d *decoder) unknown(path string, p pair, names []string) (meant string) {
	if path == "" && strings.HasPrefix(p.name, "x-") {
		return ""
	}
	d.gaps[path] = true
	if near := nearest.Of(p.name, names); near != "" {
		d.add(p.at, "%sunknown key %q: did you mean %q?", prefix(path), p.name, near)
		return near
	}
	d.add(p.at, "%sunknown key %q: there are %s", prefix(path), p.name, strings.Join(names, ", "))
	return ""
}

func (d *decoder) table(path string, at Position, node ast.Node, into reflect.Value, k key) {
	pairs, ok := d.pairs(path, at, node)
	if !ok {
		return
	}
	into.Set(reflect.MakeMap(into.Type()))
	for _, p := range pairs {
		d.keys[join(path, p.name)] = p.at
		element := reflect.New(into.Type().Elem()).Elem()
		d.value(join(path, p.name), p.node, element, k)
		into.SetMapIndex(reflect.ValueOf(p.name), element)
	}
}

func (d *decoder) list(path string, at Position, node ast.Node, into reflect.Value, k key) {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		d.add(at, "%s: want a list, as in [%s], not %s", path, example(k), kindOf(node))
		return
	}
	list := reflect.MakeSlice(into.Type(), len(sequence.Values), len(sequence.Values))
	for i, value := range sequence.Values {
		d.value(fmt.Sprintf("%s[%d]", path, i), value, list.Index(i), k)
	}
	into.Set(list)
}

func example(k key) string {
	if k.words != nil {
		return k.words[0]
	}
	return "first, second"
}

func (d *decoder) duration(path string, at Position, node ast.Node, into reflect.Value) {
	text, _ := scalar(node)
	duration, err := time.ParseDuration(text)
	if err != nil || duration <= 0 {
		d.add(at, "%s: want a time above zero such as 250ms, 15s or 2m, not %s", path, kindOf(node))
		return
	}
	into.SetInt(int64(duration))
}

func (d *decoder) bytes(path string, at Position, node ast.Node, into reflect.Value) {
	text, _ := scalar(node)
	size, err := units.RAMInBytes(text)
	if err != nil || size < 6<<20 { // less is refused by the engine
		d.add(at, "%s: want a size of 6MiB or more, such as 256MiB, not %s", path, kindOf(node))
		return
	}
	into.SetInt(size)
}

// scalar returns the text of a scalar as it is written: 3.10 stays 3.10.
func scalar(node ast.Node) (string, bool) {
	switch node := node.(type) {
	case *ast.StringNode:
		return node.Value, true
	case *ast.LiteralNode:
		return node.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return node.GetToken().Value, true
	}
	return "", false
}

// kindOf says in words what stands somewhere.
func kindOf(node ast.Node) string {
	switch node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys with values"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	}
	text, ok := scalar(node)
	if !ok {
		return "that"
	}
	if runes := []rune(text); len(runes) > 40 {
		text = string(runes[:40]) + "…"
	}
	return strconv.Quote(text)
}

// position returns where a value stands, or the nearest thing around it that
// stands in the file.
func (d *decoder) position(path string) Position {
	for {
		if at, ok := d.values[path]; ok {
			return at
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return Position{1, 1}
		}
		path = path[:cut]
	}
}

// keyed is position for a key.
func (d *decoder) keyed(path string) Position {
	if at, ok := d.keys[path]; ok {
		return at
	}
	return d.position(path)
}

// stands reports whether a value was given at a path.
func (d *decoder) stands(path string) bool {
	_, ok := d.values[path]
	return ok
}

// sortedKeys returns a map's keys in order, so that problems come in the same one.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
