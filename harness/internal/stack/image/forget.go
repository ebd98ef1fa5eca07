package image

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/moby/moby/client"
)

// forgetAfter is how long a program's earlier builds stay: longer than any run that may still create containers from one.
const forgetAfter = 24 * time.Hour

// forgetImages removes earlier images of a program. Every change of its source makes one, and nobody would miss them; one
// that a container uses stays. Whatever fails here is tried again after the next build.
func (r *resolver) forgetImages(ctx context.Context, name, keep string) {
	stored, err := list(ctx, r.cli)
	if err != nil {
		return
	}
	for _, image := range stored {
		if image.Kind == name && image.Ref != keep && time.Since(image.Created) > forgetAfter {
			_, _ = r.cli.ImageRemove(ctx, image.Ref, client.ImageRemoveOptions{PruneChildren: true})
		}
	}
}

// forgetFiles removes earlier builds of a program from the cache.
func forgetFiles(directory, name, keep string) {
	files, err := filepath.Glob(filepath.Join(directory, name+"-*"))
	if err != nil {
		return
	}
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && file != keep && time.Since(info.ModTime()) > forgetAfter {
			_ = os.Remove(file)
		}
	}
}
