package file

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/workload"
)

// records makes the workload's format of what the file says of records.
func (b *builder) records(spec *pipeline.Spec) {
	r := b.format.Records
	spec.Inbox, spec.Keys, spec.InPlace = cmp.Or(r.Folder, "inbox"), r.Keys, r.Upload == "in-place"
	format := &workload.Format{
		Kind: r.Format, Names: r.Files, SnapshotNames: r.Snapshots, Temporary: r.Temporary, Trailer: r.Trailer,
		Delimiter: r.CSV.Delimiter, NoHeader: r.CSV.Header != nil && !*r.CSV.Header, QuoteAll: r.CSV.Quote == "all", CRLF: r.CSV.LineEnd == "crlf",
	}
	spec.Records = format
	b.names(r)
	if n := utf8.RuneCountInString(r.CSV.Delimiter); b.stands("records.csv.delimiter") && (n != 1 || len(r.CSV.Delimiter) != 1 || strings.ContainsAny(r.CSV.Delimiter, "\"\r\n")) {
		b.bad("records.csv.delimiter", "want one ASCII character that means nothing else, not %q", r.CSV.Delimiter)
	}
	if strings.ContainsAny(r.Trailer, "\r\n") {
		b.bad("records.trailer", "it is one line")
	}
	for key, kind := range map[string]string{"csv": workload.CSV, "xml": workload.XML, "template": workload.Templated} {
		if b.stands("records."+key) && r.Format != kind && r.Format != "" {
			b.badKey("records."+key, "records are %s: leave it out", r.Format)
		}
	}
	switch r.Format {
	case workload.XML:
		format.Root, format.Element = b.element("records.xml.root", r.XML.Root, "records"), b.element("records.xml.record", r.XML.Record, "record")
	case workload.Templated:
		if r.Template == nil {
			b.badKey("records.format", "template is missing: it says how a record is laid out")
		} else {
			format.Template = &workload.Template{Header: r.Template.Header, Row: r.Template.Row, Footer: r.Template.Footer}
		}
	}
	for i, field := range r.Fields {
		format.Columns = append(format.Columns, b.field(fmt.Sprintf("records.fields[%d]", i), field))
	}
	b.fields(format)
	if spec.InPlace && !format.Ends() {
		b.bad("records.upload", "nothing would say when a file that is written in place is complete: give a trailer")
	}
	// What is left are templates that cannot be executed.
	if len(b.problems) == 0 {
		if err := format.Validate(); err != nil {
			at := "records"
			if format.Template != nil {
				at = "records.template"
			}
			b.bad(at, "%v", err)
		}
	}
}

// placeholder is what looks like one.
var placeholder = regexp.MustCompile(`\{[^}]*\}`)

func (b *builder) names(r Records) {
	for _, name := range []struct {
		key, text, must string
		can             []string
	}{
		{"files", r.Files, "{number}", []string{"{number}", "{tag}"}},
		{"snapshots", r.Snapshots, "{number}", []string{"{number}", "{tag}"}},
		{"temporary", r.Temporary, "{name}", []string{"{name}"}},
		{"trailer", r.Trailer, "", []string{"{rows}"}},
	} {
		at := "records." + name.key
		if !b.stands(at) {
			continue
		}
		if !strings.Contains(name.text, name.must) {
			b.bad(at, "%q does not contain %s", name.text, name.must)
		}
		if name.key == "trailer" {
			continue // its braces may be anybody's
		}
		for _, found := range placeholder.FindAllString(name.text, -1) {
			if !slices.Contains(name.can, found) {
				b.bad(at, "%s is not known: there is %s", found, strings.Join(name.can, ", "))
			}
		}
		if strings.ContainsAny(name.text, "/\x00\r\n") {
			b.bad(at, "want a bare file name, not %q", name.text)
		}
	}
	if r.Temporary == "{name}" {
		b.bad("records.temporary", "{name} alone is the name that the file has in the end: use upload: in-place")
	}
	if r.Snapshots != "" && r.Snapshots == r.Files {
		b.bad("records.snapshots", "full files have the names of the others: nothing would tell them apart")
	}
}

var elementName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

func (b *builder) element(at, name, otherwise string) string {
	name = cmp.Or(name, otherwise)
	if !elementName.MatchString(name) {
		b.bad(at, "%q cannot name an element", name)
	}
	return name
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (b *builder) field(at string, f Field) workload.Column {
	c := workload.Column{Name: f.Name, Holds: f.Holds, Upsert: f.Upsert, Delete: f.Delete, AlsoUpsert: f.AlsoUpsert, AlsoDelete: f.AlsoDelete, Number: f.As == "number", Longest: f.Longest, Normalise: f.Normalise}
	b.oneOf(at, "holds", "constant")
	if f.Constant != nil {
		c.Constant = *f.Constant
		if strings.ContainsAny(c.Constant, "\r\n") {
			b.bad(at+".constant", "it is one line")
		}
	}
	format := b.format.Records.Format
	switch {
	case f.Name == "" && b.stands(at+".name"):
		b.bad(at+".name", "it is empty")
	case format == workload.XML && !elementName.MatchString(strings.TrimPrefix(f.Name, "@")) && f.Name != "":
		b.bad(at+".name", "%q can name neither an element nor, behind @, an attribute", f.Name)
	case format == workload.Templated && !identifier.MatchString(f.Name) && f.Name != "":
		b.bad(at+".name", "%q cannot stand in a template: use letters, digits and underscores", f.Name)
	}
	operation := []string{workload.HoldsOperation}
	for key, only := range map[string][]string{"upsert": operation, "delete": operation, "also_upsert": operation, "also_delete": operation, "layout": {"birth_date", "starts_at"}} {
		if b.stands(at+"."+key) && b.stands(at+".holds") && !slices.Contains(only, f.Holds) {
			b.badKey(at+"."+key, "it is for fields that hold %s", strings.Join(only, " or "))
		}
	}
	if b.stands(at+".as") && format != workload.JSONLines && format != "" {
		b.badKey(at+".as", "it is for JSON: records are %s", format)
	}
	for _, key := range []string{"longest", "normalise"} {
		if b.stands(at+"."+key) && !isContent(f.Holds) && (f.Holds != "" || f.Constant != nil) {
			b.badKey(at+"."+key, "it is for fields that hold content")
		}
	}
	if err := c.CheckWords(); err != nil {
		b.bad(at, "%v", err)
	}
	if f.Layout != "" {
		c.Layout = b.layout(at+".layout", f.Layout, f.Holds)
	}
	return c
}

func isContent(holds string) bool {
	return slices.ContainsFunc(workload.Fields, func(f workload.Field) bool { return f.Name == holds })
}

// layoutUnits are the units of layouts, and how package time writes them. Longer ones come first.
var layoutUnits = strings.NewReplacer("YYYY", "2006", "MM", "01", "DD", "02", "hh", "15", "mm", "04", "ss", "05", ".SSSSSS", ".000000", ".SSS", ".000")

func (b *builder) layout(at, text, holds string) string {
	must := []string{"YYYY", "MM", "DD"}
	if holds == "starts_at" {
		must = append(must, "hh", "mm", "ss")
	}
	for _, unit := range must {
		if strings.Count(text, unit) != 1 {
			b.bad(at, "%q must have %s once: YYYY, MM, DD, and for an instant hh, mm, ss, and .SSS or .SSSSSS", text, unit)
			return ""
		}
	}
	return layoutUnits.Replace(text)
}

// fieldsKnown reports whether all that is said of the fields could be read.
func (b *builder) fieldsKnown() bool {
	return b.stands("records.fields") && b.clear("records.fields") && !under(b.unclear, "records.fields") && !under(b.gaps, "records.fields")
}

// fields judges what records hold together.
func (b *builder) fields(format *workload.Format) {
	if !b.fieldsKnown() {
		return
	}
	names, holds := map[string]bool{}, map[string]bool{}
	content := 0
	for i, c := range format.Columns {
		at := fmt.Sprintf("records.fields[%d]", i)
		if names[c.Name] && c.Name != "" {
			b.bad(at+".name", "another field is called %q", c.Name)
		}
		if holds[c.Holds] && c.Holds != "" {
			b.bad(at+".holds", "another field holds %s", c.Holds)
		}
		names[c.Name], holds[c.Holds] = true, true
		if isContent(c.Holds) {
			content++
		}
	}
	if !holds[workload.HoldsKey] {
		b.badKey("records.fields", "none holds the key: records could not be told apart")
	}
	if content == 0 && !holds[workload.HoldsVersion] {
		b.badKey("records.fields", "none holds content or the version: a record would say nothing")
	}
}
