package file

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/internal/pipeline"
)

func TestCompose(t *testing.T) {
	spec, err := Read("testdata/compose")
	require.NoError(t, err)
	require.Len(t, spec.Roles, 1)
	loader := spec.Roles[0]
	here, err := filepath.Abs("testdata/compose")
	require.NoError(t, err)
	require.Equal(t, "loader", loader.Name)
	require.Equal(t, []string{"writer"}, loader.Aliases, "others call it so")
	require.Equal(t, filepath.Join(here, "app"), loader.Build.Context)
	require.Equal(t, map[string]string{"VERSION": "1"}, loader.Build.Args)
	require.Equal(t, []string{"run", "--workers", "4"}, loader.Command)
	require.Equal(t, "1000", loader.User)
	require.Equal(t, "/app", loader.WorkingDir)
	require.Equal(t, int64(512<<20), loader.MemoryBytes, "what the description says goes before")
	require.Equal(t, "on-failure", loader.Restart)
	require.Equal(t, map[string]string{"state": "/var/state"}, loader.Mounts)
	require.Equal(t, "a=b\n", loader.Files["/etc/app.conf"].Content)
	require.Equal(t, &pipeline.Ready{Command: []string{"/bin/sh", "-c", "test -f /ready"}}, loader.Ready)
	require.Equal(t, map[string]string{
		"DATABASE_URL": "${POSTGRES_URL}", "AMQP": "${AMQP_URL}", "SEARCH_HOST": "${ELASTICSEARCH_HOST}", "DB_PASSWORD": "${POSTGRES_PASSWORD}", "GREETING": "cost is $${PRICE}",
	}, loader.Env)
	require.ElementsMatch(t, []string{"cache", "schema"}, loader.After)

	names := map[string]pipeline.Role{}
	for _, extra := range spec.Extra {
		names[extra.Name] = extra
	}
	require.Len(t, names, 2, "not the replaced ones, not what is left out, not those of other profiles")
	require.Equal(t, "redis:7", names["cache"].Image)
	require.Equal(t, &pipeline.Ready{Exits: true}, names["schema"].Ready, "another waits for its end")
	require.Empty(t, names["schema"].After)
}

func TestComposeRefuses(t *testing.T) {
	description, err := os.ReadFile("testdata/compose/seatrial.yaml")
	require.NoError(t, err)
	services, err := os.ReadFile("testdata/compose/docker-compose.yml")
	require.NoError(t, err)
	for says, change := range map[string][2]string{
		`seatrial.yaml:7:3: roles.loader: DATABASE_URL of service loader is "postgres://shop:secret@db:5432/shop?sslmode=disable", and seatrial brings postgres instead of db: set it under environment, for example DATABASE_URL: ${POSTGRES_URL}`: {"      DATABASE_URL: ${POSTGRES_URL}\n", ""},
		"for example SEARCH_HOST: ${ELASTICSEARCH_HOST}":                                                              {"      SEARCH_HOST: ${ELASTICSEARCH_HOST}\n", ""},
		"DB_PASSWORD of service loader is POSTGRES_PASSWORD of db, which seatrial brings with other":                  {"      DB_PASSWORD: ${POSTGRES_PASSWORD}\n", ""},
		"compose: DATABASE_URL of service migrate is":                                                                 {"extra:\n  schema:\n    service: migrate\n    environment: {DATABASE_URL: \"${POSTGRES_URL}\"}\n", ""},
		`seatrial.yaml:8:14: roles.loader.service: the compose file has no service "writers": did you mean "writer"?`: {"service: writer", "service: writers"},
		"roles.loader.service: seatrial brings postgres instead of that service":                                      {"service: writer", "service: db"},
		`compose.replace.filez: the compose file has no service "filez": did you mean "files"?`:                       {"replace: {files", "replace: {filez"},
		`compose.leave[0]: the compose file has no service "post"`:                                                    {"leave: [mail]", "leave: [post]"},
		"compose.leave leaves that service out":                                                                       {"service: migrate", "service: mail"},
		"roles.loader.service: compose is missing":                                                                    {"compose:\n  file: docker-compose.yml\n  replace: {files: sftp}\n  leave: [mail]\n", ""},
		"compose.file: service cache has privileged, which is not supported":                                          {"    image: redis:7", "    image: redis:7\n    privileged: true"},
		"compose.file: service cache mounts a tmpfs at /x":                                                            {"    image: redis:7", "    image: redis:7\n    volumes: [{type: tmpfs, target: /x}]"},
		"compose.file: service cache mounts /dev/null, which is copied":                                               {"    image: redis:7", "    image: redis:7\n    volumes: [/dev/null:/x]"},
		"compose.file: read the compose file: dependency cycle":                                                       {"    image: redis:7", "    image: redis:7\n    depends_on: [cache]"},
		"seatrial has a container that is called proxy":                                                               {"  cache:\n    image", "  proxy: {image: nginx}\n  cache:\n    image"},
		"compose.file: read the compose file:":                                                                        {"services:\n  db:", "services: 1\nx:\n  db:"},
		"roles.loader.ready.exits: a role goes on":                                                                    {"    memory: 512MiB", "    ready: {exits: true}"},
	} {
		t.Run(says, func(t *testing.T) {
			folder := t.TempDir()
			require.NoError(t, os.CopyFS(folder, os.DirFS("testdata/compose")))
			changed := 0
			for name, content := range map[string][]byte{Name: description, "docker-compose.yml": services} {
				text := strings.ReplaceAll(string(content), change[0], change[1])
				if text != string(content) {
					changed++
				}
				require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
			}
			require.Positive(t, changed)
			_, err := Read(folder)
			require.ErrorAs(t, err, new(Problems))
			require.ErrorContains(t, err, says)
		})
	}
}

func TestNamesOfHosts(t *testing.T) {
	for text, is := range map[string]bool{
		"db": true, "db:5432": true, "postgres://u:p@db/x": true, "jdbc:postgresql://db:5432/x": true, "a,db,c": true, "host=db port=1": true,
		"dbx": false, "my-db": false, "mydb:1": false, "db.example": false, "": false,
	} {
		require.Equal(t, is, names(text, "db"), text)
	}
	require.Equal(t, "jdbc:postgresql://${POSTGRES_HOST}:${POSTGRES_PORT}/${POSTGRES_DATABASE}", address("postgres", "jdbc:postgresql://db/x"))
	require.Equal(t, "${AMQP_HOST}:${AMQP_PORT}", address("rabbitmq", "mq:5672"))
}
