package harness

import (
	"context"

	"github.com/seatrial/seatrial/harness/fault"
)

func (w world) Doubles(role string) []string { return w.pipeline.Doubles(role) }

func (w world) Double(ctx context.Context, role string) ([]fault.Container, error) {
	added, err := w.pipeline.Double(ctx, role)
	var list []fault.Container
	for _, c := range added {
		list = append(list, container{Container: c, logs: w.logs})
	}
	return list, err
}
