package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// StatusError is an answer with a status other than 2xx.
type StatusError struct {
	Service string
	Code    int
	Request string // method and path
	Answer  string // its beginning
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s: %s answers %d %s: %s", e.Request, e.Service, e.Code, http.StatusText(e.Code), e.Answer)
}

// ask sends one request: body and answer are JSON, either may be nil. Any
// status but 2xx is a StatusError. User may be empty.
func ask(ctx context.Context, service, base, user, password, method, path string, body, answer any) error {
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode %s %s: %w", method, path, err)
		}
		content = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, base+path, content)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	request.Header.Set("Content-Type", "application/json")
	if user != "" {
		request.SetBasicAuth(user, password)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask %s: %w", service, err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err != nil {
		return fmt.Errorf("%s %s: read answer: %w", method, path, err)
	}
	if response.StatusCode/100 != 2 {
		return &StatusError{Service: service, Code: response.StatusCode, Request: method + " " + path, Answer: string(raw[:min(len(raw), 300)])}
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("%s %s: read answer: %w", method, path, err)
	}
	return nil
}
