package tap

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// canaryPatience is how long a canary waits for the service's first byte.
const canaryPatience = 5 * time.Second

// greeting is what a client has to say before a service answers anything.
var greeting = map[string]string{
	"sftp":          "",                                       // the server speaks first
	"rabbitmq":      "AMQP\x00\x00\x09\x01",                   // protocol header
	"postgres":      "\x00\x00\x00\x08\x04\xd2\x16\x2f",       // SSLRequest
	"elasticsearch": "GET / HTTP/1.0\r\nHost: canary\r\n\r\n", //
}

// Canary is how one small exchange through the proxy went.
type Canary struct {
	Seconds float64 `json:"seconds"` // until the first byte or the error
	Error   string  `json:"error"`   // empty: the service answered
}

// Fly opens a connection to the proxy's listener for a service, as a pipeline
// would, greets and waits for the first byte.
func Fly(ctx context.Context, service, listener string) Canary {
	begun := time.Now()
	err := exchange(ctx, listener, greeting[service])
	canary := Canary{Seconds: time.Since(begun).Seconds()}
	if err != nil {
		canary.Error = err.Error()
	}
	return canary
}

func exchange(ctx context.Context, address, greeting string) error {
	ctx, cancel := context.WithTimeout(ctx, canaryPatience)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, greeting); err != nil {
		return err
	}
	_, err = io.ReadFull(conn, make([]byte, 1))
	return err
}

// Canary asks the proxy to fly one to a service.
func (c *Control) Canary(ctx context.Context, service string) (Canary, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/canary/"+service, nil)
	if err != nil {
		return Canary{}, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return Canary{}, fmt.Errorf("ask the proxy for a canary: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return Canary{}, fmt.Errorf("ask the proxy for a canary to %s: it answers %s", service, response.Status)
	}
	var canary Canary
	if err := json.NewDecoder(response.Body).Decode(&canary); err != nil {
		return Canary{}, fmt.Errorf("read the proxy's canary: %w", err)
	}
	return canary, nil
}
