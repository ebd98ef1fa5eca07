// Package boundary holds the words of the wire: the protocol events at which
// responsibility for records changes hands, and what a breakpoint waits for.
//
// How a protocol is read belongs into package reader, how connections are held
// into package relay.
package boundary
