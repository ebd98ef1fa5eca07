package workload

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"unicode/utf8"
)

// The kinds of files (Format.Kind).
const (
	CSV       = "csv"      // RFC 4180, with any delimiter
	JSONLines = "jsonl"    // an object a line
	XML       = "xml"      // an element a record
	Templated = "template" // text/template for each record
)

// Kinds of files, in the order in which they are named to people.
var FormatKinds = []string{CSV, JSONLines, XML, Templated}

// What a column holds beside the content fields (Column.Holds).
const (
	HoldsKey       = "key"
	HoldsVersion   = "version"
	HoldsOperation = "operation" // upsert or deletion
)

// Format is a record layout of somebody's own: what a pipeline reads. The zero
// value of Config.Format is the reference layout of the generator (see Header).
type Format struct {
	Kind    string   `json:"kind"`
	Columns []Column `json:"columns"` // in the order of the file

	Names         string `json:"names"`                    // of delta files: {number} (six digits), {tag}
	SnapshotNames string `json:"snapshot_names,omitempty"` // of full files; empty: none are sent
	Temporary     string `json:"temporary,omitempty"`      // while a file is uploaded: {name}; empty: ".{name}.part"

	Delimiter string    `json:"delimiter,omitempty"` // of CSV, one character; empty: a comma
	NoHeader  bool      `json:"no_header,omitempty"` // CSV without a line of column names
	QuoteAll  bool      `json:"quote_all,omitempty"` // CSV with every field in quotes
	CRLF      bool      `json:"crlf,omitempty"`      // CRLF at the ends of lines
	Trailer   string    `json:"trailer,omitempty"`   // last line, {rows} in it is the number of records; empty: none
	Root      string    `json:"root,omitempty"`      // XML element of a file
	Element   string    `json:"element,omitempty"`   // XML element of a record
	Template  *Template `json:"template,omitempty"`
}

// Template lays out a file of kind Templated. Row is executed for each record
// with its columns by name, each ready to be printed; Header and Footer with
// .Rows, .Name and .Number. The functions csv, json and xml escape a text.
type Template struct {
	Header string `json:"header,omitempty"`
	Row    string `json:"row"`
	Footer string `json:"footer,omitempty"`
}

// Column is a place in a record: what it is called, and what it holds.
type Column struct {
	Name     string `json:"name"`            // of CSV columns, JSON members and XML elements ("@id": an attribute)
	Holds    string `json:"holds,omitempty"` // HoldsKey, HoldsVersion, HoldsOperation or the name of a content field
	Constant string `json:"constant,omitempty"`
	Upsert   string `json:"upsert,omitempty"` // of HoldsOperation: the words; empty: Upsert and Deletion
	Delete   string `json:"delete,omitempty"`
	// AlsoUpsert and AlsoDelete are other words that mean the same where files are read.
	AlsoUpsert []string `json:"also_upsert,omitempty"`
	AlsoDelete []string `json:"also_delete,omitempty"`
	Layout     string   `json:"layout,omitempty"` // of dates and instants, as in package time; empty: ISO 8601
	Number     bool     `json:"number,omitempty"` // a JSON number instead of a string
	// Longest is how many characters a content has at most; 0: any.
	Longest int `json:"longest,omitempty"`
	// Normalise are what the pipeline may change in the content on its way.
	Normalise []string `json:"normalise,omitempty"`
}

// operation returns Upsert or Deletion for a word; empty for one that is neither.
func (c *Column) operation(word string) string {
	switch {
	case word == cmp.Or(c.Delete, Deletion) || slices.Contains(c.AlsoDelete, word):
		return Deletion
	case word == cmp.Or(c.Upsert, Upsert) || slices.Contains(c.AlsoUpsert, word):
		return Upsert
	}
	return ""
}

// CheckWords refuses a word that means both operations, of a column that holds them.
func (c *Column) CheckWords() error {
	if c.Holds != HoldsOperation {
		return nil
	}
	for _, word := range append([]string{cmp.Or(c.Upsert, Upsert)}, c.AlsoUpsert...) {
		if c.operation(word) == Deletion {
			return fmt.Errorf("%q is a word for an upsert and for a deletion", word)
		}
	}
	return nil
}

// neither says which words an operation can be.
func (c *Column) neither() string {
	words := slices.Concat([]string{cmp.Or(c.Upsert, Upsert), cmp.Or(c.Delete, Deletion)}, c.AlsoUpsert, c.AlsoDelete)
	if len(words) == 2 {
		return fmt.Sprintf("neither %q nor %q", words[0], words[1])
	}
	return fmt.Sprintf("none of %q", words)
}

// holding returns the column that holds something; nil if none does.
func (f *Format) holding(what string) *Column {
	if i := slices.IndexFunc(f.Columns, func(c Column) bool { return c.Holds == what }); i >= 0 {
		return &f.Columns[i]
	}
	return nil
}

// Holds reports whether records have a column that holds something: HoldsKey, …,
// or the name of a content field. The reference layout (nil) holds everything.
func (f *Format) Holds(what string) bool { return f == nil || f.holding(what) != nil }

// Ends reports whether a file says by its content that it is complete.
func (f *Format) Ends() bool {
	return f == nil || f.Trailer != "" || f.Kind == XML || f.Template != nil && f.Template.Footer != ""
}

// Validate says what cannot be written, naming the field as in JSON.
func (f *Format) Validate() error {
	if !slices.Contains(FormatKinds, f.Kind) {
		return fmt.Errorf("format: kind %q is none of %s", f.Kind, strings.Join(FormatKinds, ", "))
	}
	held, names := map[string]bool{}, map[string]bool{}
	for i, c := range f.Columns {
		if err := c.validate(); err != nil {
			return fmt.Errorf("format: columns[%d]: %w", i, err)
		}
		if names[c.Name] || c.Holds != "" && held[c.Holds] {
			return fmt.Errorf("format: columns[%d]: %s is there already", i, cmp.Or(c.Holds, c.Name))
		}
		held[c.Holds], names[c.Name] = true, true
	}
	if !held[HoldsKey] {
		return errors.New("format: no column holds the key")
	}
	for _, name := range []string{f.Names, f.SnapshotNames} {
		if err := checkName(name, "{number}"); err != nil && (name != "" || f.Names == "") {
			return fmt.Errorf("format: names: %w", err)
		}
	}
	if f.Temporary != "" {
		if err := checkName(f.Temporary, "{name}"); err != nil {
			return fmt.Errorf("format: temporary: %w", err)
		}
	}
	if f.Temporary == "{name}" {
		return errors.New("format: temporary: {name} alone is the name that the file has in the end")
	}
	if utf8.RuneCountInString(f.Delimiter) > 1 || strings.ContainsAny(f.Delimiter, "\"\r\n") {
		return fmt.Errorf("format: delimiter %q is not one character, or one that means something else", f.Delimiter)
	}
	if f.Kind == XML && (f.Root == "" || f.Element == "") {
		return errors.New("format: XML needs the names of the root element and of a record's element")
	}
	if f.Kind == Templated && f.Template == nil {
		return errors.New("format: a template is missing")
	}
	_, err := f.templates()
	return err
}

func (c Column) validate() error {
	switch {
	case c.Name == "":
		return errors.New("it has no name")
	case c.Holds != "" && c.Holds != HoldsKey && c.Holds != HoldsVersion && c.Holds != HoldsOperation && fieldNamed(c.Holds) < 0:
		return fmt.Errorf("holds %q is none of %s", c.Holds, strings.Join(Holdable(), ", "))
	}
	if err := c.CheckWords(); err != nil {
		return err
	}
	for _, n := range c.Normalise {
		if !slices.Contains(Normalisations, n) {
			return fmt.Errorf("normalise %q is none of %s", n, strings.Join(Normalisations, ", "))
		}
	}
	return nil
}

// Holdable lists what a column can hold.
func Holdable() []string {
	list := []string{HoldsKey, HoldsVersion, HoldsOperation}
	for _, field := range Fields {
		list = append(list, field.Name)
	}
	return list
}

func fieldNamed(name string) int {
	return slices.IndexFunc(Fields, func(f Field) bool { return f.Name == name })
}

// checkName wants a bare file name that has a placeholder in it.
func checkName(name, must string) error {
	switch {
	case !strings.Contains(name, must):
		return fmt.Errorf("%q does not contain %s", name, must)
	case strings.ContainsAny(name, "/\x00\r\n"):
		return fmt.Errorf("%q is no bare file name", name)
	}
	return nil
}

// Fields returns the content fields that this workload's records have.
func (w *Workload) Fields() []Field {
	if w.Config.Format == nil {
		return Fields
	}
	return slices.DeleteFunc(slices.Clone(Fields), func(f Field) bool { return !w.Config.Format.Holds(f.Name) })
}

// Content returns what the row of an operation holds, by field name.
func (w *Workload) Content(op Op) map[string]string {
	row, content := w.Row(op), map[string]string{}
	for _, field := range w.Fields() {
		content[field.Name] = row.Get(field.Name)
	}
	return content
}

// Said returns the version and the operation that a row or a message says, whose
// members value returns: by the names and words of the workload's records.
func (w *Workload) Said(value func(name string) (text string, ok bool)) (version, operation string) {
	version, _ = value(HoldsVersion)
	operation, _ = value("op")
	if w.Config.Format == nil {
		return version, operation
	}
	if c := w.Config.Format.holding(HoldsVersion); c != nil {
		if own, ok := value(c.Name); ok {
			version = own
		}
	}
	if c := w.Config.Format.holding(HoldsOperation); c != nil {
		if own, ok := value(c.Name); ok {
			operation = cmp.Or(c.operation(own), operation)
		}
	}
	return version, operation
}

// Shown returns what the records of this workload call a content field.
func (w *Workload) Shown(field string) string { return w.Config.Format.Shown(field) }

// Shown returns what records call a content field; the reference layout (nil) calls
// it by its name.
func (f *Format) Shown(field string) string {
	if f != nil {
		if column := f.holding(field); column != nil {
			return column.Name
		}
	}
	return field
}

// Temporary returns the name under which a file is uploaded before it gets its own.
func (w *Workload) Temporary(name string) string {
	pattern := ".{name}.part"
	if w.Config.Format != nil {
		pattern = cmp.Or(w.Config.Format.Temporary, pattern)
	}
	return strings.ReplaceAll(pattern, "{name}", name)
}

// Suits changes what of a configuration its records cannot say: without a column
// for the operation nothing is deleted row by row, without names for them no
// snapshots are sent. Left says what that leaves out.
func (c *Config) Suits() (left []string) {
	f := c.Format
	if f == nil {
		return nil
	}
	if !f.Holds(HoldsOperation) && c.DeletePercent+c.RecreatePercent > 0 {
		c.DeletePercent, c.RecreatePercent = 0, 0
		left = append(left, "deletions (the records cannot say them)")
	}
	if f.SnapshotNames == "" && c.FullEvery > 0 {
		c.FullEvery = 0
		left = append(left, "full files (the records have no name for them)")
	}
	c.NoTrailer = !f.Ends()
	return left
}

// cut shortens what is longer than its column allows.
func (f *Format) cut(r *Record) {
	for _, c := range f.Columns {
		if at := fieldNamed(c.Holds); at >= 0 && c.Longest > 0 {
			if runes := []rune(r[at]); len(runes) > c.Longest {
				r[at] = string(runes[:c.Longest])
			}
		}
	}
}

// firstLine is the line on which the first record begins. Lines of a template
// are records: what it prints may have any.
func (f *Format) firstLine() int32 {
	switch {
	case f == nil || f.Kind == CSV && !f.NoHeader:
		return 2
	case f.Kind == XML:
		return 3
	}
	return 1
}

// breaksAs counts the line feeds inside a record: only CSV writes them as they are.
func (w *Workload) breaksAs(f *Format, op Op) (breaks int32) {
	if f.Kind != CSV {
		return 0
	}
	for _, v := range w.values(f, op) {
		breaks += int32(strings.Count(v.text, "\n"))
	}
	return breaks
}

// fits says what of a configuration its format cannot write.
func (c Config) fits() error {
	f, h := c.Format, c.Hostile
	only := func(kinds ...string) bool { return slices.Contains(kinds, f.Kind) }
	for _, need := range []struct {
		asked bool
		met   bool
		what  string
	}{
		{c.DeletePercent+c.RecreatePercent > 0, f.Holds(HoldsOperation), "deletions need a column that holds the operation"},
		{c.FullEvery > 0, f.SnapshotNames != "", "full files need names of their own"},
		{c.RejectPercent > 0, f.Holds(Fields[birthDate].Name), "rows to be rejected need a column that holds birth_date"},
		{h.MixedPercent > 0, f.Holds(Fields[birthDate].Name) && f.Holds(Fields[note].Name), "values of mixed types need columns that hold birth_date and note"},
		{h.EncodingPercent+h.NULPercent+h.MarkupPercent+h.HugeFields > 0, f.Holds(Fields[note].Name) && f.holding(Fields[note].Name).Longest == 0, "hostile texts need a column of any length that holds note"},
		{h.EncodingPercent > 0, only(CSV), "texts that are not UTF-8 need CSV"},
		{h.NULPercent+h.MarkupPercent > 0, only(CSV, JSONLines), "control characters need CSV or JSON lines"},
		{h.BOMEvery > 0, only(CSV, XML), "byte order marks need CSV or XML"},
		{h.CRLFEvery > 0, !only(Templated), "the line ends of a template are its own"},
		{c.InPlace || c.Uploads.CutEvery+c.Uploads.SlowEvery > 0, f.Ends(), "uploads under the final name need a trailer, or nothing would say when a file is complete"},
	} {
		if need.asked && !need.met {
			return errors.New(need.what)
		}
	}
	return nil
}

// templates parses what is to be executed.
func (f *Format) templates() (parsed [3]*template.Template, err error) {
	if f.Template == nil {
		return parsed, nil
	}
	for i, text := range []string{f.Template.Header, f.Template.Row, f.Template.Footer} {
		name := [...]string{"header", "row", "footer"}[i]
		if parsed[i], err = template.New(name).Option("missingkey=error").Funcs(escapes).Parse(text); err != nil {
			return parsed, fmt.Errorf("format: %w", err)
		}
		var tried strings.Builder
		data := any(end{Rows: 1, Name: "name", Number: 1})
		if name == "row" {
			row := map[string]string{}
			for _, c := range f.Columns {
				row[c.Name] = ""
			}
			data = row
		}
		if err := parsed[i].Execute(&tried, data); err != nil {
			return parsed, fmt.Errorf("format: %w", err)
		}
	}
	return parsed, nil
}

// end is what headers and footers can print.
type end struct {
	Rows   int
	Name   string
	Number int
}
