// Package reports is what people and machines read of a run: the terminal
// while it goes on, the table at its end, and run.json, findings.jsonl,
// junit.xml, report.md, report.html and repair.json in its folder. README.md
// explains each file.
//
// It shows what package check found and decides nothing itself. It imports
// history, workload, check and repair only, so that a stored run can be reported anywhere.
// Everything that a service or a record put into a text is taken for hostile:
// it is escaped for the format it goes into, never trusted.
//
// Runs are put below reports/out unless told otherwise; that folder is not
// under version control.
package reports
