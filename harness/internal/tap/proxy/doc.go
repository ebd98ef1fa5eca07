// Proxy is the process that all traffic between pipeline and services passes:
// a tap that reads the protocols, and Toxiproxy's toxics behind it, with their
// control interfaces kept away from the pipeline.
//
// The tap listens where the pipeline connects. Toxiproxy's own listeners are on
// the loopback interface: canaries fly through them, past the tap.
//
// Environment:
//
//	SEATRIAL_TOKEN    path prefix without which the control interface says 404
//	SEATRIAL_CONTROL  network (CIDR) whose address the control interface takes
//	SEATRIAL_ROUTES   name=listen=upstream, comma separated:
//	                  rabbitmq=:5672=rabbitmq.back:5672; with a fourth part, an address to listen
//	                  on for a pipeline that is no container: rabbitmq=:5672=rabbitmq.back:5672=:15672
//	SEATRIAL_PREFIX   what the names of the run's containers begin with: the rest is the role
//	                  in events, unless the harness tells another
//
// With a host key the tap reads SFTP, too, as an SSH server in front of the
// server; without one it passes SSH unread:
//
//	SEATRIAL_SFTP_HOST_KEY  private Ed25519 key, PEM: what clients are shown
//	SEATRIAL_SFTP_ACCEPT    public keys that clients may log in with, as in authorized_keys
//	SEATRIAL_SFTP_KEY       private key, PEM: what the tap logs in to the server with for these
//
// Only what makes a process of it belongs here: how connections are taken and
// held belongs into package relay, how protocols are read into package reader.
package main
