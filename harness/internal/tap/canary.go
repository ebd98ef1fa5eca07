package tap

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// canaryPatience is how long a canary waits for the service's answer.
const canaryPatience = 5 * time.Second

// greeting is what a client says for a service to answer.
var greeting = map[string]string{
	sftpService:     "SSH-2.0-canary\r\n",
	"rabbitmq":      "AMQP\x00\x00\x09\x01",                   // protocol header
	"rabbitmq-next": "AMQP\x00\x00\x09\x01",                   //
	"postgres":      "\x00\x00\x00\x08\x04\xd2\x16\x2f",       // SSLRequest
	"elasticsearch": "GET / HTTP/1.0\r\nHost: canary\r\n\r\n", //
}

// sftpService is the one whose server speaks before it is spoken to.
const sftpService = "sftp"

// Canary is how one small exchange through the proxy went.
type Canary struct {
	Seconds float64 `json:"seconds"` // until the answer or the error
	Error   string  `json:"error"`   // empty: the service answered
	GaveUp  bool    `json:"gave_up"` // nothing came within the canary's patience
}

// Fly opens a connection to the proxy's listener for a service, as a pipeline
// would, greets and waits for the first byte of the answer to that.
func Fly(ctx context.Context, service, listener string) Canary {
	return fly(ctx, service, listener, canaryPatience)
}

func fly(ctx context.Context, service, listener string, patience time.Duration) Canary {
	begun := time.Now()
	err := exchange(ctx, service, listener, patience)
	canary := Canary{Seconds: time.Since(begun).Seconds()}
	if err != nil {
		canary.Error = err.Error()
		canary.GaveUp = errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)
	}
	return canary
}

func exchange(ctx context.Context, service, address string, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
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
	if _, err := io.WriteString(conn, greeting[service]); err != nil {
		return err
	}
	answer := bufio.NewReader(conn)
	// What an SSH server says first says nothing of the way towards it: its
	// answer is what follows its own version.
	for version := service != sftpService; !version; {
		line, err := answer.ReadString('\n')
		if err != nil {
			return err
		}
		version = strings.HasPrefix(line, "SSH-")
	}
	_, err = answer.ReadByte()
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
