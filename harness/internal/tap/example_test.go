package tap_test

import (
	"context"
	"fmt"
	"time"

	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/internal/tap"
)

// The loader is killed between the third commit and its answer.
func ExampleControl_Arm() {
	ctx := context.Background()
	control := tap.NewControl("127.0.0.1:8474", "token")
	armed, err := control.Arm(ctx, boundary.Breakpoint{
		Role: "loader", Service: "postgres", Kind: boundary.Committed, Target: "people", Nth: 3, Max: time.Minute,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer armed.Close()
	held, err := armed.Held(ctx)
	if err != nil {
		fmt.Println(err) // tap.ErrNeverReached, or the context's end
		return
	}
	fmt.Println("held:", held.Kind, held.Target, held.Records)
	// … kill -9 …
	end, err := armed.Release(ctx, boundary.Drop)
	fmt.Println(end.Mode, end.Why, end.Seconds, err)
}
