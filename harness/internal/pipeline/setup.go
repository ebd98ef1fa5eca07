package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/seatrial/seatrial/harness/internal/stack"
)

// Prepare puts into the services what the pipeline finds there before it starts:
// tables, queues, indices that others make in production.
func Prepare(ctx context.Context, s *stack.Stack, setup Setup) error {
	if len(setup.SQL) > 0 {
		if err := runSQL(ctx, s, setup.SQL); err != nil {
			return err
		}
	}
	if d := setup.Definitions; d != nil {
		path := "/definitions/" + url.PathEscape(s.Endpoints().AMQPVhost)
		if err := s.Manage(ctx, "POST", path, json.RawMessage(d.Content), nil); err != nil {
			return fmt.Errorf("set up RabbitMQ with %s: %w", d.Name, err)
		}
	}
	for _, script := range setup.Elastic {
		requests, err := ElasticRequests(script)
		if err != nil {
			return err
		}
		for _, request := range requests {
			var body any
			if request.Body != "" {
				body = json.RawMessage(request.Body)
			}
			if err := s.Elastic(ctx, request.Method, request.Path, body, nil); err != nil {
				return fmt.Errorf("set up Elasticsearch with %s: %w", script.Name, err)
			}
		}
	}
	return nil
}

func runSQL(ctx context.Context, s *stack.Stack, scripts []Script) error {
	conn, err := pgx.Connect(ctx, s.Endpoints().PostgresURL)
	if err != nil {
		return fmt.Errorf("set up Postgres: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, script := range scripts {
		// The simple protocol takes several statements, and runs them as one transaction.
		if _, err := conn.PgConn().Exec(ctx, script.Content).ReadAll(); err != nil {
			return fmt.Errorf("set up Postgres with %s: %w", script.Name, err)
		}
	}
	return nil
}

// ElasticRequests reads a script of requests: each is a line with method and path
// and then, up to the next such line, its body in JSON.
func ElasticRequests(script Script) ([]Request, error) {
	var requests []Request
	for i, line := range strings.Split(script.Content, "\n") {
		method, path, two := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case two && (method == "PUT" || method == "POST" || method == "DELETE") && strings.HasPrefix(path, "/"):
			requests = append(requests, Request{Method: method, Path: path})
		case len(requests) > 0:
			requests[len(requests)-1].Body += line + "\n"
		case strings.TrimSpace(line) != "":
			return nil, fmt.Errorf("%s, line %d: a request begins with its method and path, as in \"PUT /people\"", script.Name, i+1)
		}
	}
	for i := range requests {
		if requests[i].Body = strings.TrimSpace(requests[i].Body); requests[i].Body != "" && !json.Valid([]byte(requests[i].Body)) {
			return nil, fmt.Errorf("%s: the body of %s %s is no JSON", script.Name, requests[i].Method, requests[i].Path)
		}
	}
	return requests, nil
}
