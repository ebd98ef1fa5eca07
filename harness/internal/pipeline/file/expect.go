package file

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/seatrial/seatrial/harness/internal/nearest"
	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/workload"
)

// expect makes of the expectations what observers read.
func (b *builder) expect(spec *pipeline.Spec) {
	e := b.format.Expect
	spec.Queues, spec.DeadLetters = e.Queues, e.DeadLetters
	if b.stands("expect") && !b.gaps["expect"] && !b.stands("expect.rows") && !b.stands("expect.documents") {
		b.badKey("expect", "neither rows nor documents are declared: nothing could be judged")
	}
	for i, queue := range e.DeadLetters {
		for _, other := range e.Queues {
			if queue == other {
				b.bad(fmt.Sprintf("expect.dead_letters[%d]", i), "%s is also one of queues: its messages are either work or given up", queue)
			}
		}
	}
	if e.Rows != nil {
		spec.Rows = b.rows(*e.Rows, spec.Records)
	}
	if e.Documents != nil {
		spec.Documents = b.documents(*e.Documents, spec.Records)
	}
	if c := e.Confirmations; c != nil {
		if _, err := path.Match(c.Files, ""); err != nil {
			b.bad("expect.confirmations.files", "%q is no pattern: %v", c.Files, err)
		}
		spec.Confirmations = &pipeline.Confirmations{Dir: cmp.Or(c.Folder, "confirmations"), Pattern: c.Files, Key: c.Key, Version: c.Version, Operation: c.Operation, Deletion: c.Delete}
	}
	if r := e.Rejects; r != nil {
		spec.Rejects = &pipeline.Rejects{Query: fmt.Sprintf("SELECT %s, %s, 'a rejected row' FROM (%s) q", textOf(r.Key), textOr(r.Version, "NULL"), statement(r.Query))}
	}
	if s := e.Status; s != nil {
		state := textOr(s.State, "CASE WHEN "+s.Completed+" THEN 'completed' ELSE 'not completed' END")
		spec.Status = &pipeline.Status{Query: fmt.Sprintf("SELECT %s, %s, (%s)::boolean, %s, %s, %s, %s FROM (%s) q", textOf(s.File), state, s.Completed,
			textOr(s.Rows, "NULL"), textOr(s.Applied, "NULL"), textOr(s.Superseded, "NULL"), textOr(s.Rejected, "NULL"), statement(s.Query))}
	}
	if s := e.Staging; s != nil {
		b.absolute("expect.staging.path", s.Path)
		if _, ok := b.format.Roles[s.Role]; !ok && s.Role != "" && !b.format.Attached {
			b.role("expect.staging.role", s.Role, spec)
		}
		spec.Staging = &pipeline.Staging{Role: s.Role, Path: s.Path}
	}
	b.filled()
}

// filled refuses texts that are there and empty.
func (b *builder) filled() {
	e := b.format.Expect
	texts := map[string]string{}
	if e.Rows != nil {
		texts["rows.key"], texts["rows.table"], texts["rows.query"] = e.Rows.Key, e.Rows.Table, e.Rows.Query
	}
	if e.Documents != nil {
		texts["documents.index"], texts["documents.key"] = e.Documents.Index, e.Documents.Key
	}
	if e.Confirmations != nil {
		texts["confirmations.files"], texts["confirmations.key"] = e.Confirmations.Files, e.Confirmations.Key
	}
	if e.Rejects != nil {
		texts["rejects.query"], texts["rejects.key"] = e.Rejects.Query, e.Rejects.Key
	}
	if e.Status != nil {
		texts["status.query"], texts["status.file"], texts["status.completed"] = e.Status.Query, e.Status.File, e.Status.Completed
	}
	for _, key := range sortedKeys(texts) {
		if b.stands("expect."+key) && strings.TrimSpace(texts[key]) == "" {
			b.bad("expect."+key, "it is empty")
		}
	}
}

// textOf returns a column, or an expression in parentheses, as text.
func textOf(column string) string {
	if strings.HasPrefix(column, "(") {
		return column + "::text"
	}
	return "q." + pgx.Identifier{column}.Sanitize() + "::text"
}

func textOr(column, otherwise string) string {
	if column == "" {
		return otherwise
	}
	return textOf(column)
}

// statement returns a query as it can stand in another.
func statement(query string) string { return strings.TrimRight(strings.TrimSpace(query), "; \n") }

func (b *builder) rows(r Rows, records *workload.Format) *pipeline.Rows {
	b.oneOf("expect.rows", "table", "query")
	b.versioned("expect.rows", r.Version, records)
	from, where := "("+statement(r.Query)+") q", "'a row of the query'"
	if r.Table != "" {
		table := pgx.Identifier(strings.Split(r.Table, ".")).Sanitize()
		from, where = table+" q", quoted(r.Table+" ")+" || q.ctid::text"
	}
	deleted := "false"
	if r.Deleted != "" {
		deleted = "coalesce((" + r.Deleted + ")::boolean, false)"
	}
	light := fmt.Sprintf("SELECT %s, %s, %s, %s", textOf(r.Key), textOr(r.Version, "NULL::text"), deleted, where)
	made := &pipeline.Rows{Table: r.Table, Light: light + " FROM " + from}
	columns := ""
	for _, shown := range b.shown("expect.rows.fields", r.Fields, records) {
		columns += ", " + textOf(shown.there) + " AS " + shown.field
		made.Fields = append(made.Fields, shown.field)
	}
	if b.told("expect.rows", r.Version, made.Fields) {
		made.Query = light + columns + " FROM " + from
	}
	return made
}

func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

func (b *builder) documents(d Documents, records *workload.Format) *pipeline.Documents {
	b.versioned("expect.documents", d.Version, records)
	if d.Filter != "" {
		b.json("expect.documents.filter", d.Filter)
	}
	made := &pipeline.Documents{Alias: d.Index, Key: d.Key, Version: d.Version, Filter: d.Filter, Fields: map[string]string{}}
	var names []string
	for _, shown := range b.shown("expect.documents.fields", d.Fields, records) {
		made.Fields[shown.field] = shown.there
		names = append(names, shown.field)
	}
	b.told("expect.documents", d.Version, names)
	return made
}

// json refuses what is none.
func (b *builder) json(at, text string) {
	var value map[string]any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		b.bad(at, "want a JSON object: %v", err)
	}
}

// versioned refuses a version where records have none.
func (b *builder) versioned(at, version string, records *workload.Format) {
	if version != "" && !records.Holds(workload.HoldsVersion) && b.fieldsKnown() {
		b.badKey(at+".version", "no field of records holds a version that could stand there: leave it out, and versions are told from the content")
	}
}

// told refuses a place that shows neither versions nor content.
func (b *builder) told(at, version string, fields []string) bool {
	if version == "" && len(fields) == 0 && b.fieldsKnown() {
		b.badKey(at, "it shows neither a version nor content: whether it is up to date could not be told")
		return false
	}
	return true
}

// shownField is a content field, by the workload's name, and where it is shown.
type shownField struct{ field, there string }

// shown maps what records call their content to what a place calls it.
func (b *builder) shown(at string, named map[string]string, records *workload.Format) (list []shownField) {
	byName := map[string]string{}
	for _, c := range records.Columns {
		if isContent(c.Holds) {
			byName[strings.TrimPrefix(c.Name, "@")] = c.Holds
		}
	}
	if !b.stands(at) {
		for _, name := range sortedKeys(byName) {
			list = append(list, shownField{byName[name], name})
		}
		return list
	}
	for _, name := range sortedKeys(named) {
		field, ok := byName[name]
		switch near := nearest.Of(name, sortedKeys(byName)); {
		case ok && strings.TrimSpace(named[name]) != "":
			list = append(list, shownField{field, named[name]})
		case ok:
			b.bad(join(at, name), "it is empty")
		case !b.fieldsKnown():
		case near != "":
			b.badKey(join(at, name), "no field of records with content is called %q: did you mean %q?", name, near)
		default:
			b.badKey(join(at, name), "no field of records with content is called %q: there are %s", name, strings.Join(sortedKeys(byName), ", "))
		}
	}
	return list
}
