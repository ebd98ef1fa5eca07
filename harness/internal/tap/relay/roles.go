package relay

import (
	"context"
	"net"
	"strings"
	"sync"
	"time"
)

// roles knows whose address is whose: as the harness said, and where it has
// not said it yet, by the name that the network gives the address (Docker's
// resolver answers with the container's name).
type roles struct {
	prefix string // of the names of this run's containers: no part of a role
	mu     sync.RWMutex
	byName map[string]string // address or container name → role
}

func (r *roles) set(byName map[string]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byName = byName
}

// of returns a role, or the best there is: the container's name without what
// all names of the run begin with, the address.
func (r *roles) of(address, name string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if role, ok := r.byName[address]; ok {
		return role
	}
	if role, ok := r.byName[name]; ok && name != "" {
		return role
	}
	if name != "" {
		return strings.TrimPrefix(name, r.prefix)
	}
	return address
}

func (r *roles) knows(address string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, known := r.byName[address]
	return known
}

// lookupWithin bounds the question for an address's name: a connection waits
// for the answer.
const lookupWithin = time.Second

// named asks for the name of an address: of "seatrial-x-loader.seatrial-x-front."
// what is before the first dot. It is empty where there is none.
func named(ctx context.Context, address string) string {
	ctx, cancel := context.WithTimeout(ctx, lookupWithin)
	defer cancel()
	names, err := net.DefaultResolver.LookupAddr(ctx, address)
	if err != nil || len(names) == 0 {
		return ""
	}
	name, _, _ := strings.Cut(names[0], ".")
	return name
}
