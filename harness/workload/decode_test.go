package workload

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// read returns what a decoder finds in a file.
func read(t *testing.T, f *Format, r io.Reader) (rows []Row, unreadable []Unreadable) {
	t.Helper()
	d, err := f.NewDecoder(r)
	require.NoError(t, err)
	for {
		row, err := d.Next()
		var bad *Unreadable
		switch {
		case err == nil:
			copied := *row
			copied.Content = append([]Value(nil), row.Content...)
			rows = append(rows, copied)
		case errors.As(err, &bad):
			unreadable = append(unreadable, *bad)
		default:
			require.ErrorIs(t, err, io.EOF)
			return rows, unreadable
		}
	}
}

// What is written is what is read back, record by record, whatever stands in it.
func TestDecodeWhatIsEncoded(t *testing.T) {
	hostile := func(c *Config) { c.Hostile.MarkupPercent, c.Hostile.BOMEvery, c.Hostile.CRLFEvery = 20, 2, 3 }
	for name, c := range map[string]struct {
		format *Format
		change func(*Config)
	}{
		"reference":  {nil, hostile},
		"csv":        {own(CSV, nil), hostile},
		"semicolons": {own(CSV, func(f *Format) { f.Delimiter, f.QuoteAll, f.CRLF = ";", true, true }), nil},
		"nameless":   {own(CSV, func(f *Format) { f.NoHeader, f.Delimiter, f.Trailer = true, "\t", "" }), nil},
		"jsonl":      {own(JSONLines, nil), func(c *Config) { c.Hostile.MarkupPercent = 20 }},
		"xml":        {own(XML, nil), nil},
		"xml+end":    {own(XML, func(f *Format) { f.Trailer = "<!-- {rows} -->" }), nil},
		"template": {own(Templated, func(f *Format) {
			f.Template.Row = `{{.id}}|{{.rev}}|{{.action}}|{{json .remarks}}|{{csv .surname}};{{.firm | xml}}<{{.born}};{{.start}};{{.pay}}` + "\n"
		}), nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := ownWorkload(t, c.format, c.change)
			for _, file := range w.Files {
				if file.Blank {
					continue
				}
				// However few bytes a read returns.
				rows, unreadable := read(t, c.format, iotest.OneByteReader(strings.NewReader(string(w.Encode(file)))))
				require.Empty(t, unreadable, file.Name)
				require.Len(t, rows, file.Rows())
				for i, row := range rows[:file.own()] {
					op := file.Ops[i]
					require.Equal(t, w.Key(int(op.Number)), row.Key)
					require.Equal(t, int64(op.Version), row.Version)
					require.Equal(t, op.Delete, row.Delete)
					if name != "template" { // its rows have lines of their own
						require.Equal(t, int(op.Line), row.Line, "row %d of %s", i, file.Name)
					}
					record := w.Row(op)
					for at, field := range Fields {
						switch {
						case !c.format.Holds(field.Name) || op.Delete:
							require.Equal(t, Value{}, row.Content[at])
						case record[at] == "":
							require.Empty(t, row.Content[at].Text)
						case field.Type == Text:
							require.Equal(t, record[at], row.Content[at].Text, field.Name)
						default:
							require.True(t, Comparison{Type: field.Type}.Same(record[at], row.Content[at].Text), "%s: %q and %q", field.Name, record[at], row.Content[at].Text)
						}
					}
				}
			}
		})
	}
}

func TestDecodeWhatCannotBeRead(t *testing.T) {
	simple := func(kind string, change func(*Format)) *Format {
		f := &Format{Kind: kind, Root: "all", Element: "one", Columns: []Column{{Name: "id", Holds: HoldsKey}, {Name: "rev", Holds: HoldsVersion}, {Name: "name", Holds: "family_name"}}}
		if change != nil {
			change(f)
		}
		return f
	}
	ends := func(f *Format) { f.Trailer = "END {rows}" }
	words := func(f *Format) {
		f.Columns = []Column{{Name: "id", Holds: HoldsKey}, {Name: "op", Holds: HoldsOperation, Upsert: "U", Delete: "D", AlsoUpsert: []string{"I"}, AlsoDelete: []string{"X"}}}
	}
	for name, c := range map[string]struct {
		format *Format
		text   string
		keys   string
		lines  []int
		why    string
	}{
		"another column first":   {simple(CSV, nil), "x,name,rev,id\n,A,1,a\n", "a", nil, ""},
		"no last line break":     {simple(CSV, nil), "id,rev,name\na,1,A", "a", nil, ""},
		"empty lines":            {simple(CSV, nil), "id,rev,name\n\na,1,A\n\n", "a", nil, ""},
		"CRLF in a field":        {simple(CSV, nil), "id,rev,name\r\na,1,\"A\r\nB\"\r\nb,1,\"x\"\"y\"\r\n", "a b", nil, ""},
		"column missing":         {simple(CSV, nil), "id,rev\na,1\n", "", []int{1}, `no column is called "name"`},
		"no header":              {simple(CSV, nil), "", "", []int{1}, "no line with the names"},
		"too few fields":         {simple(CSV, nil), "id,rev,name\na,1\nb,1,B\n", "b", []int{2}, "2 fields where 3 are due"},
		"bare quote":             {simple(CSV, nil), "id,rev,name\na,1,5\" pipe\nb,1,B\n", "b", []int{2}, "a quote stands in a field"},
		"behind quotes":          {simple(CSV, nil), "id,rev,name\na,1,\"x\"y\nb,1,B\n", "b", []int{2}, "behind a quoted field"},
		"open quote":             {simple(CSV, nil), "id,rev,name\na,1,A\nb,1,\"B\n", "a", []int{3}, "does not end"},
		"no key":                 {simple(CSV, nil), "id,rev,name\n,1,A\nb,1,B\n", "b", []int{2}, "the key is missing"},
		"no version":             {simple(CSV, nil), "id,rev,name\na,one,A\nb,1,B\n", "b", []int{2}, "no whole number"},
		"other words":            {simple(CSV, words), "id,op\na,I\nb,U\nc,X\nd,D\ne,upsert\n", "a b c d", []int{6}, `op, the operation, is none of ["U" "D" "I" "X"]`},
		"not UTF-8":              {simple(CSV, nil), "id,rev,name\na,1,\xff\nb,1,B\n", "b", []int{2}, "name is not UTF-8"},
		"cut off":                {simple(CSV, ends), "id,rev,name\na,1,A\nb,1", "a", []int{3, 3}, ""},
		"trailer missing":        {simple(CSV, ends), "id,rev,name\na,1,A\n", "a", []int{3}, "cut off"},
		"trailer wrong":          {simple(CSV, ends), "id,rev,name\na,1,A\nEND 2\n", "a", []int{3}, "says 2 rows, and it has 1"},
		"JSON broken":            {simple(JSONLines, nil), "{\"id\":\"a\",\"rev\":1}\n{\"id\":\n\n{\"id\":\"c\",\"rev\":\"2\"}\n", "a c", []int{2}, "no JSON object"},
		"JSON null":              {simple(JSONLines, nil), "null\n", "", []int{1}, "no JSON object"},
		"JSON not UTF-8":         {simple(JSONLines, nil), "{\"id\":\"a\xff\",\"rev\":1}\n", "", []int{1}, "not UTF-8"},
		"JSON trailer":           {simple(JSONLines, ends), "{\"id\":\"a\",\"rev\":1}\nEND 1\n", "a", nil, ""},
		"JSON without trailer":   {simple(JSONLines, ends), "{\"id\":\"a\",\"rev\":1}\n", "a", []int{2}, "cut off"},
		"XML":                    {simple(XML, nil), "<all>\n<one><id>a</id><rev>1</rev><more><id>x</id></more></one></all>\n\n", "a", nil, ""},
		"XML cut off":            {simple(XML, nil), "<all>\n<one><id>a</id><rev>1</rev></one>\n", "a", []int{3}, "cut off"},
		"XML other root":         {simple(XML, nil), "<some/>", "", []int{1}, `not called "all"`},
		"XML other record":       {simple(XML, nil), "<all><two/></all>", "", []int{1}, `not called "one"`},
		"XML text":               {simple(XML, nil), "<all>x</all>", "", []int{1}, "text stands between"},
		"XML more":               {simple(XML, nil), "<all></all><all/>", "", []int{1}, "behind the element"},
		"XML broken":             {simple(XML, nil), "<all><one></two></all>", "", []int{1}, "no XML"},
		"XML Latin-1":            {simple(XML, nil), `<?xml version="1.0" encoding="ISO-8859-1"?><all/>`, "", []int{1}, "other than UTF-8"},
		"endless":                {simple(CSV, nil), "id,rev,name\na,1,\"" + strings.Repeat("x\n", longestRow), "", []int{longestRow / 2}, "4 MiB"},
		"endless JSON":           {simple(JSONLines, nil), strings.Repeat("x", 2*longestRow), "", []int{1}, "4 MiB"},
		"template":               {simple(Templated, func(f *Format) { f.Template = &Template{Row: "{{.id}}/{{.rev}}\n"} }), "a/1\nb/2\n", "a b", nil, ""},
		"template broken":        {simple(Templated, func(f *Format) { f.Template = &Template{Row: "[{{.id}}/{{.rev}}]\n"} }), "[a/1]\nb/2\n", "a", []int{2}, "as the template says"},
		"template cut off":       {simple(Templated, func(f *Format) { f.Template = &Template{Row: "{{.id}}/{{.rev}}\n", Footer: "--\n"} }), "a/1\n", "a", []int{2}, "cut off"},
		"template counts":        {simple(Templated, func(f *Format) { f.Template = &Template{Row: "{{.id}}/{{.rev}}\n", Footer: "-- {{.Rows}}\n"} }), "a/1\n-- 2\n", "a", []int{2}, "says 2 rows"},
		"template counts before": {simple(Templated, func(f *Format) { f.Template = &Template{Header: "{{.Rows}} rows\n", Row: "{{.id}}/{{.rev}}\n"} }), "2 rows\na/1\n", "a", []int{3}, "says 2 rows"},
	} {
		t.Run(name, func(t *testing.T) {
			rows, unreadable := read(t, c.format, strings.NewReader(c.text))
			var keys []string
			for _, row := range rows {
				keys = append(keys, row.Key)
			}
			require.Equal(t, c.keys, strings.Join(keys, " "), "%v", unreadable)
			var lines []int
			for _, u := range unreadable {
				lines = append(lines, u.Line)
				require.Contains(t, u.Error(), c.why)
			}
			require.Equal(t, c.lines, lines, "%v", unreadable)
		})
	}
}

func TestTemplatesThatCannotBeReadBack(t *testing.T) {
	for row, why := range map[string]string{
		"{{.id}}{{.rev}}\n":                "nothing stands between id and rev",
		"{{.id}}":                          "nothing says where a record ends",
		"{{if .id}}x{{end}}\n":             "can be written and not be read back",
		"{{printf \"%s\" .id}}\n":          "can be written and not be read back",
		"{{json .id | xml}}\n":             "can be written and not be read back",
		"{{$x := .id}}{{$x}}{{.rev}}...\n": "can be written and not be read back",
	} {
		f := &Format{Kind: Templated, Columns: []Column{{Name: "id", Holds: HoldsKey}, {Name: "rev", Holds: HoldsVersion}}, Template: &Template{Row: row}}
		_, err := f.NewDecoder(strings.NewReader(""))
		require.ErrorContains(t, err, why, row)
	}
}

// A service that goes away in the middle is no end of the file.
func TestDecodeReadError(t *testing.T) {
	for _, kind := range []string{CSV, JSONLines, XML, Templated} {
		w := ownWorkload(t, own(kind, nil), nil)
		content := string(w.Encode(w.Files[0]))
		gone := errors.New("gone")
		d, err := w.Config.Format.NewDecoder(io.MultiReader(strings.NewReader(content[:len(content)/2]), iotest.ErrReader(gone)))
		require.NoError(t, err)
		for err == nil {
			_, err = d.Next()
		}
		require.ErrorIs(t, err, gone, kind)
		_, err = d.Next()
		require.ErrorIs(t, err, io.EOF)
	}
}

// Whatever stands in a file, it is read to an end, and what was written is read
// back without a complaint.
func FuzzDecode(f *testing.F) {
	formats := []*Format{nil, own(CSV, nil), own(JSONLines, nil), own(XML, nil), own(Templated, nil)}
	for i := range formats {
		f.Add(i, "id,rev\n\"a\"\"\",1\n#rows,1\n")
		f.Add(i, `{"id":"a","rev":1}`)
		f.Add(i, `<orders><order id="a"><rev>1</rev></order></orders>`)
		f.Add(i, "BEGIN 1\na|1|U|\"x\"\nEND 1\n")
	}
	f.Fuzz(func(t *testing.T, which int, text string) {
		d, err := formats[uint(which)%uint(len(formats))].NewDecoder(strings.NewReader(text))
		require.NoError(t, err)
		for range len(text) + 3 {
			row, err := d.Next()
			if err == io.EOF {
				return
			}
			if err == nil {
				require.NotEmpty(t, row.Key)
				require.Positive(t, row.Line)
			}
		}
		t.Fatal("it does not end")
	})
}
