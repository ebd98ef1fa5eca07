// Package tap is what stands between pipeline and services, as the harness
// sees it: where breakpoints are armed, events streamed and toxics put on.
//
// On the front network the names sftp, rabbitmq, postgres and elasticsearch
// belong to the proxy, so that every connection of the pipeline passes it,
// whatever happens to the service behind:
//
//	pipeline ──front──▶ tap: reads, counts, holds ─▶ toxics ──back──▶ service
//	                     │ events, breakpoints         ▲
//	                     ▼                             │
//	                    control interface ─────────────┘ (Toxiproxy's own, and canaries)
//
// Both control interfaces listen on the back network only and answer only
// under a path that begins with the run's token.
//
//	(harness/boundary: the words: kinds of events, an event, a breakpoint)
//	reader    the protocols
//	relay     connections, holds, the SFTP gateway, the control interface's other side
//	toxic     Toxiproxy behind the tap
//	proxy     the process
//	bench     what the tap costs, measured
//	taptest   what tests of all these put on either side of it
//
// What a fault does with a connection belongs into package fault.
package tap
