// Package tap is what stands between pipeline and services: the proxy process
// and how the harness controls it.
//
// On the front network the names sftp, rabbitmq, postgres and elasticsearch
// belong to the proxy, so that every connection of the pipeline passes it,
// whatever happens to the service behind:
//
//	pipeline ──front──▶ proxy (one Toxiproxy listener a service) ──back──▶ service
//
// The proxy's control interface listens on the back network only and answers
// only under a path that begins with the run's token.
//
// Protocol readers and breakpoints belong here too; what a fault does with a
// connection belongs into package fault.
package tap
