package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/seatrial/seatrial/fixtures/images"
)

// baseFolder is the recipe that the others start FROM.
const baseFolder = "base"

// recipeHash identifies what an image of folder would be built from: its files' names and content, and the base's.
func recipeHash(folder string) (string, error) {
	sum := sha256.New()
	folders := []string{baseFolder}
	if folder != baseFolder {
		folders = append(folders, folder)
	}
	for _, folder := range folders {
		err := fs.WalkDir(images.Recipes, folder, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := images.Recipes.ReadFile(name)
			if err != nil {
				return err
			}
			// The lengths keep one file's end from passing for the next one's beginning.
			fmt.Fprintf(sum, "%d %s %d ", len(name), name, len(content))
			sum.Write(content)
			return nil
		})
		if err != nil {
			return "", fmt.Errorf("reading the recipe %s: %w", folder, err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// modeOf gives an embedded file the mode that the embedding lost: what starts with #! is a program.
func modeOf(content []byte) int64 {
	if bytes.HasPrefix(content, []byte("#!")) {
		return 0o755
	}
	return 0o644
}

// buildContext is a tar archive under construction. Its entries carry no time, so that equal content gives equal layers.
type buildContext struct {
	buffer bytes.Buffer
	tar    *tar.Writer
}

func newBuildContext() *buildContext {
	c := &buildContext{}
	c.tar = tar.NewWriter(&c.buffer)
	return c
}

func (c *buildContext) add(name string, mode int64, content []byte) error {
	header := &tar.Header{Name: name, Mode: mode, Size: int64(len(content)), ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
	if err := c.tar.WriteHeader(header); err != nil {
		return fmt.Errorf("adding %s to a build: %w", name, err)
	}
	if _, err := c.tar.Write(content); err != nil {
		return fmt.Errorf("adding %s to a build: %w", name, err)
	}
	return nil
}

// addTree adds the files of a folder below the names that they have in it.
func (c *buildContext) addTree(files fs.FS, mode func([]byte) int64) error {
	return fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return c.add(path.Clean(name), mode(content), content)
	})
}

func (c *buildContext) close() (*bytes.Buffer, error) {
	if err := c.tar.Close(); err != nil {
		return nil, fmt.Errorf("closing a build's archive: %w", err)
	}
	return &c.buffer, nil
}

// unpack writes an embedded folder to directory.
func unpack(folder, directory string) error {
	files, err := fs.Sub(images.Recipes, folder)
	if err != nil {
		return err
	}
	if err := os.CopyFS(directory, files); err != nil {
		return fmt.Errorf("writing the recipe %s to %s: %w", folder, directory, err)
	}
	return nil
}
