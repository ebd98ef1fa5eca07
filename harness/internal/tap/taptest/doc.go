// Package taptest has what tests of the tap's packages put on either side of
// it: services on 127.0.0.1, and a place for a tap to listen.
//
// What only one package's tests need belongs into that package's tests.
package taptest
