package stack

// Endpoints is how the harness itself reaches the services: through ports on
// 127.0.0.1, past the proxy.
type Endpoints struct {
	SFTPAddr     string // host:port
	SFTPUser     string
	SFTPPassword string
	SFTPHostKey  string // authorized_keys line of the server's ed25519 key
	SFTPECDSAKey string // and of the key that taps show to clients that do not know ed25519

	AMQPAddr     string // host:port
	AMQPUser     string
	AMQPPassword string
	AMQPVhost    string

	ManagementURL string // http://host:port of RabbitMQ's management interface

	PostgresURL      string // postgres://user:password@host:port/database?sslmode=disable
	ElasticsearchURL string // http://host:port
}
