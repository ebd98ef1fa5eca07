package scenarios

import "github.com/seatrial/seatrial/harness"

// The incidents that scenarios come from, all of them published.
var (
	wipedInbox = harness.Incident{Number: 1, Title: "the wiped inbox", Happened: "An importer's machine was recreated several times within two minutes. " +
		"The local folder and database in which files waited between SFTP and queue came back empty; users found out by missing data."}

	forgottenConsumer = harness.Incident{Number: 2, Title: "the forgotten consumer", Happened: "Every service moved to a new broker, except the exporter: its address stood in a configuration of its own. " +
		"A day later the old broker was deleted. Some records were never confirmed, and nobody could say which."}

	corruptedVhost = harness.Incident{Number: 3, Title: "the corrupted vhost", Happened: "A broker's vhost broke; restarting it did not help, and the cause was named after five hours. " +
		"It was deleted and made anew, and everything since an hour before the failure was replayed, at the price of possible duplicates."}

	movedDirectory = harness.Incident{Number: 4, Title: "the moved directory", Happened: "A deployment changed the layout of a shared file system and broke off half-way; the import looked elsewhere. " +
		"Customers saw \"0 products imported\" until noon the next day, and deltas had to be restored in the right order."}

	doubleSync = harness.Incident{Number: 5, Title: "the double sync", Happened: "A server ran out of memory and restarted, and its sync job ran beside the other server's: the lock covered scheduled runs only. " +
		"Every person stood twice in the index until a user noticed, seven hours later."}
)
