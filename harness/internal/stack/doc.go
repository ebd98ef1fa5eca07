// Package stack is the containers and networks of one run: four services and
// the proxy, their ports, probes, limits, labels and what removes them.
//
//	front (internal): pipeline roles, proxy under the names sftp, rabbitmq, postgres, elasticsearch
//	back:             services, proxy; ports published on 127.0.0.1 for the harness
//
// A role's container lives in the network of another, which does nothing and
// stays: its place (place.go).
//
// What runs in the pipeline's containers is package pipeline's, which images
// are used is package image's.
package stack
