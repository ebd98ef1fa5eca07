package harness

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/stack/image"
)

func TestProgramName(t *testing.T) {
	build := func(context, program string) *pipeline.Build {
		return &pipeline.Build{Recipe: image.Recipe{Context: context}, Go: program}
	}
	require.Equal(t, "importer", programName(build("", "github.com/seatrial/seatrial/fixtures/importer")))
	require.Equal(t, "reader", programName(build("/src/shop", "./cmd/reader")))
	require.Equal(t, "shop", programName(build("/src/shop", ".")))
}

func TestCarries(t *testing.T) {
	h := &Harness{opened: pipeline.Spec{Name: "reference"}}
	require.NoError(t, h.carries(pipeline.Spec{Services: map[image.Kind]image.Pin{}, Folders: []string{"inbox"}}))
	require.ErrorIs(t, h.carries(pipeline.Spec{Name: "own", Folders: []string{"drop"}}), ErrUsage)
	require.ErrorContains(t, h.carries(pipeline.Spec{Name: "own", Folders: []string{"drop"}}), "the stack was opened for pipeline reference, and own needs the folder drop on SFTP")
	require.ErrorContains(t, h.carries(pipeline.Spec{Name: "own", Services: map[image.Kind]image.Pin{image.Postgres: {Version: "16"}}}), "other services or another network")
	require.Error(t, h.carries(pipeline.Spec{OpenFront: true}))
	h.opened.Folders = []string{"drop"}
	require.NoError(t, h.carries(pipeline.Spec{Folders: []string{"drop"}}))
}

func TestRolesOfOneProgramHaveOneImage(t *testing.T) {
	own := pipeline.Role{Name: "writer", Image: "app:1"}
	spec := pipeline.Reference(nil, nil)
	spec.Extra = []pipeline.Role{own}
	require.NotEqual(t, madeOf(own), madeOf(spec.Roles[0]))
	require.Equal(t, madeOf(spec.Roles[0]), madeOf(spec.Roles[1]), "all roles are one program")
}
