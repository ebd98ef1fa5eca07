package stack

// Endpoints is how the harness itself reaches the services: through ports on
// 127.0.0.1, past the proxy.
type Endpoints struct {
	SFTPAddr     string // host:port
	SFTPUser     string
	SFTPPassword string
	SFTPHostKey  string // authorized_keys line of the server's ed25519 key

	AMQPAddr     string // host:port
	AMQPUser     string
	AMQPPassword string
	AMQPVhost    string

	ManagementURL string // http://host:port of RabbitMQ's management interface

	PostgresURL      string // postgres://user:password@host:port/database?sslmode=disable
	ElasticsearchURL string // http://host:port
}
