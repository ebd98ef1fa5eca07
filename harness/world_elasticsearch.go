package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/internal/stack"
)

func (w world) Documents() (fault.Documents, error) {
	documents := w.pipeline.Spec.Documents
	if documents == nil || documents.Alias == "" {
		return fault.Documents{}, fmt.Errorf("pipeline %s does not say where its readers search", w.pipeline.Spec.Name)
	}
	return fault.Documents{Alias: documents.Alias, Field: cmp.Or(documents.Version, documents.Key)}, nil
}

// putIndexSetting puts a setting of one index back, to its default where value
// is empty. An index that is gone took it along. Elasticsearch may just be
// coming back: it is asked until the context ends.
func (w world) putIndexSetting(ctx context.Context, index, name, value string) error {
	settings := map[string]any{name: nil}
	if value != "" {
		settings[name] = value
	}
	for {
		try, cancel := context.WithTimeout(ctx, 3*time.Second)
		err := w.stack.Elastic(try, http.MethodPut, "/"+index+"/_settings", settings, nil)
		cancel()
		var status *stack.StatusError
		if err == nil || errors.As(err, &status) && status.Code == http.StatusNotFound {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(200 * time.Millisecond):
		}
	}
}
