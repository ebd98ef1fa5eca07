package file

// Name is what the file is called, unless somebody calls it otherwise.
const Name = "seatrial.yaml"

// Version is that of the format.
const Version = 1

// Format is the file. Tags: yaml is the key, doc what it is for, as editors show it;
// must marks keys that cannot be left out, one of the words a value can be.
type Format struct {
	Seatrial   int                  `yaml:"seatrial" must:"true" doc:"Version of this format: 1."`
	Compose    *Compose             `yaml:"compose" doc:"A compose file that roles and extra containers are taken from (service). Its other services are started as extra containers; those that seatrial brings are replaced by the tapped ones."`
	Attached   bool                 `yaml:"attached" doc:"true: the pipeline runs on this machine, started by whoever works on it, against the addresses that seatrial up prints. It then has no roles, and nothing that needs their containers. Default: false."`
	Roles      map[string]Role      `yaml:"roles" doc:"The containers of the pipeline, by name; not of one that is attached. Built-in scenarios find their targets by what each does."`
	Extra      map[string]Container `yaml:"extra" doc:"Containers that the pipeline needs beside its roles and the four services: a cache, a mock. They start first, and nothing is broken in them. Roles reach them by name."`
	Services   Services             `yaml:"services" doc:"The services that seatrial brings: in which image or version, and what they hold before the pipeline starts."`
	Network    Network              `yaml:"network" doc:"The network that the pipeline is on."`
	Records    Records              `yaml:"records" must:"true" doc:"What the files look like that the pipeline imports."`
	Expect     Expect               `yaml:"expect" must:"true" doc:"Where the effects of the import are seen. What is left out is not judged, and the verdict says so."`
	Timing     Timing               `yaml:"timing" must:"true" doc:"How long the pipeline takes over things by itself."`
	Operations map[string]Operation `yaml:"operations" doc:"What people do with the pipeline by hand. By name: replay (from file number ${from}, ${from_file}), sync (the index anew), move-to-broker and repoint (${role} to ${NEXT_AMQP_URL}); built-in scenarios and repairs use these."`
	Probes     map[string]string    `yaml:"probes" doc:"Counts of the pipeline's own state that scenarios wait for: each an SQL query for one number."`
}

// Container is what any container has.
type Container struct {
	Image       string            `yaml:"image" doc:"Image of the containers. ${NAME} and ${NAME:-otherwise} are taken from the environment that seatrial is called in."`
	Build       *Build            `yaml:"build" doc:"How the image is built, instead of image."`
	Service     string            `yaml:"service" doc:"Service of the compose file that this is, instead of image and build. What stands here goes before what stands there; environment is added to."`
	Entrypoint  []string          `yaml:"entrypoint" doc:"Instead of the image's entrypoint."`
	Command     []string          `yaml:"command" doc:"Instead of the image's command. Addresses of the services are filled in as in environment."`
	Environment map[string]string `yaml:"environment" doc:"Environment variables. Addresses of the services are filled in: ${SFTP_HOST}, ${AMQP_URL}, ${POSTGRES_URL}, ${ELASTICSEARCH_URL}, …; $${NAME} stays ${NAME}."`
	Files       map[string]string `yaml:"files" doc:"Files that are copied into the containers: path here (from the folder of this file) to path there."`
	Volumes     map[string]string `yaml:"volumes" doc:"Volumes that outlive a container: name to path. Roles that name the same one share it."`
	Memory      Bytes             `yaml:"memory" doc:"Memory limit of each container, as in 256MiB (the default)."`
	Restart     string            `yaml:"restart" one:"no|always|on-failure|unless-stopped" doc:"Whether the engine starts a container again that ends by itself. What a fault has killed stays down until the fault is taken back. Default: no."`
	Ready       *Ready            `yaml:"ready" doc:"How a container proves that it does its work. Default: it is ready when it runs."`
}

// Role is a container of the pipeline.
type Role struct {
	Container `yaml:",inline"`
	Does      []string `yaml:"does" must:"true" one:"collect|load|index|export" doc:"What it does; it may do several. collect: takes files from SFTP and publishes their records. load: consumes records and writes Postgres. index: brings rows into Elasticsearch. export: confirms records downstream."`
	Replicas  int      `yaml:"replicas" min:"1" doc:"How many containers. Default: 1."`
	Consumes  []string `yaml:"consumes" doc:"Queues that it takes its work from, the main one first."`
}

// Build says how an image is made.
type Build struct {
	Context    string            `yaml:"context" doc:"Folder to build from, from the folder of this file. Default: that folder."`
	Dockerfile string            `yaml:"dockerfile" doc:"In the context. Default: Dockerfile."`
	Target     string            `yaml:"target" doc:"Stage to build. Default: the last."`
	Args       map[string]string `yaml:"args" doc:"Build arguments."`
	Go         string            `yaml:"go" doc:"Main package of the Go module in the context, as in ./cmd/importer: compiled with the Go toolchain here to a static program, in an image of nothing else. Instead of a Dockerfile."`
}

// Ready says how a container proves that it does its work: one of them.
type Ready struct {
	Command []string `yaml:"command" doc:"A command in the container that ends with 0."`
	Log     string   `yaml:"log" doc:"A regular expression that a line matches which it prints after every start."`
	HTTP    *Request `yaml:"http" doc:"A request that it answers."`
	Exits   bool     `yaml:"exits" doc:"true: it is a job, such as a migration, which ends with 0. Only of extra containers."`
	Within  Duration `yaml:"within" doc:"How long it may take. Default: 2m."`
}

// Request is an HTTP request to a container.
type Request struct {
	Method  string            `yaml:"method" one:"GET|POST|PUT|PATCH|DELETE" doc:"Default: GET where readiness is asked for, else POST."`
	Port    int               `yaml:"port" must:"true" min:"1" max:"65535" doc:"Where it listens."`
	Path    string            `yaml:"path" doc:"With the query, if any. Default: /."`
	Headers map[string]string `yaml:"headers" doc:"Headers of the request."`
	Body    string            `yaml:"body" doc:"Body of the request."`
	Status  int               `yaml:"status" min:"100" max:"599" doc:"The status that means success. Default: any 2xx."`
}

// Services are those that seatrial brings.
type Services struct {
	SFTP          SFTP          `yaml:"sftp" doc:"The SFTP server."`
	RabbitMQ      RabbitMQ      `yaml:"rabbitmq" doc:"The broker. An image of one's own needs the management plugin."`
	Postgres      Postgres      `yaml:"postgres" doc:"The database."`
	Elasticsearch Elasticsearch `yaml:"elasticsearch" doc:"The index."`
}

// Service is what all services have.
type Service struct {
	Image   string `yaml:"image" doc:"Image of one's own; it must keep the official image's contract. SEATRIAL_IMAGE_<SERVICE> in the environment goes before it."`
	Version string `yaml:"version" doc:"Version of the official image. One that cannot be had is never replaced by another."`
}

// SFTP is the SFTP server.
type SFTP struct {
	Service `yaml:",inline"`
	Folders []string `yaml:"folders" doc:"Folders that the user's home has beside inbox, archive and confirmations."`
}

// RabbitMQ is the broker.
type RabbitMQ struct {
	Service     `yaml:",inline"`
	Definitions string `yaml:"definitions" doc:"File with queues, exchanges and bindings that are there before the pipeline starts, as the management interface exports them for one virtual host."`
}

// Postgres is the database.
type Postgres struct {
	Service `yaml:",inline"`
	Setup   []string `yaml:"setup" doc:"Files with SQL that is run before the pipeline starts, in this order."`
}

// Elasticsearch is the index.
type Elasticsearch struct {
	Service `yaml:",inline"`
	Setup   []string `yaml:"setup" doc:"Files with requests that are sent before the pipeline starts: lines such as \"PUT /people\", each followed by its body in JSON."`
}

// Network is what the pipeline is on.
type Network struct {
	Front string `yaml:"front" one:"internal|open" doc:"internal: the pipeline reaches the services (through the tap), its extra containers and nothing else. open: whatever this machine reaches. Default: internal."`
}

// Records are what is sent.
type Records struct {
	Format    string    `yaml:"format" must:"true" one:"csv|jsonl|xml|template" doc:"csv: RFC 4180. jsonl: a JSON object a line. xml: an element a record. template: a layout of one's own."`
	Folder    string    `yaml:"folder" doc:"Where files are dropped, in the SFTP user's home. Default: inbox."`
	Files     string    `yaml:"files" must:"true" doc:"Names of files: {number} is six digits, counted up; {tag} is four characters that differ from run to run."`
	Snapshots string    `yaml:"snapshots" doc:"Names of full files, which delete by leaving out. Default: none are sent."`
	Upload    string    `yaml:"upload" one:"rename|in-place" doc:"rename: uploaded under a temporary name, then renamed. in-place: written under the name itself; files must then say when they are complete. Default: rename."`
	Temporary string    `yaml:"temporary" doc:"The temporary name, {name} being the final one. Default: .{name}.part"`
	Trailer   string    `yaml:"trailer" doc:"Last line of a file, {rows} being the number of its records. Default: none."`
	CSV       CSV       `yaml:"csv" doc:"Details of format csv."`
	XML       XML       `yaml:"xml" doc:"Details of format xml."`
	Template  *Template `yaml:"template" doc:"Details of format template."`
	Keys      string    `yaml:"keys" one:"token|digits|mixed" doc:"Shape of the keys. token: 12 letters and digits. digits: 18 digits that begin with zeros. mixed: keys that differ in case and accents only. Default: as the scenario says (token)."`
	Fields    []Field   `yaml:"fields" must:"true" doc:"What stands in a record, in order."`
}

// CSV are the details of CSV.
type CSV struct {
	Delimiter string `yaml:"delimiter" doc:"One character. Default: a comma."`
	Header    *bool  `yaml:"header" doc:"Whether the first line has the names of the fields. Default: true."`
	Quote     string `yaml:"quote" one:"minimal|all" doc:"Which fields stand in quotes: those that must, or all. Default: minimal."`
	LineEnd   string `yaml:"line_end" one:"lf|crlf" doc:"At the ends of lines. Default: lf."`
}

// XML are the details of XML.
type XML struct {
	Root   string `yaml:"root" doc:"The element of a file. Default: records."`
	Record string `yaml:"record" doc:"The element of a record. Default: record. A field whose name begins with @ is an attribute of it, the others are elements in it."`
}

// Template is a layout of one's own.
type Template struct {
	Header string `yaml:"header" doc:"What stands before the records: a Go text/template with .Number, .Name and .Rows."`
	Row    string `yaml:"row" must:"true" doc:"A record: a Go text/template with the fields by name. The functions csv, json and xml escape: {{json .surname}}."`
	Footer string `yaml:"footer" doc:"What stands after the records, as header."`
}

// Field is what a record has in one place.
type Field struct {
	Name       string   `yaml:"name" must:"true" doc:"What the pipeline calls it."`
	Holds      string   `yaml:"holds" one:"key|version|operation|family_name|given_name|birth_date|email|phone|note|employer|role|city|starts_at|hours|salary" doc:"What stands in it: the record's key, its version (counted up), the operation (upsert or deletion), or content: texts (family_name, given_name, email, phone, note, employer, role, city), a date (birth_date), an instant (starts_at), numbers (hours, salary)."`
	Constant   *string  `yaml:"constant" doc:"A text that is the same in every record, instead of holds."`
	Upsert     string   `yaml:"upsert" doc:"Of the operation: the word for a record that is new or changed. Default: upsert."`
	Delete     string   `yaml:"delete" doc:"Of the operation: the word for a deletion. Default: delete."`
	AlsoUpsert []string `yaml:"also_upsert" doc:"Other words for that, where files are read: by verify, for example. What seatrial writes has the one word."`
	AlsoDelete []string `yaml:"also_delete" doc:"The same for a deletion."`
	Layout     string   `yaml:"layout" doc:"Of a date or an instant, as in DD.MM.YYYY or YYYY-MM-DD hh:mm:ss; an instant then is in UTC. Default: ISO 8601."`
	As         string   `yaml:"as" one:"string|number" doc:"Of JSON: number writes it without quotes. Default: string."`
	Longest    int      `yaml:"longest" min:"1" doc:"How many characters a content has at most, where the pipeline keeps no more. Default: any."`
	Normalise  []string `yaml:"normalise" one:"trim|lower|spaces|newlines|nfc|empty-is-null|milliseconds|seconds|utc" doc:"What the pipeline may change in the content on its way. trim: spaces at the ends. lower: case. spaces: several spaces are one. newlines: CRLF is LF. nfc: combining characters are composed. empty-is-null: nothing is stored for an empty text. milliseconds, seconds: instants lose what is finer. utc: instants are stored without a zone."`
}

// Expect is where effects are seen.
type Expect struct {
	Rows          *Rows          `yaml:"rows" doc:"The rows in Postgres. Rows or documents must be declared: without either nothing can be judged."`
	Documents     *Documents     `yaml:"documents" doc:"What readers find in Elasticsearch."`
	Confirmations *Confirmations `yaml:"confirmations" doc:"Files on SFTP in which the pipeline confirms records downstream, each once."`
	Rejects       *Rejects       `yaml:"rejects" doc:"Where the pipeline keeps rows that it rejected, in Postgres."`
	Queues        []string       `yaml:"queues" doc:"Queues that carry records to be processed."`
	DeadLetters   []string       `yaml:"dead_letters" doc:"Queues that keep messages which were given up."`
	Status        *Status        `yaml:"status" doc:"What the import says of its own progress, file by file."`
	Staging       *Staging       `yaml:"staging" doc:"A folder in a role's containers where taken files wait before their records are handed on."`
	Deadline      Duration       `yaml:"deadline" doc:"How long after the last file everything must be in its place. Default: as the scenario says (60s)."`
}

// Rows are read from a table or a query.
type Rows struct {
	Table   string            `yaml:"table" doc:"The table. Faults that lock it need it; else a query will do."`
	Query   string            `yaml:"query" doc:"A query for the rows, instead of table."`
	Key     string            `yaml:"key" must:"true" doc:"Column with the key."`
	Version string            `yaml:"version" doc:"Column with the version. Default: told from the content."`
	Deleted string            `yaml:"deleted" doc:"SQL condition that a row meets which stands for a deleted record, as in deleted_at IS NOT NULL. Default: deleted records have no row."`
	Fields  map[string]string `yaml:"fields" doc:"Columns with content: name of the field to column (or an SQL expression in parentheses). What is not named is not compared. Default: every content field, by its own name."`
}

// Documents are read by search.
type Documents struct {
	Index   string            `yaml:"index" must:"true" doc:"The index or alias that readers search."`
	Key     string            `yaml:"key" must:"true" doc:"Field with the key."`
	Version string            `yaml:"version" doc:"Field with the version. Default: told from the content."`
	Filter  string            `yaml:"filter" doc:"The query that readers search with, as JSON, where they leave out deleted documents: {\"term\": {\"deleted\": false}}. Default: all documents."`
	Fields  map[string]string `yaml:"fields" doc:"Fields with content: name of the record's field to field of the document, with dots where it lies deeper. What is not named is not compared. Default: every content field, by its own name."`
}

// Confirmations are CSV files with a header.
type Confirmations struct {
	Folder    string `yaml:"folder" doc:"In the SFTP user's home. Default: confirmations."`
	Files     string `yaml:"files" must:"true" doc:"Their names, as in confirm-*.csv."`
	Key       string `yaml:"key" must:"true" doc:"Column with the key."`
	Version   string `yaml:"version" doc:"Column with the version. Default: they name the key only."`
	Operation string `yaml:"operation" doc:"Column that says what was confirmed. Default: op."`
	Delete    string `yaml:"delete" doc:"The word for a deletion there. Default: delete."`
}

// Rejects are rows.
type Rejects struct {
	Query   string `yaml:"query" must:"true" doc:"SQL query for the rejected rows."`
	Key     string `yaml:"key" must:"true" doc:"Column with the key."`
	Version string `yaml:"version" doc:"Column with the version. Default: none."`
}

// Status is a row a file.
type Status struct {
	Query      string `yaml:"query" must:"true" doc:"SQL query for what the import says of each file."`
	File       string `yaml:"file" must:"true" doc:"Column (or an SQL expression in parentheses) with the file's name."`
	Completed  string `yaml:"completed" must:"true" doc:"SQL condition that is met once the import says that the file is done: state = 'completed'."`
	State      string `yaml:"state" doc:"Column with what it says, for reports. Default: completed or not."`
	Rows       string `yaml:"rows" doc:"Column with the number of rows in the file."`
	Applied    string `yaml:"applied" doc:"Column with the number of those that were applied."`
	Superseded string `yaml:"superseded" doc:"Column with the number of those that something later had overtaken."`
	Rejected   string `yaml:"rejected" doc:"Column with the number of those that were rejected."`
}

// Staging is a folder.
type Staging struct {
	Role string `yaml:"role" must:"true" doc:"The role."`
	Path string `yaml:"path" must:"true" doc:"The folder in its containers; folders below it count too."`
}

// Timing is how long things take.
type Timing struct {
	Interval Duration `yaml:"interval" must:"true" doc:"The longest poll, retry or sync interval of the pipeline. Nothing may change for twice as long before the last reads are taken: too short, and late duplicates are missed."`
	Patience Duration `yaml:"patience" doc:"The longest time for which any part waits for an answer before it tries again: where nothing moved for twice as long, nothing is waited for any more. Default: every deadline is waited for."`
}

// Operation is done by one of command, http, drop and environment.
type Operation struct {
	Role        string            `yaml:"role" doc:"The role that it is done on, by its name or by what it does; ${role} where the scenario says."`
	Command     []string          `yaml:"command" doc:"A command in the role's container."`
	HTTP        *Request          `yaml:"http" doc:"A request to the role's container."`
	Environment map[string]string `yaml:"environment" doc:"A new configuration: so much of the role's environment changes, and its containers are made anew."`
	Drop        *Drop             `yaml:"drop" doc:"A file dropped on SFTP."`
}

// Drop is a file.
type Drop struct {
	Folder  string `yaml:"folder" must:"true" doc:"In the SFTP user's home."`
	Name    string `yaml:"name" must:"true" doc:"Its name."`
	Content string `yaml:"content" doc:"What stands in it."`
}

// Compose says which compose file, and which of its services seatrial brings.
type Compose struct {
	File     string            `yaml:"file" must:"true" doc:"The compose file, from the folder of this file."`
	Profiles []string          `yaml:"profiles" doc:"Profiles that are active."`
	Replace  map[string]string `yaml:"replace" one:"sftp|rabbitmq|postgres|elasticsearch" doc:"Services of the compose file that seatrial brings, where their images do not tell: name there to sftp, rabbitmq, postgres or elasticsearch."`
	Leave    []string          `yaml:"leave" doc:"Services of the compose file that are not started at all."`
}
