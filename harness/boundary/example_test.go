package boundary_test

import (
	"fmt"

	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/fault"
)

// Where to stop: the third confirm that the collector gets, the answer to record
// 17's row, whenever that comes.
func ExampleKind_Of() {
	fmt.Println(boundary.Confirmed.Of(fault.Collector, 3))
	fmt.Println(boundary.Committed.Of(fault.Loader, 1).On("people").With(17).Number - 1)
	// Output:
	// confirmed, 3. from now, collect
	// 17
}
