package reader

import (
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/seatrial/seatrial/harness/boundary"
)

// sink takes a body in pieces. end returns why it could not be read.
type sink interface {
	write(p []byte)
	end() error
}

func newFinder(keys *Keys) *finder {
	f := new(finder)
	f.reset(keys)
	return f
}

// mostDecoded bytes of a compressed body are looked at.
const mostDecoded = 256 << 20

// decoded takes compression off, if there is any.
func decoded(encoding string, to sink) sink {
	var open func(io.Reader) (io.Reader, error)
	switch encoding {
	case "", "identity":
		return to
	case "gzip", "x-gzip":
		open = func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }
	case "deflate":
		open = func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) }
	default:
		return &unread{encoding}
	}
	return pull(func(r io.Reader) error {
		plain, err := open(r)
		if err != nil {
			return errors.Join(err, to.end())
		}
		_, err = io.Copy(writer{to}, io.LimitReader(plain, mostDecoded))
		return errors.Join(err, to.end())
	})
}

// unread is a body in an encoding that nobody here knows.
type unread struct{ encoding string }

func (*unread) write([]byte) {}
func (u *unread) end() error { return fmt.Errorf("its encoding is %q", u.encoding) }

type writer struct{ sink }

func (w writer) Write(p []byte) (int, error) {
	w.write(p)
	return len(p), nil
}

// pulled turns pieces into a stream for a function that reads.
type pulled struct {
	to   *io.PipeWriter
	done chan error
	over bool
}

// pull runs read beside the connection. It sees every byte before write
// returns, and has ended when end returns.
func pull(read func(io.Reader) error) sink {
	from, to := io.Pipe()
	p := &pulled{to: to, done: make(chan error, 1)}
	go func() {
		err := read(from)
		// What it does not want it does not block either.
		from.CloseWithError(io.ErrClosedPipe)
		p.done <- err
	}()
	return p
}

func (p *pulled) write(b []byte) {
	if !p.over {
		_, err := p.to.Write(b)
		p.over = err != nil
	}
}

func (p *pulled) end() error {
	p.to.Close()
	return <-p.done
}

// newReply reads an answer: of a bulk, what became of each item, or of one
// document, its id.
func newReply(ids *items) sink {
	return pull(func(r io.Reader) error { return ids.reply(json.NewDecoder(r)) })
}

// outcome of one document.
type outcome struct {
	ID     string `json:"_id"`
	Status int    `json:"status"`
	Error  *struct {
		Type   string `json:"type"`
		Reason string `json:"reason"`
	} `json:"error"`
}

func (i *items) reply(in *json.Decoder) error {
	begin, err := in.Token()
	if err != nil {
		return err
	}
	if begin != json.Delim('{') {
		return errors.New("it is no object")
	}
	unnamed := !i.named()
	for in.More() {
		key, err := in.Token()
		if err != nil {
			return err
		}
		switch key {
		case "items":
			err = i.outcomes(in, unnamed)
		case "_id":
			var id string
			if err = in.Decode(&id); err == nil && unnamed {
				i.add(id)
			}
		case "error":
			var problem any
			if err = in.Decode(&problem); err == nil {
				i.mu.Lock()
				i.reason, i.failed = short(problem), i.names
				i.mu.Unlock()
			}
		default:
			var ignored json.RawMessage
			err = in.Decode(&ignored)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// outcomes reads the items of a bulk's answer. Those of a request without ids
// get the ids that the index made.
func (i *items) outcomes(in *json.Decoder, unnamed bool) error {
	if begin, err := in.Token(); err != nil || begin != json.Delim('[') {
		return errors.Join(errors.New("its items are no list"), err)
	}
	for in.More() {
		var item map[string]outcome
		if err := in.Decode(&item); err != nil {
			return err
		}
		for _, one := range item {
			if unnamed {
				i.add(one.ID)
			}
			if one.Error == nil && one.Status < 300 {
				continue
			}
			i.fail(one)
		}
	}
	_, err := in.Token()
	return err
}

func (i *items) fail(one outcome) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.reason == "" {
		i.reason = fmt.Sprintf("status %d", one.Status)
		if one.Error != nil {
			i.reason += " " + one.Error.Type + ": " + one.Error.Reason
		}
	}
	if len(i.failed) < boundary.MostNames {
		i.failed = append(i.failed, one.ID)
	}
}

// short is a JSON value in a few words.
func short(value any) string {
	switch v := value.(type) {
	case string:
		return v[:min(len(v), 300)]
	case map[string]any:
		return fmt.Sprintf("%v: %.300v", v["type"], v["reason"])
	}
	return fmt.Sprintf("%.300v", value)
}
