package independent

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// TableSpec says where the pipeline keeps its records.
type TableSpec struct {
	Name    string   // the table, with its schema if it is not on the search path
	Key     string   // column
	Version string   // column
	Deleted string   // SQL condition of a row that counts as deleted; "": none does
	Columns []Column // content: of the files as well as of the table
	// SnapshotsKeep says that a full file deletes nothing.
	SnapshotsKeep bool
}

// Column is a content column. Its name is that in the files' header, too.
type Column struct {
	Name string
	Type string // Postgres type by which contents are compared: "text", "date", "timestamptz", "numeric"
}

// Report names the records (by key, sorted bytewise) that are not as the
// files say. A record is in one list at most, but for
// Doubled and Repeated.
type Report struct {
	Lost      []string // no row
	Doubled   []string // more than one row that is not deleted
	Repeated  []string // more than one row, deleted ones counted: holds Doubled
	Altered   []string // the right version with other content
	Stale     []string // an older version
	Undeleted []string // deleted by the files, present
}

// Judge compares the table with the files in dir, given in the order in which
// they were written; only files that the server acknowledged. A name with
// "-full-" is a snapshot. Rows whose content cannot be converted to the
// columns' types, or is no text that Postgres can hold, are rows that had to be
// rejected: they change nothing.
//
// Everything happens in tx, which sees one moment (repeatable read or stricter)
// and is to be rolled back afterwards: the database stays as it is. Keys that no
// file holds are not judged.
func Judge(ctx context.Context, tx pgx.Tx, dir string, files []string, table TableSpec) (Report, error) {
	if err := createScratch(ctx, tx, table); err != nil {
		return Report{}, err
	}
	for i, name := range files {
		if err := load(ctx, tx, dir, name, i+1, table); err != nil {
			return Report{}, err
		}
	}
	if err := settle(ctx, tx, table); err != nil {
		return Report{}, err
	}
	var report Report
	for _, question := range []struct {
		answer *[]string
		sql    string
	}{
		{&report.Lost, `select e.key from seatrial_scratch.wanted e where not e.gone and not exists (select from seatrial_scratch.found f where f.key = e.key)`},
		{&report.Doubled, `select f.key from seatrial_scratch.found f where f.rows > 1`},
		{&report.Repeated, `select t.` + name(table.Key) + ` as key from ` + table.Name + ` t group by 1 having count(*) > 1`},
		{&report.Stale, `select e.key from seatrial_scratch.wanted e join seatrial_scratch.found f on f.key = e.key where not e.gone and f.version < e.version`},
		{&report.Altered, alteredSQL(table)},
		{&report.Undeleted, `select e.key from seatrial_scratch.wanted e join seatrial_scratch.found f on f.key = e.key where e.gone and f.version <= e.version`},
	} {
		rows, err := tx.Query(ctx, `select key from (`+question.sql+`) answer group by key order by key collate "C"`)
		if err != nil {
			return Report{}, fmt.Errorf("judge independently: %w", err)
		}
		if *question.answer, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return Report{}, fmt.Errorf("judge independently: %w", err)
		}
	}
	return report, nil
}

// createScratch makes a schema for the files' rows, gone with the transaction.
func createScratch(ctx context.Context, tx pgx.Tx, table TableSpec) error {
	var columns, types []string
	for _, c := range table.Columns {
		columns = append(columns, name(c.Name)+" text not null")
		types = append(types, c.Type)
	}
	slices.Sort(types)
	script := `
create schema seatrial_scratch;
create table seatrial_scratch.incoming (key text collate "C" not null, version text not null, op text not null, ` + strings.Join(columns, ", ") + `);
create table seatrial_scratch.sent (file int not null, full_file boolean not null, like seatrial_scratch.incoming);
-- Bytes that were taken for Latin-1 as the UTF-8 that they are meant to be; null where they are none.
create function seatrial_scratch.decoded(content text) returns text language plpgsql immutable as $$
begin
	return convert_from(convert_to(content, 'LATIN1'), 'UTF8');
exception when others then
	return null;
end $$;
`
	// Postgres 15 has no pg_input_is_valid: a cast that fails is caught, one per row.
	for _, kind := range slices.Compact(types) {
		if kind == "text" {
			continue
		}
		script += fmt.Sprintf(`
create function seatrial_scratch.is_%[1]s(content text) returns boolean language plpgsql immutable as $$
begin
	perform nullif(content, '')::%[1]s;
	return true;
exception when others then
	return false;
end $$;`, kind)
	}
	if _, err := tx.Exec(ctx, script); err != nil {
		return fmt.Errorf("judge independently: create the scratch schema: %w", err)
	}
	return nil
}

// settle works out what every key should be, and what the table has of it.
func settle(ctx context.Context, tx pgx.Tx, table TableSpec) error {
	valid := []string{"true"}
	for _, c := range table.Columns {
		if c.Type != "text" {
			valid = append(valid, "seatrial_scratch.is_"+c.Type+"("+name(c.Name)+")")
		}
	}
	leftOut := `exists (select from seatrial_scratch.snapshots s where s.file > last.file
		and not exists (select from seatrial_scratch.sent h where h.file = s.file and h.key = last.key))`
	if table.SnapshotsKeep {
		leftOut = "false"
	}
	live := "true"
	if table.Deleted != "" {
		live = "(" + table.Deleted + ") is not true"
	}
	script := `
create index on seatrial_scratch.sent (key);
create index on seatrial_scratch.sent (file, key);
analyze seatrial_scratch.sent;
create table seatrial_scratch.snapshots as select distinct file from seatrial_scratch.sent where full_file;
create table seatrial_scratch.wanted as
	select last.*, last.version_number as version_wanted, (last.op = 'delete' or ` + leftOut + `) as gone
	from (
		select distinct on (key) *, version::bigint as version_number
		from seatrial_scratch.sent
		where op = 'delete' or (op = 'upsert' and ` + strings.Join(valid, " and ") + `)
		order by key, version::bigint desc
	) last;
alter table seatrial_scratch.wanted drop column version;
alter table seatrial_scratch.wanted rename column version_wanted to version;
create table seatrial_scratch.found as
	select ` + name(table.Key) + `::text collate "C" as key, max(` + name(table.Version) + `)::bigint as version, count(*) as rows
	from ` + table.Name + ` where ` + live + `
	and ` + name(table.Key) + `::text in (select key from seatrial_scratch.sent)
	group by 1;
create index on seatrial_scratch.wanted (key);
create index on seatrial_scratch.found (key);
analyze seatrial_scratch.wanted;
analyze seatrial_scratch.found;`
	if _, err := tx.Exec(ctx, script); err != nil {
		return fmt.Errorf("judge independently: work out what the table should hold: %w", err)
	}
	return nil
}

// alteredSQL compares contents by the columns' types.
func alteredSQL(table TableSpec) string {
	differs := []string{"false"}
	for _, c := range table.Columns {
		sent := "e." + name(c.Name)
		if c.Type != "text" { // a date or number that is not known is empty in the files
			sent = "nullif(" + sent + ", '')"
		}
		differs = append(differs, fmt.Sprintf("t.%s::%s is distinct from %s::%s", name(c.Name), c.Type, sent, c.Type))
	}
	live := "true"
	if table.Deleted != "" {
		live = "(" + table.Deleted + ") is not true"
	}
	// The condition of deletion names columns of the table alone: it is applied before the join.
	return fmt.Sprintf(`select e.key from seatrial_scratch.wanted e join (select * from %s where %s) t on t.%s::text = e.key and t.%s = e.version
		where not e.gone and (%s)`, table.Name, live, name(table.Key), name(table.Version), strings.Join(differs, " or "))
}

// name quotes an identifier.
func name(identifier string) string { return pgx.Identifier{identifier}.Sanitize() }
