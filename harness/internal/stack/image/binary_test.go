package image

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"
)

// helloModule writes a module with one program into a new folder and makes that the working directory.
func helloModule(t *testing.T, source string) {
	t.Helper()
	directory := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(directory, "go.mod"), []byte("module hello.example\n\ngo 1.24\n"), 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(directory, "cmd", "hello"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(directory, "cmd", "hello", "main.go"), []byte(source), 0o600))
	t.Chdir(directory)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(directory, "cache"))
	builds.Clear()
}

const hello = "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"ahoy\") }\n"

func TestBuildIsNamedByContent(t *testing.T) {
	t.Setenv("GOCACHE", goCache(t))
	helloModule(t, hello)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()

	first, err := Build(ctx, "hello.example/cmd/hello")
	require.NoError(t, err)
	require.FileExists(t, first)
	builds.Clear()
	second, err := Build(ctx, "hello.example/cmd/hello")
	require.NoError(t, err)
	require.Equal(t, first, second, "the same source must give the same bytes")

	builds.Clear()
	require.NoError(t, os.WriteFile("cmd/hello/main.go", []byte("package main\n\nfunc main() { println(\"other\") }\n"), 0o600))
	third, err := Build(ctx, "hello.example/cmd/hello")
	require.NoError(t, err)
	require.NotEqual(t, first, third)
}

func TestEarlierBuildsAreForgotten(t *testing.T) {
	directory := t.TempDir()
	write := func(name string, age time.Duration) string {
		file := filepath.Join(directory, name)
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		require.NoError(t, os.Chtimes(file, time.Now(), time.Now().Add(-age)))
		return file
	}
	current, old := write("hello-1", 3*forgetAfter), write("hello-2", 2*forgetAfter)
	young, other := write("hello-3", time.Minute), write("proxy-1", 2*forgetAfter)
	forgetFiles(directory, "hello", current)
	require.NoFileExists(t, old)
	for _, file := range []string{current, young, other} {
		require.FileExists(t, file)
	}
}

func TestBuildSaysWhatTheCompilerSaid(t *testing.T) {
	t.Setenv("GOCACHE", goCache(t))
	helloModule(t, "package main\n\nfunc main() { undeclared() }\n")
	_, err := Build(t.Context(), "hello.example/cmd/hello")
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, "undefined: undeclared")

	require.NoError(t, os.WriteFile("cmd/hello/main.go", []byte(hello), 0o600))
	_, err = Build(t.Context(), "hello.example/cmd/hello")
	require.NoError(t, err, "a failed build must not be remembered")
}

// Programs of this module are built from anywhere: also where another module is, one that requires this one and one
// that has never heard of it.
func TestOwnProgramsAreFoundFromOtherModules(t *testing.T) {
	root, err := filepath.Abs("../../../..")
	require.NoError(t, err)
	const own = modulePath + "/harness/internal/hog"
	for _, c := range []struct{ name, require, pkg, want string }{
		{"required", "\nrequire " + modulePath + " v0.0.0\n\nreplace " + modulePath + " => " + root + "\n", own, root},
		{"a program of its own", "", "hello.example/cmd/hello", ""},
		{"unheard of, and no sources around the test's program", "", own, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			helloModule(t, hello)
			working, err := os.Getwd()
			require.NoError(t, err)
			require.NoError(t, os.WriteFile("go.mod", []byte("module hello.example\n\ngo 1.24\n"+c.require), 0o600))
			want := c.want
			if want == "" {
				want = working
			}
			require.Equal(t, want, sourceDirectory(t.Context(), c.pkg))
		})
	}
	t.Chdir(filepath.Join(root, "scenarios"))
	require.Equal(t, root, sourceDirectory(t.Context(), own))
}

func TestBuildOutsideAnyModule(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := Build(t.Context(), "hello.example/cmd/nothing")
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, "hello.example/cmd/nothing")
}

func TestBinaryRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Docker")
	}
	t.Setenv("GOCACHE", goCache(t))
	helloModule(t, hello)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()

	image, err := Binary(ctx, "hello-test", "hello.example/cmd/hello")
	require.NoError(t, err)
	require.Equal(t, Built, image.Origin)
	require.Regexp(t, `^seatrial/hello-test:[0-9a-f]{12}$`, image.Ref)
	t.Cleanup(func() {
		_, err := Remove(context.Background(), image.Ref)
		require.NoError(t, err)
	})
	began := time.Now()
	again, err := Binary(ctx, "hello-test", "hello.example/cmd/hello")
	require.NoError(t, err)
	require.Equal(t, image, again)
	t.Logf("second call: %v", time.Since(began))

	stored, err := List(ctx)
	require.NoError(t, err)
	require.True(t, func() bool {
		for _, s := range stored {
			if s.Ref == image.Ref {
				return s.Current && s.Kind == "hello-test" && s.Bytes > 0
			}
		}
		return false
	}(), "%s is not in the list %v", image.Ref, stored)

	cli, err := Connect(ctx)
	require.NoError(t, err)
	defer cli.Close()
	created, err := cli.ContainerCreate(ctx, client.ContainerCreateOptions{Image: image.Ref})
	require.NoError(t, err)
	defer cli.ContainerRemove(context.Background(), created.ID, client.ContainerRemoveOptions{Force: true})
	waiting := cli.ContainerWait(ctx, created.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	_, err = cli.ContainerStart(ctx, created.ID, client.ContainerStartOptions{})
	require.NoError(t, err)
	select {
	case result := <-waiting.Result:
		require.Zero(t, result.StatusCode)
	case err := <-waiting.Error:
		require.NoError(t, err)
	}
}

func TestBinaryRefusesNamesThatNoImageCanHave(t *testing.T) {
	for _, name := range []string{"a/b", "a:b", "Proxy"} {
		_, err := Binary(t.Context(), name, "hello.example/cmd/hello")
		require.ErrorIs(t, err, ErrUnavailable)
	}
}

// goCache keeps the toolchain's cache where it is although the test moves the user's.
func goCache(t *testing.T) string {
	t.Helper()
	if directory := os.Getenv("GOCACHE"); directory != "" {
		return directory
	}
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	return filepath.Join(cache, "go-build")
}
