package fault

import "github.com/seatrial/seatrial/harness/workload"

// Faults of uploads, as faults in the data (see there): what is unusual is
// how files come, and when.

// PartialUpload breaks the upload of every nth file off within a row; after
// another file was taken it is repeated as a whole.
func PartialUpload(every int) Fault {
	return upload("partial-upload", every, workload.BrokenOff, func(c *workload.Config) { c.Uploads.CutEvery = every })
}

// SlowUpload writes every nth file under its final name and ends it only after
// another file was taken.
func SlowUpload(every int) Fault {
	return upload("slow-upload", every, workload.Slow, func(c *workload.Config) { c.Uploads.SlowEvery = every })
}

// ReDrop drops every nth file a second time after it was taken.
func ReDrop(every int) Fault {
	return upload("re-drop", every, workload.DroppedAgain, func(c *workload.Config) { c.Uploads.AgainEvery = every })
}

// SameName gives every nth file the name of the one before it, and sends it
// after that was taken.
func SameName(every int) Fault {
	return upload("same-name", every, workload.SameNamed, func(c *workload.Config) { c.Uploads.SameNameEvery = every })
}

// LateDeltas sends every nth file after the one that was written after it, and
// that was taken already: deltas out of order, two files for one key in flight.
func LateDeltas(every int) Fault {
	return upload("out-of-order-deltas", every, workload.Late, func(c *workload.Config) { c.Uploads.LateEvery = every })
}

func upload(name string, every int, trait workload.Trait, change func(*workload.Config)) Fault {
	return Fault{Name: name, Target: SFTP, Detail: nth(every), Data: change, prepare: carried(trait)}
}
