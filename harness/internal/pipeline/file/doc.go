// Package file reads seatrial.yaml: the description of somebody's own pipeline.
//
// Format has the keys as Go types; each says in its tags what it is for, so that
// the parser, the JSON Schema for editors and the tests know the same keys. Read
// parses strictly and collects all that is wrong, each with its line and column;
// what it returns can be started. Compose brings roles out of a compose file.
//
// What a pipeline is once it was read stands in package pipeline; how files of
// its records are written in package workload.
package file
