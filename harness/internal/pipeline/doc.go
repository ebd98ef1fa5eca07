// Package pipeline is what is under test: what a pipeline declares of itself
// (Spec), the reference pipeline's declaration, and the containers of a
// pipeline that runs on a stack. Package file makes a Spec of a seatrial.yaml.
//
// What the reference pipeline does stands in fixtures/importer; how its
// effects are read in package observe; what is made of them in package check.
package pipeline
