package pipeline

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial/fixtures/importer/defect"
)

// Reference declares the reference pipeline (fixtures/importer) as it runs in
// trials: defects are the deviations it shows, settings are added to the
// environment of every role. Its image is a program of this module.
func Reference(defects []string, settings map[string]string) Spec {
	role := func(name, does, command string) Role {
		env := referenceEnv(defects)
		maps.Copy(env, settings)
		return Role{Name: name, Does: []string{does}, Build: &Build{Go: referenceProgram}, Command: []string{command}, Env: env}
	}
	collector := role("collector", Collect, "collect")
	collector.Mounts = map[string]string{"staging": "/staging"}
	longest := time.Second
	if poll, err := time.ParseDuration(settings["POLL_INTERVAL"]); err == nil {
		longest = max(longest, poll)
	}
	exporter := role("exporter", Export, "export")
	loader := role("loader", Load, "load")
	loader.Consumes, exporter.Consumes = []string{"records"}, []string{"records.applied"}
	exporter.Env["EXPORTER_AMQP_URL"] = "${AMQP_URL}" // where it was when it was deployed
	return Spec{
		Name:    "reference",
		Defects: defects,
		Roles: []Role{
			collector,
			loader,
			role("indexer", Index, "index"),
			exporter,
		},
		Volumes: []string{"staging"},
		Inbox:   "inbox",
		// Defect 19, broker-state-ephemeral, is one of the deployment, not of the program.
		EphemeralBroker: slices.Contains(defects, string(defect.BrokerStateEphemeral)),
		Staging:         &Staging{Role: "collector", Path: "/staging"},
		Rows:            &Rows{Table: "people", Query: referenceRows, Light: referenceLight},
		Documents:       &Documents{Alias: "people", Key: "key", Version: "version"},
		Confirmations:   &Confirmations{Dir: "confirmations", Pattern: "confirm-*.csv", Key: "key", Version: "version"},
		Queues:          []string{"records", "records.applied"},
		DeadLetters:     []string{"records.dead"},
		Status:          &Status{Query: referenceStatus},
		Operations: map[string]Operation{
			"replay":         {Role: "collector", Command: []string{"/importer", "replay", "--from-seq", "${from}"}},
			"move-to-broker": {Role: "${role}", Env: map[string]string{"AMQP_URL": "${NEXT_AMQP_URL}"}},
			// Every address that the role has of the broker, that of its own configuration too.
			"repoint": {Role: "${role}", Env: map[string]string{"AMQP_URL": "${NEXT_AMQP_URL}", "EXPORTER_AMQP_URL": "${NEXT_AMQP_URL}"}},
			// A new layout of the staging folder, which breaks off after some files; the same again puts it right.
			"relayout": {Role: "collector", Command: []string{"/importer", "relayout", "--break-off-after", "${after}"}},
			"restore":  {Role: "collector", Command: []string{"/importer", "relayout"}},
			// The index built anew; and the hour of a server's next scheduled sync has come.
			"sync":          {Role: "indexer", Command: []string{"/importer", "sync"}},
			"schedule-sync": {Role: "indexer", Command: []string{"/importer", "schedule-sync"}},
		},
		Probes: map[string]string{
			"syncs begun":   `SELECT count(*) FROM sync_runs`,
			"syncs filling": `SELECT count(*) FROM sync_runs WHERE ended_at IS NULL AND written > 0`,
			"syncs ended":   `SELECT count(*) FROM sync_runs WHERE ended_at IS NOT NULL`,
		},
		LongestInterval: longest,
		Patience:        9*time.Second + longest,
	}
}

// referenceProgram is what all roles of the reference pipeline are.
const referenceProgram = "github.com/seatrial/seatrial/fixtures/importer"

// referenceEnv is the environment of every role: the services, and intervals
// short enough for a trial of seconds.
func referenceEnv(defects []string) map[string]string {
	return map[string]string{
		"SFTP_ADDR":         "${SFTP_ADDR}",
		"SFTP_USER":         "${SFTP_USER}",
		"SFTP_PASSWORD":     "${SFTP_PASSWORD}",
		"SFTP_HOST_KEY":     "${SFTP_HOST_KEY}",
		"AMQP_URL":          "${AMQP_URL}",
		"POSTGRES_URL":      "${POSTGRES_URL}",
		"ELASTICSEARCH_URL": "${ELASTICSEARCH_URL}",
		"DEFECTS":           strings.Join(defects, ","),
		"STAGING_DIR":       "/staging",
		"POLL_INTERVAL":     "250ms",
		"INDEX_INTERVAL":    "250ms",
		"RETRY_INTERVAL":    "500ms",
	}
}

const (
	referenceLight = `SELECT key, version::text, deleted_at IS NOT NULL, 'people ' || ctid::text FROM people`

	// Dates and instants in one form, whatever the server's settings: an
	// instant in UTC with as many decimals as it has, at most six.
	referenceRows = `SELECT key, version::text, deleted_at IS NOT NULL, 'people ' || ctid::text,
 family_name, given_name, to_char(birth_date, 'YYYY-MM-DD') AS birth_date, email, phone, note, employer, role, city,
 to_char(starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS') || rtrim(to_char(starts_at AT TIME ZONE 'UTC', '.US'), '.0') || 'Z' AS starts_at,
 hours::text AS hours, salary::text AS salary
 FROM people`

	referenceStatus = `SELECT file, state, state = 'completed', rows::text, applied::text, superseded::text, rejected::text FROM imports`
)
