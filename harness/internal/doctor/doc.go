// Package doctor looks at what runs need of this machine: an engine, memory, disk, ports, images, and what faults it can do.
//
// Here belongs what can be seen without starting a container, in seconds. Making what is missing does not (image,
// fixtures/images/engine.sh).
package doctor
