package pipeline

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/internal/stack"
)

func TestFill(t *testing.T) {
	known := func(name string) (string, bool) {
		value, ok := map[string]string{"from": "7", "HOST": "sftp"}[name]
		return value, ok
	}
	for text, want := range map[string]string{
		"${HOST}:22": "sftp:22", "--from=${from}": "--from=7", "${other}": "${other}", "$HOST": "$HOST", "pa$$word": "pa$$word", "$${HOST}": "${HOST}", "${HOST}${from}": "sftp7", "": "",
	} {
		require.Equal(t, want, filled(text, known), text)
	}
	require.Equal(t, "$${HOST}", Fill("$${HOST}", known), "it is kept until the last time")
	require.Equal(t, []string{"HOST", "other"}, Variables("${HOST} $${from} ${other} $from"))
}

func TestOperationsSayWhatTheyNeed(t *testing.T) {
	o := Operation{Role: "${role}", Command: []string{"a", "${from}"}, Env: map[string]string{"A": "${NEXT_AMQP_URL}"},
		HTTP: &Request{Path: "/${replica}", Headers: map[string]string{"X": "${x}"}}, Drop: &Drop{Name: "${from_file}"}}
	require.ElementsMatch(t, []string{"role", "from", "NEXT_AMQP_URL", "replica", "x", "from_file"}, o.variables())
	for _, name := range []string{"NEXT_AMQP_URL", "POSTGRES_URL", "SFTP_HOST_KEY", "ELASTICSEARCH_PORT", "AMQP_VHOST"} {
		require.Contains(t, stack.PipelineVariables, name)
	}
}

func TestElasticRequests(t *testing.T) {
	requests, err := ElasticRequests(Script{"setup", "\nPUT /people\n{\n  \"mappings\": {}\n}\n\nDELETE /old\nPOST /_aliases\n{\"actions\": []}\n"})
	require.NoError(t, err)
	require.Equal(t, []Request{{Method: "PUT", Path: "/people", Body: "{\n  \"mappings\": {}\n}"}, {Method: "DELETE", Path: "/old"}, {Method: "POST", Path: "/_aliases", Body: "{\"actions\": []}"}}, requests)
	_, err = ElasticRequests(Script{"setup", "{}\nPUT /a"})
	require.ErrorContains(t, err, "setup, line 1: a request begins with its method and path")
	_, err = ElasticRequests(Script{"setup", "PUT /a\n{"})
	require.ErrorContains(t, err, "the body of PUT /a is no JSON")
}

func FuzzElasticRequests(f *testing.F) {
	f.Add("PUT /people\n{}\nDELETE /old")
	f.Fuzz(func(t *testing.T, content string) {
		requests, err := ElasticRequests(Script{"setup", content})
		if err == nil {
			for _, request := range requests {
				require.NotEmpty(t, request.Method)
				require.Equal(t, byte('/'), request.Path[0])
			}
		}
	})
}
