// Package send puts a workload's files onto SFTP and says of each, in the
// history, whether the server acknowledged it, surely did not take it, or left
// it open. What is sent is package workload's business, what became of it is
// package observe's.
package send
