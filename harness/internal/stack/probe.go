package stack

import (
	"context"
	"fmt"
	"net/http"

	"github.com/jackc/pgx/v5"

	"github.com/seatrial/seatrial/harness/fault"
)

// probe returns the proof that a service works: a question in its own
// protocol that it can answer only when it does its work.
func (s *Stack) probe(service string) func(context.Context) (string, error) {
	return map[string]func(context.Context) (string, error){
		SFTP: s.probeSFTP, Postgres: s.probePostgres, Elasticsearch: s.probeElasticsearch,
	}[service]
}

func (s *Stack) probeSFTP(ctx context.Context) (string, error) {
	client, err := DialSFTP(ctx, s.endpoints)
	if err != nil {
		return "", err
	}
	defer client.Close()
	entries, err := client.ReadDirContext(ctx, "/")
	if err != nil {
		return "", fmt.Errorf("list / on sftp: %w", err)
	}
	return fmt.Sprintf("listing of / has %d entries", len(entries)), nil
}

func (s *Stack) probePostgres(ctx context.Context) (string, error) {
	conn, err := pgx.Connect(ctx, s.endpoints.PostgresURL)
	if err != nil {
		return "", fmt.Errorf("connect to postgres: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var recovering bool
	if err := conn.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&recovering); err != nil {
		return "", fmt.Errorf("query postgres: %w", err)
	}
	if recovering {
		return "", fmt.Errorf("postgres is in recovery")
	}
	return "SELECT answers, not in recovery", nil
}

// probeElasticsearch wants every primary shard assigned: a server that
// answers while its shards are missing does not work yet. Where the cluster
// is told to hold its shards back (a fault of its own), answering is all that
// can be asked.
func (s *Stack) probeElasticsearch(ctx context.Context) (string, error) {
	var health struct {
		Status     string `json:"status"`
		Unassigned int    `json:"unassigned_shards"`
	}
	if err := s.Elastic(ctx, http.MethodGet, "/_cluster/health", nil, &health); err != nil {
		return "", err
	}
	if health.Status != "red" {
		return "cluster health is " + health.Status, nil
	}
	var settings struct {
		Persistent map[string]any `json:"persistent"`
	}
	if err := s.Elastic(ctx, http.MethodGet, "/_cluster/settings?flat_settings=true", nil, &settings); err != nil {
		return "", err
	}
	if fmt.Sprint(settings.Persistent[fault.InitialRecoveries]) == "0" {
		return "it answers; cluster health is red while its shards are held back", nil
	}
	return "", fmt.Errorf("cluster health is red, %d shards are not assigned", health.Unassigned)
}
