package independent

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
)

// load copies one file into the scratch schema, with Postgres' own CSV reader.
func load(ctx context.Context, tx pgx.Tx, dir, file string, order int, table TableSpec) error {
	if !filepath.IsLocal(file) {
		return fmt.Errorf("load %q: it lies outside the folder of the files", file)
	}
	content, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return fmt.Errorf("load the files as sent: %w", err)
	}
	body, promised, err := withoutTrailer(content)
	if err != nil {
		return fmt.Errorf("load %s: %w", file, err)
	}
	if len(content) == 0 {
		return nil // a file without a byte says nothing
	}
	header, _, _ := strings.Cut(strings.TrimPrefix(string(body), "\ufeff"), "\n")
	var columns []string
	for _, column := range strings.Split(strings.TrimSuffix(header, "\r"), ",") {
		columns = append(columns, name(column))
	}
	list := strings.Join(columns, ", ")
	// What Postgres' texts cannot hold is let in byte for byte and judged below.
	encoding, clean := "UTF8", utf8.Valid(body) && !bytes.ContainsRune(body, 0)
	if !clean {
		encoding, body = "LATIN1", bytes.ReplaceAll(body, []byte{0}, []byte{notUTF8})
	}
	// An empty field is an empty text here, quoted or not: FORCE_NOT_NULL.
	copied, err := tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(body),
		`copy seatrial_scratch.incoming (`+list+`) from stdin (format csv, header true, encoding '`+encoding+`', force_not_null (`+list+`))`)
	if err != nil {
		return fmt.Errorf("load %s: %w", file, err)
	}
	if promised >= 0 && copied.RowsAffected() != int64(promised) {
		return fmt.Errorf("load %s: its trailer promises %d rows, there are %d: it is not the file that was sent", file, promised, copied.RowsAffected())
	}
	// The files' columns may stand in any order: by name into the table.
	named := []string{"key", "version", "op"}
	for _, c := range table.Columns {
		named = append(named, name(c.Name))
	}
	names := strings.Join(named, ", ")
	values, storable := names, "true"
	if !clean {
		for i, column := range named {
			named[i] = "seatrial_scratch.decoded(" + column + ")"
		}
		values = strings.Join(named, ", ")
		storable = "(" + strings.Join(named, " || ") + ") is not null"
	}
	_, err = tx.Exec(ctx, `insert into seatrial_scratch.sent (file, full_file, `+names+`) select $1, $2, `+values+` from seatrial_scratch.incoming where `+storable,
		order, strings.Contains(file, "-full-"))
	if err != nil {
		return fmt.Errorf("load %s: %w", file, err)
	}
	if _, err := tx.Exec(ctx, `truncate seatrial_scratch.incoming`); err != nil {
		return fmt.Errorf("load %s: %w", file, err)
	}
	return nil
}

// notUTF8 is a byte that no UTF-8 text has.
const notUTF8 = 0xff

// withoutTrailer cuts the last line off if it is a trailer and returns the
// number of rows that it promises, -1 without one. COPY would take it for a
// row with columns missing.
func withoutTrailer(content []byte) (body []byte, rows int, err error) {
	const mark = "\n#rows,"
	at := bytes.LastIndex(content, []byte(mark))
	if at < 0 {
		return content, -1, nil
	}
	promise, rest, ended := strings.Cut(string(content[at+len(mark):]), "\n")
	promise = strings.TrimSuffix(promise, "\r")
	if !ended || rest != "" {
		// Not the last line: the content of a field looks like a trailer.
		return content, -1, nil
	}
	rows, err = strconv.Atoi(promise)
	if err != nil {
		return nil, 0, fmt.Errorf("its trailer %q is no number of rows", promise)
	}
	return content[:at+1], rows, nil
}
