// Package verify compares what was sent (real files, in a folder or on SFTP) with
// what stands in Postgres and Elasticsearch, for staging and for the last check
// before a release. It reads, and never writes.
//
// The way of one comparison stands in Compare (compare.go): read the files, read
// the places, look whether anything moved meanwhile, then join all of it by key and
// judge one key after the other. What is read goes through package spill, so
// nothing that is proportional to the number of records stays in memory.
//
// What places show comes in as Place: postgres.go, elastic.go and confirmations.go
// make them of services, tests of slices.
package verify
