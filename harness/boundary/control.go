package boundary

// What crosses between the harness and the tap's control interface.

// Line is a line of the stream of events: an event, or how many are forgotten
// because the stream fell behind.
type Line struct {
	*Event
	Gap int64 `json:"gap,omitempty"`
}

// State is a line about a breakpoint.
type State struct {
	ID    int64    `json:"id"`
	State string   `json:"state"`           // armed, held, over
	Event *Event   `json:"event,omitempty"` // held: where
	End   *Release `json:"end,omitempty"`   // over: how
}

// Release says how a breakpoint ended.
type Release struct {
	Mode Mode   `json:"mode,omitempty"` // empty: it never held
	Why  string `json:"why"`            // asked, cut, maximum, reset, "the harness is gone"
	// Err says why the bytes could not go on: the connection was gone meanwhile.
	Err     string  `json:"error,omitempty"`
	Seconds float64 `json:"seconds"` // held
}

// Connection is one that is open.
type Connection struct {
	ID      int64  `json:"id"`
	Service string `json:"service"`
	Role    string `json:"role"`
	Address string `json:"address"`
}

// KeyPattern describes what keys of records look like, for the tap to find
// them in any content.
type KeyPattern struct {
	Prefix string `json:"prefix"` // at least 3 bytes
	Length int    `json:"length"` // bytes, prefix included; at most 64
}
