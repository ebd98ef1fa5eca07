package boundary

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBreakpointMatches(t *testing.T) {
	e := &Event{Service: "postgres", Role: "loader", Kind: Committed, Target: "people", Records: []string{"K1", "K2"}}
	for name, test := range map[string]struct {
		b    Breakpoint
		want bool
	}{
		"kind only":      {Breakpoint{Kind: Committed}, true},
		"all":            {Breakpoint{Service: "postgres", Role: "loader", Kind: Committed, Target: "people", Record: "K2"}, true},
		"its class":      {e.Class().At(1, time.Second), true},
		"other kind":     {Breakpoint{Kind: Acked}, false},
		"other service":  {Breakpoint{Kind: Committed, Service: "rabbitmq"}, false},
		"other role":     {Breakpoint{Kind: Committed, Role: "indexer"}, false},
		"other target":   {Breakpoint{Kind: Committed, Target: "outbox"}, false},
		"other routing":  {Breakpoint{Kind: Committed, Routing: "record"}, false},
		"another record": {Breakpoint{Kind: Committed, Record: "K3"}, false},
	} {
		require.Equal(t, test.want, test.b.Matches(e), name)
	}
}

func TestBreakpointValidate(t *testing.T) {
	good := Breakpoint{Kind: Acked, Nth: 1, Max: time.Minute}
	require.NoError(t, good.Validate())
	require.NoError(t, good.With(0).Validate())
	for wrong, change := range map[string]func(*Breakpoint){
		"needs a kind":                     func(b *Breakpoint) { b.Kind = "" },
		`"burnt"`:                          func(b *Breakpoint) { b.Kind = "burnt" },
		"record is -1":                     func(b *Breakpoint) { *b = b.With(-1) },
		"names none":                       func(b *Breakpoint) { b.Kind = IndexRequested; *b = b.With(0) },
		`"file fetched", which names none`: func(b *Breakpoint) { b.Kind = FileFetched; b.Record = "K1" },
		"nth is 0":                         func(b *Breakpoint) { b.Nth = 0 },
		"maximum is 0":                     func(b *Breakpoint) { b.Max = 0 },
		"at most 10m":                      func(b *Breakpoint) { b.Max = time.Hour },
		"settles for":                      func(b *Breakpoint) { b.Settle = time.Minute },
	} {
		bad := good
		change(&bad)
		require.ErrorContains(t, bad.Validate(), wrong)
	}
}
