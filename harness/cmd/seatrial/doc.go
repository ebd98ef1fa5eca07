// Command seatrial puts import pipelines through trials on real services and
// proves record by record what came through.
//
// One file per command: it reads flags, calls the harness and prints. Results
// go to standard output (with --json for machines), progress and complaints
// to standard error. What a command needs of the rest of the project stands
// in world.go, so that tests can run every command without Docker.
//
// Exit codes: 0 valid, 1 invalid, 2 usage or a bad file (before anything
// starts), 3 infra, 4 aborted, 5 undo failed, 6 unknown, 130 interrupted.
package main
