package pipeline

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/internal/stack"
)

// What strikes a role by its name strikes the containers added beside it, too.
func TestDoublesByName(t *testing.T) {
	added := new(stack.Container)
	r := &Running{doubles: doubles{list: []double{{role: Role{Name: "importer", Does: []string{Load, Index}}, container: added}}}}
	for _, what := range []string{"importer", Load, Index} {
		require.Equal(t, []*stack.Container{added}, r.Doing(what), what)
	}
	require.Empty(t, r.Doing(Collect))
}
