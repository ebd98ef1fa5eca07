// Package reader watches protocols go by: AMQP 0-9-1, Postgres v3, HTTP/1.1
// and SFTP. A reader sees both directions of one connection, in pieces of any
// size, and says where boundaries are. It changes nothing, keeps no payload,
// and gives up on what it cannot read:
//
//	bytes of one direction ──▶ Reader ──▶ marks: "hold from this offset on", events
//
// What is done at a mark belongs into package relay.
package reader
