package observe

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

func TestOperationsCountedAndStates(t *testing.T) {
	live := expected{acked: 3, version: 3, existed: true}
	deleted := expected{acked: 3, version: 3, deleted: true, existed: true}
	implied := expected{acked: 3, version: 3, deleted: true, implied: true, existed: true}
	rejected := expected{acked: 3, version: 2, existed: true}
	neverThere := expected{acked: 2, version: 2, deleted: true}
	maybeGone := expected{acked: 2, version: 2, existed: true, maybeDeleted: 3}
	for _, c := range []struct {
		name       string
		expect     expected
		cell       cell
		ever, soft bool
		reached    int
		stands     bool
	}{
		{name: "nothing expected", stands: true},
		{name: "absent", expect: live},
		{name: "older", expect: live, cell: cell{version: 2}, reached: 2},
		{name: "there", expect: live, cell: cell{version: 3}, reached: 3, stands: true},
		{name: "deleted, should live", expect: live, cell: cell{version: 3, deleted: true}, reached: 3},
		{name: "indeterminate newer", expect: live, cell: cell{version: 4}, reached: 3, stands: true},
		{name: "content of no version", expect: live, cell: cell{version: -1}},
		{name: "rejected above", expect: rejected, cell: cell{version: 2}, reached: 2, stands: true},
		{name: "tombstone", expect: deleted, cell: cell{version: 3, deleted: true}, soft: true, reached: 3, stands: true},
		{name: "not deleted yet", expect: deleted, cell: cell{version: 2}, reached: 2},
		{name: "older tombstone", expect: deleted, cell: cell{version: 2, deleted: true}, soft: true, reached: 2},
		{name: "rows are deleted, was there", expect: deleted, ever: true, reached: 3, stands: true},
		{name: "rows are deleted, never seen", expect: deleted, stands: true},
		{name: "lost instead of marked", expect: deleted, soft: true},
		{name: "deleted by absence", expect: implied, cell: cell{version: 2, deleted: true}, soft: true, reached: 3, stands: true},
		{name: "not yet by absence", expect: implied, cell: cell{version: 2}, reached: 2},
		{name: "deletion of what never was", expect: neverThere, soft: true, reached: 2, stands: true},
		{name: "indeterminate deletion, gone", expect: maybeGone, stands: true},
		{name: "indeterminate deletion, marked", expect: maybeGone, cell: cell{version: 3, deleted: true}, soft: true, reached: 2, stands: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.reached, c.expect.reached(c.cell, c.ever))
			require.Equal(t, c.stands, c.expect.stands(c.cell, c.soft))
		})
	}
}

func TestSearchable(t *testing.T) {
	live := expected{acked: 2, version: 2, existed: true}
	deleted := expected{acked: 2, version: 2, deleted: true, existed: true}
	for _, c := range []struct {
		name   string
		expect expected
		cell   cell
		row    cell
		want   bool
	}{
		{"absent", live, cell{}, cell{version: 2}, false},
		{"older", live, cell{version: 1}, cell{version: 2}, false},
		{"there", live, cell{version: 2}, cell{version: 2}, true},
		{"deleted by an indeterminate file", live, cell{}, cell{version: 3, deleted: true}, true},
		{"deleted", deleted, cell{}, cell{}, true},
		{"not deleted yet", deleted, cell{version: 1}, cell{}, false},
		{"deleted version indexed", deleted, cell{version: 2}, cell{}, false},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, c.expect.searchable(c.cell, c.row)) })
	}
}

func TestAcknowledgementsMakeExpectations(t *testing.T) {
	x := &expectation{records: make([]expected, 4), acked: map[int]bool{}}
	x.acknowledge(workload.File{Name: "1", Ops: []workload.Op{{Number: 0, Version: 1}, {Number: 1, Version: 1, Accept: workload.Rejectable}}}, history.OK)
	x.acknowledge(workload.File{Index: 1, Name: "2", Ops: []workload.Op{{Number: 0, Version: 2, Delete: true}, {Number: 2, Version: 1}}}, history.Info)
	x.acknowledge(workload.File{Index: 2, Name: "3", Ops: []workload.Op{{Number: 3, Version: 1}}}, history.Fail)
	x.acknowledge(workload.File{Index: 3, Name: "4", Full: true, Ops: []workload.Op{{Number: 0, Version: 3, Delete: true, Implied: true}}}, history.OK)
	x.acknowledge(workload.File{Index: 3, Name: "4", Ops: []workload.Op{{Number: 0, Version: 3, Delete: true, Implied: true}}}, history.OK) // dropped again
	require.Equal(t, []expected{
		{acked: 3, version: 3, deleted: true, implied: true, existed: true, maybeDeleted: 2},
		{acked: 1},
		{},
		{},
	}, x.records)
	require.Equal(t, []string{"1", "4"}, x.files)
	require.Equal(t, 3, x.ops)
}
