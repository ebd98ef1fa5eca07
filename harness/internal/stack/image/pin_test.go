package image

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPins(t *testing.T) {
	t.Setenv("TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX", "")
	require.Empty(t, Pin{}.ref(Postgres))
	require.Equal(t, "postgres:16", Pin{Version: "16"}.ref(Postgres))
	require.Equal(t, "rabbitmq:3.13-management", Pin{Version: "3.13"}.ref(RabbitMQ))
	require.Equal(t, "rabbitmq:3.13-management", Pin{Version: "3.13-management"}.ref(RabbitMQ))
	require.Equal(t, "corp/pg:1", Pin{Image: "corp/pg:1", Version: "16"}.ref(Postgres))

	t.Setenv("TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX", "mirror.example/hub")
	require.Equal(t, "mirror.example/hub/postgres:16", Pin{Version: "16"}.ref(Postgres))
	require.Equal(t, "mirror.example/hub/team/app:1", hubbed("team/app:1"))
	require.Equal(t, "registry.example/app:1", hubbed("registry.example/app:1"))

	r := &resolver{pins: map[Kind]Pin{Postgres: {Image: "corp/pg:1"}}}
	ref, where := r.pinned(Postgres)
	require.Equal(t, "corp/pg:1", ref)
	require.Equal(t, "the pipeline's services.postgres", where)
	t.Setenv("SEATRIAL_IMAGE_POSTGRES", "mine:2")
	ref, where = r.pinned(Postgres)
	require.Equal(t, "mine:2", ref, "what is said for this call goes before")
	require.Equal(t, "SEATRIAL_IMAGE_POSTGRES", where)
}

func TestIsVersion(t *testing.T) {
	for _, test := range []struct {
		said, wanted string
		is           bool
	}{
		{"PostgreSQL 15.14", "15", true}, {"PostgreSQL 15.14", "15.14", true}, {"PostgreSQL 15.14", "15.1", false},
		{"PostgreSQL 15.14", "1", false}, {"RabbitMQ 3.10.8", "3.10", true}, {"Elasticsearch (7.17.29)", "7.17.29", false},
	} {
		require.Equal(t, test.is, isVersion(test.said, test.wanted), "%v", test)
	}
}
