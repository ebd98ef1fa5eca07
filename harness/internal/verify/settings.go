package verify

import (
	"bufio"
	"bytes"
	"cmp"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Settings are addresses and credentials: from the environment, or from a file that
// goes before it. They are never taken from the command line, where everybody on
// the machine can read them.
type Settings struct {
	file   map[string]string
	getenv func(string) string
}

// ReadSettings reads a file with lines NAME=VALUE; without one, the environment is
// all.
func ReadSettings(name string, getenv func(string) string) (Settings, error) {
	s := Settings{file: map[string]string{}, getenv: getenv}
	if name == "" {
		return s, nil
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return s, usage("read the file of the settings: %w", err)
	}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, found := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		if key = strings.TrimSpace(key); !found || key == "" || strings.ContainsAny(key, " \t") {
			return s, usage("%s line %d is not NAME=VALUE", name, n) // and is not shown: it may be a secret
		}
		s.file[key] = unquoted(strings.TrimSpace(value))
	}
	if err := lines.Err(); err != nil {
		return s, usage("read %s: %w", name, err)
	}
	return s, nil
}

// ReadByOthers reports whether others than its owner can read a file.
func ReadByOthers(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().Perm()&0o077 != 0
}

func unquoted(value string) string {
	if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		return value[1 : n-1]
	}
	return value
}

// Get returns a setting; empty: it is not set.
func (s Settings) Get(name string) string {
	if value, ok := s.file[name]; ok {
		return value
	}
	if s.getenv == nil {
		return ""
	}
	return s.getenv(name)
}

// secrets are the parts of settings that nobody is to see, longest first.
func (s Settings) secrets() []string {
	list := []string{s.Get("ELASTICSEARCH_API_KEY"), s.Get("SFTP_PASSWORD"), s.Get("SFTP_KEY_PASSPHRASE"), s.Get("PGPASSWORD")}
	for _, name := range []string{"POSTGRES_URL", "ELASTICSEARCH_URL"} {
		address := s.Get(name)
		_, behind, found := strings.Cut(address, "://")
		if at := strings.LastIndex(behind, "@"); found && at >= 0 { // however badly it is written
			_, password, _ := strings.Cut(behind[:at], ":")
			list = append(list, address, password)
			if decoded, err := url.PathUnescape(password); err == nil {
				list = append(list, decoded)
			}
		}
	}
	if config, err := pgconn.ParseConfig(s.Get("POSTGRES_URL")); err == nil {
		list = append(list, config.Password)
	}
	list = slices.DeleteFunc(list, func(secret string) bool { return len(secret) < 4 })
	slices.SortFunc(list, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return list
}

// Hide takes credentials out of a text.
func (s Settings) Hide(text string) string {
	for _, secret := range s.secrets() {
		text = strings.ReplaceAll(text, secret, "xxxxx")
	}
	return text
}

// hidden is an error without credentials in its text.
type hidden struct {
	text string
	err  error
}

func (h *hidden) Error() string { return h.text }
func (h *hidden) Unwrap() error { return h.err }

func (s Settings) hide(err error) error {
	if err == nil {
		return nil
	}
	return &hidden{s.Hide(err.Error()), err}
}
