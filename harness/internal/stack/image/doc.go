// Package image finds the images of a run: the official ones where they are here or a registry can be reached, built
// from the distribution's packages where not; and it makes images of this repository's own programs.
//
// Here belongs where an image comes from. What is in one does not (fixtures/images), nor what is done with it (stack).
package image
