package file

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/stack/image"
	"github.com/seatrial/seatrial/harness/workload"
)

// good is a description that tests change.
const good = `seatrial: 1
roles:
  fetcher:
    does: [collect]
    image: importer:${TAG:-1}
    environment: {SFTP: "${SFTP_HOST}:${SFTP_PORT}", LITERAL: "$${AMQP_URL}"}
  writer:
    does: [load, index]
    image: importer:1
    consumes: [orders]
    memory: 512MiB
    replicas: 2
records:
  format: csv
  files: "{number}.csv"
  fields:
    - {name: id, holds: key}
    - {name: rev, holds: version}
    - {name: action, holds: operation, upsert: U, delete: D}
    - {name: surname, holds: family_name}
    - {name: born, holds: birth_date, layout: DD.MM.YYYY}
expect:
  rows: {table: app.orders, key: id, version: rev, deleted: gone, fields: {surname: last_name, born: "(birth->>'day')"}}
  queues: [orders]
  dead_letters: [orders.dead]
timing: {interval: 15s}
operations:
  replay: {role: collect, command: [replay, "${from}"]}
`

// elsewhere writes good, with changes, into a folder with what it may name.
func elsewhere(t *testing.T, changes ...string) string {
	t.Helper()
	folder := t.TempDir()
	for name, content := range map[string]string{
		"schema.sql": "CREATE TABLE orders (id text)", "people.es": "PUT /people\n{\"settings\": {}}\n\nDELETE /old\n",
		"bad.es": "PUT /people\n{", "definitions.json": "{}", "conf/app.conf": "a=b", "Dockerfile": "FROM scratch\n", "app/Dockerfile": "FROM scratch\n", "no.json": "[]",
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(folder, filepath.Dir(name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
	text := strings.NewReplacer(changes...).Replace(good)
	if len(changes) > 0 {
		require.NotEqual(t, good, text, "%q changes nothing", changes)
	}
	require.NoError(t, os.WriteFile(filepath.Join(folder, Name), []byte(text), 0o600))
	return folder
}

func TestRead(t *testing.T) {
	spec, err := Read(elsewhere(t))
	require.NoError(t, err)
	require.Len(t, spec.Roles, 2)
	fetcher, writer := spec.Roles[0], spec.Roles[1]
	require.Equal(t, "importer:1", fetcher.Image)
	require.Equal(t, []string{"load", "index"}, writer.Does)
	require.Equal(t, int64(512<<20), writer.MemoryBytes)
	require.Equal(t, 2, writer.Replicas)
	require.Equal(t, []string{"orders"}, writer.Consumes)
	require.Equal(t, 15*time.Second, spec.LongestInterval)
	require.Equal(t, "inbox", spec.Inbox)
	require.Equal(t, `SELECT q."id"::text, q."rev"::text, coalesce((gone)::boolean, false), 'app.orders ' || q.ctid::text FROM "app"."orders" q`, spec.Rows.Light)
	require.Equal(t, `SELECT q."id"::text, q."rev"::text, coalesce((gone)::boolean, false), 'app.orders ' || q.ctid::text, (birth->>'day')::text AS birth_date, q."last_name"::text AS family_name FROM "app"."orders" q`, spec.Rows.Query)
	require.Equal(t, []string{"birth_date", "family_name"}, spec.Rows.Fields)
	require.Equal(t, workload.Column{Name: "born", Holds: "birth_date", Layout: "02.01.2006"}, spec.Records.Columns[4])
	require.NoError(t, spec.Records.Validate())

	t.Setenv("TAG", "7")
	spec, err = Read(elsewhere(t))
	require.NoError(t, err)
	require.Equal(t, "importer:7", spec.Roles[0].Image, "from the environment of who calls")
}

func TestReadMore(t *testing.T) {
	folder := elsewhere(t, "timing:", `extra:
  cache: {image: redis:7, volumes: {cache: /data}, ready: {log: Ready}}
services:
  sftp: {folders: [outbox]}
  postgres: {version: 16, setup: [schema.sql]}
  rabbitmq: {image: "corp/rabbit:3", definitions: definitions.json}
  elasticsearch: {setup: [people.es]}
network: {front: open}
timing:`,
		"    image: importer:1\n", "    build: {context: app, args: {V: 1.10}}\n    files: {conf/app.conf: /etc/app.conf}\n    ready: {http: {port: 8080, path: /health}, within: 10s}\n",
		"  queues:", "  documents: {index: people, key: id, fields: {surname: name.last}}\n  rejects: {query: \"SELECT * FROM bad;\", key: id}\n  confirmations: {folder: ok, files: \"*.csv\", key: id, operation: what, delete: D}\n  status: {query: SELECT * FROM runs, file: name, completed: done, rejected: (bad + ugly)}\n  queues:",
		"command: [replay, \"${from}\"]", "http: {port: 8080, path: \"/replay?from=${from}\"}")
	spec, err := Read(folder)
	require.NoError(t, err)
	writer := spec.Roles[1]
	require.Equal(t, &pipeline.Build{Recipe: image.Recipe{Context: filepath.Join(folder, "app"), Args: map[string]string{"V": "1.10"}}}, writer.Build)
	require.Equal(t, "a=b", writer.Files["/etc/app.conf"].Content)
	require.Equal(t, &pipeline.Request{Method: "GET", Port: 8080, Path: "/health"}, writer.Ready.HTTP)
	require.Equal(t, "cache", spec.Extra[0].Name)
	require.Equal(t, []string{"cache"}, spec.Volumes)
	require.Equal(t, map[image.Kind]image.Pin{image.Postgres: {Version: "16"}, image.RabbitMQ: {Image: "corp/rabbit:3"}}, spec.Services)
	require.Equal(t, "schema.sql", spec.Setup.SQL[0].Name)
	require.NotNil(t, spec.Setup.Definitions)
	require.True(t, spec.OpenFront)
	require.Equal(t, []string{"ok", "outbox"}, spec.Folders)
	require.Equal(t, map[string]string{"family_name": "name.last"}, spec.Documents.Fields)
	require.Equal(t, `SELECT q."id"::text, NULL, 'a rejected row' FROM (SELECT * FROM bad) q`, spec.Rejects.Query)
	require.Equal(t, `SELECT q."name"::text, CASE WHEN done THEN 'completed' ELSE 'not completed' END, (done)::boolean, NULL, NULL, NULL, (bad + ugly)::text FROM (SELECT * FROM runs) q`, spec.Status.Query)
	require.Equal(t, pipeline.Confirmations{Dir: "ok", Pattern: "*.csv", Key: "id", Operation: "what", Deletion: "D"}, *spec.Confirmations)
	require.Equal(t, &pipeline.Request{Method: "POST", Port: 8080, Path: "/replay?from=${from}"}, spec.Operations["replay"].HTTP)
}

// What the keys mean together: each is told where it stands.
func TestReadRefuses(t *testing.T) {
	for says, changes := range map[string][]string{
		"1:11: seatrial: version 2 of the format is not known, this seatrial reads 1":                             {"seatrial: 1", "seatrial: 2"},
		"3:3: roles.Fetcher: a name has small letters":                                                            {"  fetcher:", "  Fetcher:"},
		"3:3: roles.postgres: seatrial has a container of that name":                                              {"  fetcher:", "  postgres:"},
		"3:3: roles.collect: what roles do is called so: name it collector, for example":                          {"  fetcher:", "  collect:"},
		"4:11: roles.fetcher.does: a role does something":                                                         {"[collect]", "[]"},
		"3:3: roles.fetcher: give exactly one of image or build":                                                  {"    image: importer:${TAG:-1}\n", ""},
		"7:3: roles.writer: give exactly one of image or build":                                                   {"    image: importer:1\n", "    image: importer:1\n    build: {context: .}\n"},
		"5:12: roles.fetcher.image: NONE is not set in the environment: set it, or write ${NONE:-otherwise}":      {"${TAG:-1}", "${NONE}"},
		`6:25: roles.fetcher.environment.SFTP: ${SFTP_HOSTS} is not known: did you mean ${SFTP_HOST}?`:            {"${SFTP_HOST}", "${SFTP_HOSTS}"},
		`6:25: roles.fetcher.environment.SFTP: ${HTTPS_PROXY_URL_OF_MINE} is not known: there are AMQP_HOST`:      {"${SFTP_HOST}", "${HTTPS_PROXY_URL_OF_MINE}"},
		"roles.writer.files.conf/none: read ":                                                                     {"    memory: 512MiB\n", "    files: {conf/none: /etc/x}\n"},
		"roles.writer.files.conf/app.conf: want a path in the container that begins with /, not \"etc/x\"":        {"    memory: 512MiB\n", "    files: {conf/app.conf: etc/x}\n"},
		"roles.writer.volumes../data: name a volume with letters":                                                 {"    memory: 512MiB\n", "    volumes: {./data: /data}\n"},
		"roles.writer.build.context: there is no folder":                                                          {"    image: importer:1\n", "    build: {context: nowhere}\n"},
		"roles.writer.build: there is no ":                                                                        {"    image: importer:1\n", "    build: {context: conf}\n"},
		"roles.writer.build.target: it means nothing beside go":                                                   {"    image: importer:1\n", "    build: {go: ./cmd/x, target: y}\n"},
		"roles.writer.ready: give exactly one of command, log, http, exits":                                       {"    memory: 512MiB\n", "    ready: {log: a, command: [b]}\n"},
		"roles.writer.ready.log: error parsing regexp":                                                            {"    memory: 512MiB\n", "    ready: {log: \"(\"}\n"},
		`roles.writer.ready.http.path: want a path that begins with /, not "health"`:                              {"    memory: 512MiB\n", "    ready: {http: {port: 80, path: health}}\n"},
		`extra.writer: there is a role of that name`:                                                              {"timing:", "extra: {writer: {image: x}}\ntiming:"},
		"services.postgres.version: the image says which version it is":                                           {"timing:", "services: {postgres: {image: a, version: 1}}\ntiming:"},
		"services.postgres.setup[0]: read ":                                                                       {"timing:", "services: {postgres: {setup: [none.sql]}}\ntiming:"},
		"services.elasticsearch.setup[0]: bad.es: the body of PUT /people is no JSON":                             {"timing:", "services: {elasticsearch: {setup: [bad.es]}}\ntiming:"},
		"services.rabbitmq.definitions: want a JSON object":                                                       {"timing:", "services: {rabbitmq: {definitions: no.json}}\ntiming:"},
		`services.sftp.folders[0]: want the bare name of a folder, not "a/b"`:                                     {"timing:", "services: {sftp: {folders: [a/b]}}\ntiming:"},
		`records.files: "orders.csv" does not contain {number}`:                                                   {`"{number}.csv"`, "orders.csv"},
		`records.files: {date} is not known: there is {number}, {tag}`:                                            {`"{number}.csv"`, `"{number}-{date}.csv"`},
		`records.snapshots: full files have the names of the others`:                                              {"  fields:\n", "  snapshots: \"{number}.csv\"\n  fields:\n"},
		`records.temporary: {name} alone is the name that the file has in the end`:                                {"  fields:\n", "  temporary: \"{name}\"\n  fields:\n"},
		"records.csv.delimiter: want one ASCII character":                                                         {"  fields:\n", "  csv: {delimiter: \"||\"}\n  fields:\n"},
		"records.xml: records are csv: leave it out":                                                              {"  fields:\n", "  xml: {root: a}\n  fields:\n"},
		"records.format: template is missing":                                                                     {"format: csv", "format: template"},
		`records.xml.root: "1a" cannot name an element`:                                                           {"format: csv", "format: xml\n  xml: {root: 1a}"},
		"records.upload: nothing would say when a file that is written in place is complete":                      {"  fields:\n", "  upload: in-place\n  fields:\n"},
		"records.fields: none holds the key":                                                                      {"holds: key", "constant: a"},
		"records.fields[3].holds: another field holds version":                                                    {"holds: family_name", "holds: version"},
		`records.fields[3].name: another field is called "id"`:                                                    {"name: surname", "name: id"},
		"records.fields[3]: give exactly one of holds, constant":                                                  {"holds: family_name", "holds: family_name, constant: x"},
		`records.fields[2]: "U" is a word for an upsert and for a deletion`:                                       {"delete: D", "also_delete: [U]"},
		"records.fields[3].upsert: it is for fields that hold operation":                                          {"holds: family_name", "holds: family_name, upsert: x"},
		"records.fields[1].longest: it is for fields that hold content":                                           {"holds: version", "holds: version, longest: 4"},
		"records.fields[1].as: it is for JSON: records are csv":                                                   {"holds: version", "holds: version, as: number"},
		`records.fields[4].layout: "DD.MM" must have YYYY once`:                                                   {"DD.MM.YYYY", "DD.MM"},
		"expect: neither rows nor documents are declared":                                                         {"  rows: {table: app.orders, key: id, version: rev, deleted: gone, fields: {surname: last_name, born: \"(birth->>'day')\"}}\n", ""},
		"expect.rows: give exactly one of table, query":                                                           {"table: app.orders", "table: app.orders, query: SELECT 1"},
		`expect.rows.fields.surnam: no field of records with content is called "surnam": did you mean "surname"?`: {"fields: {surname:", "fields: {surnam:"},
		"expect.rows.version: no field of records holds a version that could stand there":                         {"    - {name: rev, holds: version}\n", ""},
		"expect.rows: it shows neither a version nor content":                                                     {"version: rev, ", "", "fields: {surname: last_name, born: \"(birth->>'day')\"}", "fields: {}"},
		"expect.documents.filter: want a JSON object":                                                             {"  queues:", "  documents: {index: a, key: b, filter: deleted}\n  queues:"},
		`expect.confirmations.files: "[" is no pattern`:                                                           {"  queues:", "  confirmations: {files: \"[\", key: b}\n  queues:"},
		"expect.dead_letters[0]: orders is also one of queues":                                                    {"[orders.dead]", "[orders]"},
		`expect.staging.role: no role is called "fetchers", or does that: did you mean "fetcher"?`:                {"  queues:", "  staging: {role: fetchers, path: /a}\n  queues:"},
		"expect.rows.key: it is empty":                                                                            {"key: id, version: rev", "key: \"\", version: rev"},
		`operations.replay.role: no role is called "colect", or does that: did you mean "collect"?`:               {"role: collect", "role: colect"},
		"operations.replay: role is missing":                                                                      {"role: collect, ", ""},
		"operations.replay: give exactly one of command, http, environment, drop":                                 {"command: [replay, \"${from}\"]", "command: [a], environment: {A: b}"},
		"operations.replay.command[1]: ${form} is not known: did you mean ${from}?":                               {"${from}", "${form}"},
		"operations.replay.role: a file is dropped on SFTP":                                                       {"command: [replay, \"${from}\"]", "drop: {folder: in, name: x}"},
		`operations.replay.drop.name: want a bare file name, not "a/b"`:                                           {"role: collect, command: [replay, \"${from}\"]", "drop: {folder: in, name: a/b}"},
	} {
		t.Run(says, func(t *testing.T) {
			_, err := Read(elsewhere(t, changes...))
			require.ErrorAs(t, err, new(Problems))
			require.ErrorContains(t, err, says)
			require.Regexp(t, `(?m)^.*seatrial\.yaml:\d+:\d+: \S`, err.Error())
		})
	}
}

// attached is a description of a pipeline that runs on this machine.
const attached = `seatrial: 1
attached: true
records:
  format: csv
  files: "{number}.csv"
  fields: [{name: id, holds: key}, {name: rev, holds: version}]
expect: {rows: {table: orders, key: id, version: rev}}
timing: {interval: 15s}
operations:
  replay: {drop: {folder: control, name: replay.txt, content: "${from}"}}
`

func TestReadAttached(t *testing.T) {
	spec, err := read(Name, []byte(attached), os.LookupEnv)
	require.NoError(t, err)
	require.True(t, spec.Attached)
	require.Empty(t, spec.Roles)
	require.NotNil(t, spec.Operations["replay"].Drop)
	for says, change := range map[string][2]string{
		"3:1: roles: the pipeline is attached":                                        {"records:", "roles: {a: {does: [load], image: b}}\nrecords:"},
		"3:1: extra: the pipeline is attached":                                        {"records:", "extra: {a: {image: b}}\nrecords:"},
		"expect.staging: the pipeline is attached":                                    {"expect: {", "expect: {staging: {role: a, path: /b}, "},
		"operations.replay: the pipeline is attached and has no containers that this": {"drop: {folder: control, name: replay.txt, content: \"${from}\"}", "role: collect, command: [a]"},
		"1:1: roles is missing: the containers of the pipeline":                       {"attached: true\n", ""},
		"2:11: attached: want true or false, not":                                     {"true", "perhaps"},
	} {
		_, err := read(Name, []byte(strings.Replace(attached, change[0], change[1], 1)), os.LookupEnv)
		require.ErrorContains(t, err, says)
	}
}

func TestAllProblemsAreTold(t *testing.T) {
	_, err := Read(elsewhere(t, "seatrial: 1", "seatrial: 1\nrols: {}", "format: csv", "format: cvs", "memory: 512MiB", "memory: much", "${from}", "${form}"))
	var problems Problems
	require.ErrorAs(t, err, &problems)
	require.Len(t, problems, 4, "%v", err)
	last := Position{}
	for _, problem := range problems {
		require.GreaterOrEqual(t, problem.Line, last.Line)
		last = problem.Position
	}
}

func TestNoYAML(t *testing.T) {
	for text, says := range map[string]string{
		"":                              `x.yaml:1:1: there is nothing in it`,
		"# only words\n":                `x.yaml:1:1: there is nothing in it`,
		"a: [1\nb: 2":                   `x.yaml:`,
		"a: b: c":                       `x.yaml:1:`,
		"- a\n- b":                      `x.yaml:1:1: want keys with values, not a list`,
		"seatrial: 1\nseatrial: 1":      `x.yaml:2:1: key "seatrial" stands there already, in line 1`,
		"seatrial: 1\n---\nseatrial: 1": `x.yaml:3:1: a second document begins`,
		"seatrial: *none":               `x.yaml:1:11: no anchor &none stands before this`,
		"seatrial: !!int 1":             `x.yaml:1:11: a tag (!!int) means nothing here`,
		"? [a]\n: b":                    `x.yaml:2:`,
		"x-a: &a 1\n<<: *a":             `x.yaml:2:5: <<: want keys with values, not "1"`,
		"<<: *none":                     `x.yaml:1:5: no anchor &none stands before this`,
		"seatrial: *a\nx-a: &a 1":       `x.yaml:1:11: no anchor &a stands before this`,
		"x-a: &a\n  rols: {}\n<<: [*a]": `x.yaml:2:3: unknown key "rols": did you mean "roles"?`,
		"\tseatrial: 1":                 `x.yaml:1:`,
	} {
		_, err := read("x.yaml", []byte(text), os.LookupEnv)
		require.ErrorAs(t, err, new(Problems), "%q", text)
		require.ErrorContains(t, err, says, "%q", text)
	}
	_, err := Read(t.TempDir())
	require.ErrorIs(t, err, os.ErrNotExist)
}

// TestMerges: as compose files have it, keys of one's own go before merged ones, and
// of several merged ones the first.
func TestMerges(t *testing.T) {
	text := strings.Replace(good, "roles:\n", `x-parts:
  usual: &usual
    environment: &environment {MODE: fast, HOME: /data}
    memory: 128MiB
  other: &other {memory: 64MiB, restart: always}
roles:
  second:
    <<: [*usual, *other]
    does: [index]
    image: second
    environment:
      <<: *environment
      HOME: /app
`, 1)
	require.NotEqual(t, good, text)
	spec, err := read(Name, []byte(text), os.LookupEnv)
	require.NoError(t, err)
	second := spec.Roles[slices.IndexFunc(spec.Roles, func(r pipeline.Role) bool { return r.Name == "second" })]
	require.Equal(t, map[string]string{"MODE": "fast", "HOME": "/app"}, second.Env)
	require.Equal(t, int64(128<<20), second.MemoryBytes)
}

// Merges of merges mean more than anybody wrote.
func TestMergesAreBounded(t *testing.T) {
	text := "x-a: &a {" + strings.Repeat("k%d: 1, ", 2000) + "z: 1}\nx-b: &b\n  <<: [" + strings.Repeat("*a, ", 20_000) + "*a]\nroles:\n  one: *b\n"
	numbers := make([]any, 2000)
	for i := range numbers {
		numbers[i] = i
	}
	begun := time.Now()
	_, err := read(Name, []byte(fmt.Sprintf(text, numbers...)), os.LookupEnv)
	require.ErrorContains(t, err, "aliases make this file mean too much")
	require.Less(t, time.Since(begun), 10*time.Second)
}

// FuzzRead: whatever stands in a file, it is read or refused with a place, at once.
func FuzzRead(f *testing.F) {
	f.Add([]byte(good))
	every, err := os.ReadFile("testdata/every-key.yaml")
	require.NoError(f, err)
	f.Add(every)
	for _, text := range []string{"", "a: &a [*a]", "x-a: &a [1]\nx-b: &b [*a, *a]\nroles: *b", "x-a: &a {<<: [*a, *a]}\nroles: {b: *a}\n<<: *a", "seatrial: 1\nroles:\n  a: {does: [load]}", "{", "a: |\n  b", "? a\n: b", "- - - a"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		begun := time.Now()
		_, err := read("x.yaml", content, func(string) (string, bool) { return "", false })
		require.Less(t, time.Since(begun), 5*time.Second)
		if err == nil {
			return
		}
		var problems Problems
		require.ErrorAs(t, err, &problems)
		for _, problem := range problems {
			require.Positive(t, problem.Line)
			require.Positive(t, problem.Column)
			require.NotEmpty(t, problem.Text)
		}
	})
}

func TestSketches(t *testing.T) {
	for _, format := range []string{"csv", "jsonl", "xml"} {
		for _, roles := range [][]string{{"importer"}, {"fetcher=collect", "writer=load+index", "teller=export"}} {
			for _, index := range []string{"", "people"} {
				answers := Usual()
				answers.Format, answers.Roles, answers.Index = format, roles, index
				text, err := Sketch(answers)
				require.NoError(t, err)
				require.NotContains(t, string(text), "<<")
				require.NotContains(t, string(text), "\n\n\n")
			}
		}
	}
	answers := Usual()
	answers.Format, answers.Roles = "yaml", []string{"Importer"}
	_, err := Sketch(answers)
	require.ErrorContains(t, err, `records.format: "yaml" is none of csv, jsonl, xml, template`)
	require.ErrorContains(t, err, "roles.Importer: a name has small letters")
}

// The README's example is a whole one.
func TestExampleInTheReadme(t *testing.T) {
	readme, err := os.ReadFile("../../../../README.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(readme), "<!-- a test reads this -->\n```yaml\n")
	require.True(t, found)
	example, _, found := strings.Cut(rest, "```\n")
	require.True(t, found)
	spec, err := read(Name, []byte(example), os.LookupEnv)
	require.NoError(t, err)
	require.Equal(t, "importer", spec.Roles[0].Name)
}
