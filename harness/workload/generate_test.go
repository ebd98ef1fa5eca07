package workload

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func plan(t testing.TB, change func(*Config)) *Workload {
	t.Helper()
	config := Default(42, "T3ST")
	if change != nil {
		change(&config)
	}
	w, err := New(config)
	require.NoError(t, err)
	return w
}

// value brings a content to what its field's type compares.
func value(t testing.TB, field int, text string) string {
	t.Helper()
	switch Fields[field].Type {
	case Date:
		at, err := time.Parse(time.DateOnly, text)
		require.NoError(t, err)
		return at.String()
	case Timestamp:
		at, err := time.Parse(time.RFC3339Nano, text)
		require.NoError(t, err)
		require.Zero(t, at.Nanosecond()%1000, "Postgres keeps microseconds")
		return at.UTC().String()
	case Number:
		number, ok := new(big.Rat).SetString(text)
		require.True(t, ok, text)
		return number.String()
	}
	return text
}

func TestEveryVersionChangesEveryField(t *testing.T) {
	w := plan(t, nil)
	for number := range 300 {
		var values [fieldCount]map[string]int
		for i := range values {
			values[i] = map[string]int{}
		}
		for version := 1; version <= 60; version++ {
			for i, text := range w.Record(number, version) {
				require.True(t, utf8.ValidString(text))
				require.NotContains(t, text, "\x00")
				v := value(t, i, text)
				if last, seen := values[i][v]; seen {
					require.GreaterOrEqual(t, version-last, 20, "record %d: %s is %q in versions %d and %d", number, Fields[i].Name, text, last, version)
				}
				values[i][v] = version
			}
		}
	}
}

func TestContentIsAsVariedAsPeoples(t *testing.T) {
	w := plan(t, nil)
	var all strings.Builder
	empty, long := 0, 0
	for number := range 5000 {
		for _, text := range w.Record(number, 1) {
			all.WriteString(text)
			all.WriteByte('|')
			if text == "" {
				empty++
			}
			if len(text) > 300 {
				long++
			}
		}
	}
	require.Greater(t, empty, 300)
	require.Greater(t, long, 100)
	for _, part := range []string{"\n", "\r\n", "\"", "é", "e\u0301", "佐藤", "محمد", "👍🏽", "=1+1", "<script>", "\\", "NULL", "+05:45", "-03:30", "|19", "|007|"} {
		require.Contains(t, all.String(), part)
	}
}

func TestEncodeIsReadBackByteForByte(t *testing.T) {
	for _, shape := range []string{TokenKeys, DigitKeys, MixedKeys} {
		w := plan(t, func(c *Config) { c.KeyShape, c.RejectPercent, c.FullEvery, c.Files = shape, 5, 7, 15 })
		for _, file := range w.Files {
			text := string(w.Encode(file))
			rows, err := parseCSV(text)
			require.NoError(t, err)
			require.Equal(t, strings.Split(Header, ","), rows[0].fields)
			require.Equal(t, []string{"#rows", fmt.Sprint(file.Rows())}, rows[len(rows)-1].fields)
			rows = rows[1 : len(rows)-1]
			require.Len(t, rows, file.Rows())
			for i, row := range rows {
				op := file.Ops[i]
				require.EqualValues(t, op.Line, row.line, "%s row %d", file.Name, i)
				number, ok := w.Number(row.fields[0])
				require.True(t, ok)
				require.EqualValues(t, op.Number, number)
				require.Equal(t, fmt.Sprint(op.Version), row.fields[1])
				sent := w.Row(op)
				require.Equal(t, sent[:], row.fields[3:])
				if op.Delete {
					require.Equal(t, Deletion, row.fields[2])
				} else {
					require.Equal(t, Upsert, row.fields[2])
				}
			}
		}
	}
}

type csvRow struct {
	line   int
	fields []string
}

// parseCSV reads RFC 4180 without touching a byte of the fields.
// encoding/csv would turn CRLF inside fields into LF.
func parseCSV(text string) ([]csvRow, error) {
	var rows []csvRow
	line := 1
	for len(text) > 0 {
		row := csvRow{line: line}
		for {
			var field strings.Builder
			if strings.HasPrefix(text, `"`) {
				text = text[1:]
				for {
					i := strings.IndexByte(text, '"')
					if i < 0 {
						return nil, fmt.Errorf("line %d: quote not closed", line)
					}
					line += strings.Count(text[:i], "\n")
					field.WriteString(text[:i])
					text = text[i+1:]
					if !strings.HasPrefix(text, `"`) {
						break
					}
					field.WriteByte('"')
					text = text[1:]
				}
			} else {
				i := strings.IndexAny(text, ",\n")
				if i < 0 {
					return nil, fmt.Errorf("line %d: no end of line", line)
				}
				if strings.ContainsAny(text[:i], "\"\r") {
					return nil, fmt.Errorf("line %d: bare quote or CR", line)
				}
				field.WriteString(text[:i])
				text = text[i:]
			}
			row.fields = append(row.fields, field.String())
			if text == "" || text[0] != ',' && text[0] != '\n' {
				return nil, fmt.Errorf("line %d: no comma or end of line after a field", line)
			}
			end := text[0] == '\n'
			text = text[1:]
			if end {
				break
			}
		}
		line++
		rows = append(rows, row)
	}
	return rows, nil
}
