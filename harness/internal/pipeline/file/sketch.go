package file

import (
	"fmt"
	"strings"
	"text/template"
)

// Answers are what a first description is made of.
type Answers struct {
	Image  string   // of all roles
	Roles  []string // "name" (it does everything) or "name=collect+load"
	Format string   // of the records: csv, jsonl or xml
	Table  string   // in Postgres; empty: no rows are declared
	Index  string   // in Elasticsearch; empty: no documents are declared
	Every  string   // the longest interval
}

// Usual are the answers of who gives none.
func Usual() Answers {
	return Answers{Image: "importer:latest", Roles: []string{"importer"}, Format: "csv", Table: "people", Index: "people", Every: "15s"}
}

// Sketch returns a description with comments, to be edited. One that Read refuses
// is an error: an answer was wrong.
func Sketch(answers Answers) ([]byte, error) {
	data := struct {
		Answers
		Schema string
		Parts  []sketched
		Ending string
	}{Answers: answers, Schema: SchemaURL, Ending: map[string]string{"csv": "csv", "jsonl": "jsonl", "xml": "xml"}[answers.Format]}
	for _, role := range answers.Roles {
		data.Parts = append(data.Parts, sketch(role, answers))
	}
	var text strings.Builder
	if err := sketchTemplate.Execute(&text, data); err != nil {
		return nil, err
	}
	_, err := read(Name, []byte(text.String()), func(string) (string, bool) { return "", false })
	if err != nil {
		return nil, fmt.Errorf("these answers describe no pipeline:\n%w", err)
	}
	return []byte(text.String()), nil
}

type sketched struct{ Name, Does, Needs string }

func sketch(role string, a Answers) sketched {
	name, does, given := strings.Cut(role, "=")
	list := strings.Split(does, "+")
	if !given {
		list = []string{"collect", "load"}
		if a.Index != "" {
			list = append(list, "index")
		}
	}
	return sketched{Name: strings.TrimSpace(name), Does: strings.Join(list, ", ")}
}

var sketchTemplate = template.Must(template.New(Name).Delims("<<", ">>").Parse(`# yaml-language-server: $schema=<<.Schema>>
#
# How seatrial tries your pipeline. Edit by the comments, then:
#
#   seatrial validate              is it described well, and which scenarios fit?
#   seatrial validate --live       do a few records pass through it?
#   seatrial run --pipeline . calm loader-killed
#
# All keys: seatrial schema pipeline
seatrial: 1

# The containers of your pipeline. collect takes files from SFTP and publishes their records,
# load consumes them and writes Postgres, index brings rows into Elasticsearch, export
# confirms records downstream. One container may do several.
# A pipeline that you start on this machine yourself has no roles: say attached: true instead,
# and "seatrial up" prints the addresses that it needs.
roles:
<<- range .Parts>>
  <<.Name>>:
    does: [<<.Does>>]
    image: <<$.Image>>              # or build: {context: ../app}
    # command: [run]
    # The services that seatrial brings are reached by these addresses and no others:
    # SFTP_HOST, _PORT, _ADDR, _USER, _PASSWORD, _HOST_KEY; AMQP_URL, _HOST, _PORT, _USER,
    # _PASSWORD, _VHOST; POSTGRES_URL, _HOST, _PORT, _USER, _PASSWORD, _DATABASE;
    # ELASTICSEARCH_URL, _HOST, _PORT. Put them into the variables that your program reads.
    environment:
      SFTP_HOST: ${SFTP_HOST}
      SFTP_USER: ${SFTP_USER}
      SFTP_PASSWORD: ${SFTP_PASSWORD}
      AMQP_URL: ${AMQP_URL}
      DATABASE_URL: ${POSTGRES_URL}
<<- if $.Index>>
      ELASTICSEARCH_URL: ${ELASTICSEARCH_URL}
<<- end>>
    # files: {application.yaml: /app/application.yaml}   # copied into the container
    # volumes: {staging: /var/staging}                   # outlives the container
    # consumes: [records]                                # queues that it takes its work from
    # restart: on-failure                                # by the engine, when it ends by itself
    # ready: {log: started}                              # or {http: {port: 8080, path: /health}}
<<- end>>

# What the services hold before the pipeline starts, if it does not make that itself.
# services:
#   postgres: {version: "15", setup: [schema.sql]}
#   rabbitmq: {definitions: definitions.json}

# The files that your pipeline imports. seatrial writes them: names, notes and dates as real
# ones are, each record known by its key.
records:
  format: <<.Format>>
  folder: inbox                     # on SFTP
  files: "{number}-{tag}.<<.Ending>>"
  # snapshots: "{number}-full-{tag}.<<.Ending>>"   # files that delete what they leave out
  # upload: in-place                # default: under a temporary name, then renamed
<<- if eq .Format "csv">>
  csv: {delimiter: ","}
<<- end>>
<<- if eq .Format "xml">>
  xml: {root: people, record: person}
<<- end>>
  # name is yours, holds is what stands there: key, version, operation, family_name,
  # given_name, birth_date, email, phone, note, employer, role, city, starts_at, hours, salary.
  fields:
    - {name: id, holds: key}
    - {name: version, holds: version}          # leave it out where yours have none
    # - {name: action, holds: operation, upsert: U, delete: D}   # also_upsert: [I]
    - {name: last_name, holds: family_name}
    - {name: first_name, holds: given_name}
    - {name: born, holds: birth_date}          # layout: DD.MM.YYYY
    - {name: remarks, holds: note, normalise: [newlines]}
    # - {name: tenant, constant: acme}

# Where the effects are seen. What is left out is not judged, and every verdict says so.
expect:
<<- if .Table>>
  rows:
    table: <<.Table>>
    key: id
    version: version
    # deleted: deleted_at IS NOT NULL          # where deleted records keep their row
    # Columns, where they are not called as the fields above:
    fields: {last_name: last_name, first_name: first_name, born: born, remarks: remarks}
<<- end>>
<<- if .Index>>
  documents:
    index: <<.Index>>               # or the alias that readers search
    key: id
    version: version
    fields: {last_name: last_name, first_name: first_name, born: born, remarks: remarks}
<<- end>>
  # queues: [records]               # that carry records to be processed
  # dead_letters: [records.dead]
  # confirmations: {folder: confirmations, files: "confirm-*.csv", key: id}
  # status:
  #   query: SELECT * FROM imports
  #   file: file_name
  #   completed: state = 'done'
  #   rows: row_count

timing:
  # The longest poll, retry or sync interval. Nothing may change for twice as long before the
  # last look is taken: too short, and late duplicates are missed.
  interval: <<.Every>>

# What people do by hand. replay and sync are known to built-in scenarios and to repairs.
# operations:
#   replay:
#     role: <<(index .Parts 0).Name>>
#     command: [replay, --from-file, "${from}"]
#   sync:
#     role: <<(index .Parts 0).Name>>
#     http: {port: 8080, path: /sync}
`))
