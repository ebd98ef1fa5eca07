package harness

import (
	"context"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"

	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/stack/image"
)

// provide makes the images of a pipeline's roles present, and names them in spec.
// What was provided before is taken again: a stack that stays warm tries the
// same program in every run.
func (h *Harness) provide(ctx context.Context, spec *pipeline.Spec) error {
	for _, roles := range [][]pipeline.Role{spec.Roles, spec.Extra} {
		for i, role := range roles {
			of := madeOf(role)
			if _, known := h.made[of]; !known {
				made, err := h.makeImage(ctx, role)
				if err != nil {
					return err
				}
				h.made[of] = made
			}
			roles[i].Image = h.made[of].Ref
			h.made[madeOf(roles[i])] = h.made[of] // by its new name, too
		}
	}
	return nil
}

// madeOf identifies what a role's image is made of.
func madeOf(role pipeline.Role) string {
	if b := role.Build; b != nil {
		return fmt.Sprintf("%s %s %s %s %v", b.Context, b.Go, b.Dockerfile, b.Target, b.Args)
	}
	return "image " + role.Image
}

func (h *Harness) makeImage(ctx context.Context, role pipeline.Role) (image.Image, error) {
	switch b := role.Build; {
	case b == nil:
		return image.Take(ctx, h.options.Watch.Phase, role.Name, role.Image)
	case b.Go == "":
		return image.BuildRecipe(ctx, h.options.Watch.Phase, role.Name, b.Recipe)
	case b.Context == "": // a program of this module
		return image.Binary(ctx, programName(b), b.Go)
	default:
		return image.BinaryIn(ctx, programName(b), b.Context, b.Go)
	}
}

// programName is what a Go program is called, and its image's entrypoint.
func programName(b *pipeline.Build) string {
	if name := path.Base(path.Clean(b.Go)); name != "." && name != ".." {
		return name
	}
	folder, err := filepath.Abs(filepath.Join(b.Context, b.Go))
	if err != nil {
		return "program"
	}
	return filepath.Base(folder)
}

// carries says why a pipeline cannot be tried on a stack that was opened for
// another; nil: it can.
func (h *Harness) carries(spec pipeline.Spec) error {
	for _, folder := range spec.Folders {
		if !slices.Contains(h.opened.Folders, folder) && !slices.Contains([]string{"inbox", "archive", "confirmations"}, folder) {
			return fmt.Errorf("%w: the stack was opened for pipeline %s, and %s needs the folder %s on SFTP: open one for it", ErrUsage, h.opened.Name, spec.Name, folder)
		}
	}
	if !maps.Equal(spec.Services, h.opened.Services) || spec.OpenFront != h.opened.OpenFront {
		return fmt.Errorf("%w: the stack was opened for pipeline %s, and %s wants other services or another network: open one for it", ErrUsage, h.opened.Name, spec.Name)
	}
	return nil
}
