package workload

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// own is a format with everything renamed.
func own(kind string, change func(*Format)) *Format {
	f := &Format{Kind: kind, Names: "orders-{number}-{tag}.txt", SnapshotNames: "all-{number}-{tag}.txt", Columns: []Column{
		{Name: "source", Constant: "crm, north"},
		{Name: "id", Holds: HoldsKey},
		{Name: "rev", Holds: HoldsVersion, Number: true},
		{Name: "action", Holds: HoldsOperation, Upsert: "U", Delete: "D"},
		{Name: "surname", Holds: "family_name"},
		{Name: "remarks", Holds: "note"},
		{Name: "firm", Holds: "employer"},
		{Name: "born", Holds: "birth_date", Layout: "02.01.2006"},
		{Name: "start", Holds: "starts_at", Layout: "2006-01-02 15:04:05.999999"},
		{Name: "pay", Holds: "salary", Number: true},
	}}
	switch kind {
	case XML:
		f.Root, f.Element = "orders", "order"
		f.Columns[1].Name = "@id"
	case Templated:
		f.Template = &Template{Header: "BEGIN {{.Number}}\n", Row: "{{.id}}|{{.rev}}|{{.action}}|{{json .remarks}}\n", Footer: "END {{.Rows}}\n"}
	default:
		f.Trailer = "// {rows}"
	}
	if change != nil {
		change(f)
	}
	return f
}

func ownWorkload(t *testing.T, format *Format, change func(*Config)) *Workload {
	t.Helper()
	config := Config{Seed: 2026, Tag: "G01D", Files: 4, RecordsPerFile: 40, UpdatePercent: 25, DeletePercent: 9, FullEvery: 3, Control: 2, Sentinel: 1, Format: format}
	if change != nil {
		change(&config)
	}
	config.Suits()
	w, err := New(config)
	require.NoError(t, err)
	return w
}

// What is written is what any reader of the format finds in it, line by line.
func TestFormatsAreReadBack(t *testing.T) {
	for name, c := range map[string]struct {
		format *Format
		read   func(t *testing.T, content []byte) (rows []map[string]string, lines []int)
	}{
		"csv":           {own(CSV, nil), readCSV(',', true)},
		"semicolons":    {own(CSV, func(f *Format) { f.Delimiter, f.QuoteAll, f.CRLF = ";", true, true }), readCSV(';', true)},
		"without names": {own(CSV, func(f *Format) { f.NoHeader, f.Delimiter, f.Trailer = true, "\t", "" }), readCSV('\t', false)},
		"jsonl":         {own(JSONLines, nil), readJSONLines},
		"xml":           {own(XML, nil), readXML},
	} {
		t.Run(name, func(t *testing.T) {
			w := ownWorkload(t, c.format, nil)
			for _, file := range w.Files {
				rows, lines := c.read(t, w.Encode(file))
				require.Len(t, rows, file.Rows())
				for i, row := range rows {
					op := file.Ops[i]
					require.Equal(t, int(op.Line), lines[i], "%s row %d", file.Name, i)
					require.Equal(t, w.Key(int(op.Number)), row["id"])
					require.Equal(t, strconv.Itoa(int(op.Version)), row["rev"])
					require.Equal(t, "crm, north", row["source"])
					if op.Delete {
						require.Equal(t, "D", row["action"])
						require.Empty(t, row["surname"])
						continue
					}
					require.Equal(t, "U", row["action"])
					record := w.Row(op)
					text := Comparison{Text, []string{Newlines}} // Go's reader of CSV takes CRLF in a field for LF
					require.Equal(t, record.Get("family_name"), row["surname"])
					require.True(t, text.Same(record.Get("note"), row["remarks"]))
					require.True(t, text.Same(record.Get("employer"), row["firm"]))
					require.Equal(t, record.Get("salary"), row["pay"])
					date := record.Get("birth_date")
					require.Equal(t, date[8:]+"."+date[5:7]+"."+date[:4], row["born"])
					require.True(t, Comparison{Timestamp, []string{UTC}}.Same(record.Get("starts_at"), row["start"]), "%s as %s", record.Get("starts_at"), row["start"])
				}
			}
		})
	}
}

func readCSV(comma rune, names bool) func(*testing.T, []byte) ([]map[string]string, []int) {
	return func(t *testing.T, content []byte) (rows []map[string]string, lines []int) {
		reader := csv.NewReader(bytes.NewReader(content))
		reader.Comma, reader.FieldsPerRecord = comma, -1
		header := []string{"source", "id", "rev", "action", "surname", "remarks", "firm", "born", "start", "pay"}
		for first := true; ; first = false {
			record, err := reader.Read()
			if errors.Is(err, io.EOF) {
				return rows, lines
			}
			require.NoError(t, err)
			if first && names {
				require.Equal(t, header, record)
				continue
			}
			if strings.HasPrefix(record[0], "// ") {
				require.Equal(t, "// "+strconv.Itoa(len(rows)), record[0])
				continue
			}
			line, _ := reader.FieldPos(0)
			row := map[string]string{}
			for i, name := range header {
				row[name] = record[i]
			}
			rows, lines = append(rows, row), append(lines, line)
		}
	}
}

func readJSONLines(t *testing.T, content []byte) (rows []map[string]string, lines []int) {
	text := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	require.Equal(t, "// "+strconv.Itoa(len(text)-1), text[len(text)-1])
	for i, line := range text[:len(text)-1] {
		var object map[string]any
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.UseNumber()
		require.NoError(t, decoder.Decode(&object))
		row := map[string]string{}
		for name, value := range object {
			switch value := value.(type) {
			case string:
				row[name] = value
			case json.Number:
				require.Contains(t, []string{"rev", "pay"}, name)
				row[name] = value.String()
			}
		}
		rows, lines = append(rows, row), append(lines, i+1)
	}
	return rows, lines
}

func readXML(t *testing.T, content []byte) (rows []map[string]string, lines []int) {
	var document struct {
		XMLName xml.Name `xml:"orders"`
		Orders  []struct {
			ID     string `xml:"id,attr"`
			Fields []struct {
				XMLName xml.Name
				Text    string `xml:",chardata"`
			} `xml:",any"`
		} `xml:"order"`
	}
	require.NoError(t, xml.Unmarshal(content, &document))
	for i, order := range document.Orders {
		row := map[string]string{"id": order.ID}
		for _, field := range order.Fields {
			row[field.XMLName.Local] = field.Text
		}
		rows, lines = append(rows, row), append(lines, i+3)
		require.Contains(t, strings.Split(string(content), "\n")[i+2], order.ID)
	}
	return rows, lines
}

// TestFormats pins what formats write: stored runs name lines of these files.
func TestFormats(t *testing.T) {
	for _, kind := range FormatKinds {
		w := ownWorkload(t, own(kind, nil), func(c *Config) { c.RecordsPerFile, c.Files = 8, 3 })
		for _, file := range w.Files {
			golden(t, filepath.Join("testdata", "formats", kind, file.Name), w.Encode(file))
		}
	}
}

// A file that is cut off ends within a row.
func TestFormatsAreCutWithinARow(t *testing.T) {
	for _, kind := range FormatKinds {
		w := ownWorkload(t, own(kind, nil), nil)
		file := w.Files[1]
		at, row := w.Begin(file)
		content := w.Encode(file)
		require.Positive(t, row, kind)
		require.Less(t, at, len(content))
		require.NotEqual(t, byte('\n'), content[at-1], kind)
		require.Contains(t, string(content[:at]), w.Key(int(file.Ops[row-1].Number)), kind)
		require.NotContains(t, string(content[:at]), w.Key(int(file.Ops[row+1].Number)), kind)
	}
}

func TestLongestIsKeptEverywhere(t *testing.T) {
	w := ownWorkload(t, own(CSV, func(f *Format) { f.Columns[4].Longest, f.Columns[5].Longest = 5, 10 }), nil)
	for number := range w.Records() {
		record := w.Record(number, 1)
		require.LessOrEqual(t, len([]rune(record.Get("family_name"))), 5)
		require.LessOrEqual(t, len([]rune(record.Get("note"))), 10)
	}
	rows, lines := readCSV(',', true)(t, w.Encode(w.Files[1]))
	for i := range rows {
		require.Equal(t, int(w.Files[1].Ops[i].Line), lines[i])
	}
}

func TestSuits(t *testing.T) {
	bare := &Format{Kind: JSONLines, Names: "{number}.jsonl", Columns: []Column{{Name: "id", Holds: HoldsKey}, {Name: "name", Holds: "family_name"}}}
	config := Default(7, "T3ST")
	config.Format, config.FullEvery = bare, 5
	require.Equal(t, []string{"deletions (the records cannot say them)", "full files (the records have no name for them)"}, config.Suits())
	w, err := New(config)
	require.NoError(t, err)
	require.True(t, w.Config.NoTrailer)
	require.Equal(t, []Field{{"family_name", Text}}, w.Fields())
	require.Equal(t, "name", w.Shown("family_name"))
	require.Equal(t, ".x.part", w.Temporary("x"))
	for _, file := range w.Files {
		for _, op := range file.Ops {
			require.False(t, op.Delete)
		}
	}
	config = Default(7, "T3ST")
	require.Empty(t, config.Suits(), "the reference layout says everything")
}

func TestFormatsRefuse(t *testing.T) {
	for says, change := range map[string]func(*Config){
		`kind "yaml" is none of csv, jsonl, xml, template`: func(c *Config) { c.Format.Kind = "yaml" },
		"no column holds the key":                          func(c *Config) { c.Format.Columns = c.Format.Columns[2:] },
		`holds "surname" is none of key, version`:          func(c *Config) { c.Format.Columns[4].Holds = "surname" },
		"family_name is there already":                     func(c *Config) { c.Format.Columns[4].Name = "id" },
		"version is there already":                         func(c *Config) { c.Format.Columns[4].Holds = HoldsVersion },
		`normalise "upper" is none of`:                     func(c *Config) { c.Format.Columns[4].Normalise = []string{"upper"} },
		`"orders.csv" does not contain {number}`:           func(c *Config) { c.Format.Names = "orders.csv" },
		`"in/{number}" is no bare file name`:               func(c *Config) { c.Format.Names = "in/{number}" },
		`"tmp" does not contain {name}`:                    func(c *Config) { c.Format.Temporary = "tmp" },
		"{name} alone":                                     func(c *Config) { c.Format.Temporary = "{name}" },
		`delimiter "||" is not one character`:              func(c *Config) { c.Format.Delimiter = "||" },
		"XML needs the names":                              func(c *Config) { c.Format.Kind = XML },
		"a template is missing":                            func(c *Config) { c.Format.Kind = Templated },
		"unclosed action":                                  func(c *Config) { c.Format.Template = &Template{Row: "{{.id"} },
		`map has no entry for key "ident"`:                 func(c *Config) { c.Format.Template = &Template{Row: "{{.ident}}"} },
		"deletions need a column":                          func(c *Config) { c.Format.Columns[3] = Column{Name: "x", Constant: "y"} },
		"full files need names":                            func(c *Config) { c.Format.SnapshotNames = ""; c.FullEvery = 2 },
		"texts that are not UTF-8 need CSV":                func(c *Config) { c.Format.Kind = JSONLines; c.Hostile.EncodingPercent = 5 },
		"hostile texts need a column of any length":        func(c *Config) { c.Format.Columns[5].Longest = 20; c.Hostile.MarkupPercent = 5 },
		"uploads under the final name need a trailer":      func(c *Config) { c.Format.Trailer = ""; c.Uploads.CutEvery = 3 },
	} {
		t.Run(says, func(t *testing.T) {
			config := Default(7, "T3ST")
			config.Format = own(CSV, nil)
			change(&config)
			_, err := New(config)
			require.ErrorContains(t, err, says)
		})
	}
}
