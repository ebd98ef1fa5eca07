package fault

import (
	"context"
	"fmt"

	"github.com/seatrial/seatrial/harness/workload"
)

// Faults in the data are made when the run is planned (Fault.Data), so that
// the harness knows what it sends. Nothing happens when they are injected:
// they are proved by the server's acknowledgement of what carries them, and
// over when the last of that was dealt with. The operations that travel with
// them are what is under way.

// PoisonRows makes percent of inserts and updates rows that must be rejected:
// their birth date is none.
func PoisonRows(percent int) Fault {
	return data("poison-rows", percentOf(percent), workload.Poison, func(c *workload.Config) { c.RejectPercent = percent })
}

// WrongEncoding makes percent of inserts and updates rows that must be
// rejected: one of their texts is not UTF-8.
func WrongEncoding(percent int) Fault {
	return data("wrong-encoding", percentOf(percent), workload.BadEncoding, func(c *workload.Config) { c.Hostile.EncodingPercent = percent })
}

// ZeroBytes puts a zero byte into a text in percent of inserts and updates.
func ZeroBytes(percent int) Fault {
	return data("zero-bytes", percentOf(percent), workload.ZeroBytes, func(c *workload.Config) { c.Hostile.NULPercent = percent })
}

// Markup puts formulas, HTML, queries and control characters into a text in
// percent of inserts and updates: all to be kept as they are.
func Markup(percent int) Fault {
	return data("markup", percentOf(percent), workload.Markups, func(c *workload.Config) { c.Hostile.MarkupPercent = percent })
}

// MixedTypes leaves out dates and puts what looks like dates and numbers into
// texts, in percent of inserts and updates: all to be kept as they are.
func MixedTypes(percent int) Fault {
	return data("mixed-types", percentOf(percent), workload.MixedTypes, func(c *workload.Config) { c.Hostile.MixedPercent = percent })
}

// HugeFields puts a text of 5 MiB into so many rows, one a file.
func HugeFields(rows int) Fault {
	return data("huge-fields", fmt.Sprintf("%d rows", rows), workload.HugeFields, func(c *workload.Config) { c.Hostile.HugeFields = rows })
}

// ByteOrderMark begins every nth file with one.
func ByteOrderMark(every int) Fault {
	return data("byte-order-mark", nth(every), workload.Marked, func(c *workload.Config) { c.Hostile.BOMEvery = every })
}

// CRLF ends the lines of every nth file as Windows does.
func CRLF(every int) Fault {
	return data("crlf", nth(every), workload.CRLFs, func(c *workload.Config) { c.Hostile.CRLFEvery = every })
}

// EmptyFile leaves every nth file with a header and a trailer that counts none.
func EmptyFile(every int) Fault {
	return data("empty-file", nth(every), workload.Empty, func(c *workload.Config) { c.Hostile.EmptyEvery = every })
}

// BlankFile leaves every nth file without a byte.
func BlankFile(every int) Fault {
	return data("blank-file", nth(every), workload.Blank, func(c *workload.Config) { c.Hostile.BlankEvery = every })
}

// DuplicateRows puts rows of every nth file into it twice.
func DuplicateRows(every int) Fault {
	return data("duplicate-rows", nth(every), workload.Copied, func(c *workload.Config) { c.Hostile.CopiesEvery = every })
}

// HugeFile gives the trial's first file so many rows.
func HugeFile(rows int) Fault {
	return data("huge-file", fmt.Sprintf("%d rows", rows), workload.HugeFiles, func(c *workload.Config) { c.HugeFile = rows })
}

func percentOf(percent int) string { return fmt.Sprintf("%d %% of inserts and updates", percent) }

func nth(every int) string {
	if every == 1 {
		return "every file"
	}
	return fmt.Sprintf("one file in %d", every)
}

// data is a fault in what files hold.
func data(name, detail string, trait workload.Trait, change func(*workload.Config)) Fault {
	return Fault{Name: name, Target: Workload, Detail: detail, Data: change, prepare: carried(trait)}
}

// carried is the life of a fault that travels with what is sent.
func carried(trait workload.Trait) func(context.Context, World, string) (Injection, error) {
	return func(ctx context.Context, world World, _ string) (Injection, error) {
		uploads := world.Uploads()
		operations, err := uploads.Carrying(trait)
		if err != nil {
			return Injection{}, err
		}
		return Injection{
			Inject:   func(context.Context) error { return nil },
			Bites:    func(ctx context.Context) (string, error) { return uploads.First(ctx, trait) },
			Healed:   func(ctx context.Context) (string, error) { return uploads.All(ctx, trait) },
			InFlight: func() int { return operations },
		}, nil
	}
}
