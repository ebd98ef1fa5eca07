package stack

import "context"

// Elastic sends one request to Elasticsearch, past the proxy: body and answer
// are JSON, either may be nil. Any status but 2xx is a StatusError.
func (s *Stack) Elastic(ctx context.Context, method, path string, body, answer any) error {
	return ask(ctx, Elasticsearch, s.endpoints.ElasticsearchURL, "", "", method, path, body, answer)
}
