package file

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial/harness/internal/nearest"
	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/harness/internal/stack/image"
)

// longest is how many bytes a file, or one that it names, may have.
const longest = 4 << 20

// Read reads the file of that name (or seatrial.yaml in the folder of that name)
// and what it names, and returns the pipeline that it describes. Errors are
// Problems, or say why the file could not be read.
func Read(name string) (pipeline.Spec, error) {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		name = filepath.Join(name, Name)
	}
	content, err := readFile(name)
	if err != nil {
		return pipeline.Spec{}, fmt.Errorf("read the pipeline's description: %w", err)
	}
	return read(name, content, os.LookupEnv)
}

// read does the same for content, in the environment that lookup knows.
func read(name string, content []byte, lookup func(string) (string, bool)) (pipeline.Spec, error) {
	format, d := decode(name, content)
	b := &builder{decoder: d, format: format, folder: filepath.Dir(name), lookup: lookup}
	spec := b.spec(name)
	if len(d.problems) > 0 {
		return pipeline.Spec{}, d.problems.sorted()
	}
	return spec, nil
}

// readFile is os.ReadFile for files of a reasonable size.
func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no file", name)
	case info.Size() > longest:
		return nil, fmt.Errorf("%s has %d bytes, more than %d", name, info.Size(), longest)
	}
	return os.ReadFile(name)
}

// builder makes a pipeline of a Format and adds what is wrong with it to the
// decoder's problems.
type builder struct {
	*decoder
	format Format
	folder string // that paths are relative to
	lookup func(string) (string, bool)

	// Of the compose file:
	replaced map[string]replaced // services that seatrial brings, by name
	left     []string            // services that are not started
	jobs     []string            // services that others wait for to end
}

// bad adds a problem with the value at a path, badKey one with its key; unless it
// follows from what could not be read there.
func (b *builder) bad(path, format string, args ...any) {
	if !b.clear(path) {
		return
	}
	b.add(b.position(path), "%s%s", prefix(path), fmt.Sprintf(format, args...))
}

func (b *builder) badKey(path, format string, args ...any) {
	if !b.clear(path) {
		return
	}
	b.add(b.keyed(path), "%s%s", prefix(path), fmt.Sprintf(format, args...))
}

func (b *builder) spec(name string) pipeline.Spec {
	f := &b.format
	if b.stands("seatrial") && f.Seatrial != Version {
		b.bad("seatrial", "version %d of the format is not known, this seatrial reads %d", f.Seatrial, Version)
	}
	spec := pipeline.Spec{Name: name, Services: map[image.Kind]image.Pin{}, Probes: f.Probes,
		OpenFront: f.Network.Front == "open", Deadline: time.Duration(f.Expect.Deadline),
		LongestInterval: time.Duration(f.Timing.Interval), Patience: time.Duration(f.Timing.Patience)}
	composed := b.compose()
	spec.Attached = f.Attached
	b.attached()
	b.roles(&spec, composed)
	b.services(&spec)
	b.records(&spec)
	b.expect(&spec)
	b.operations(&spec)
	b.folders(&spec)
	return spec
}

// attached refuses containers where the pipeline has none, and wants them elsewhere.
func (b *builder) attached() {
	f := &b.format
	if !f.Attached {
		if !b.stands("roles") && len(b.problems) == 0 { // else it may be spelled wrong
			b.bad("", "roles is missing: the containers of the pipeline, by name. Of one that runs on this machine say attached: true")
		}
		return
	}
	for _, key := range []string{"roles", "extra", "compose", "expect.staging", "network"} {
		if b.stands(key) {
			b.badKey(key, "the pipeline is attached, it runs on this machine and has no containers: leave it out, or leave out attached")
		}
	}
	for _, name := range sortedKeys(f.Operations) {
		if at := join("operations", name); f.Operations[name].Drop == nil && b.stands(at) {
			b.badKey(at, "the pipeline is attached and has no containers that this could be done in: only a drop is possible")
		}
	}
}

var (
	partName   = regexp.MustCompile(`^[a-z][a-z0-9-]{0,40}$`)
	folderName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
)

// reserved are names of containers that are the stack's own.
var reserved = []string{stack.SFTP, stack.RabbitMQ, stack.Successor, stack.Postgres, stack.Elasticsearch, stack.Proxy}

func (b *builder) roles(spec *pipeline.Spec, composed map[string]pipeline.Role) {
	f := &b.format
	if b.stands("roles") && len(f.Roles) == 0 {
		b.bad("roles", "a pipeline has at least one")
	}
	used := map[string]bool{}
	for _, name := range sortedKeys(f.Roles) {
		role, at := f.Roles[name], join("roles", name)
		b.part(at, name)
		made := b.container(at, name, role.Container)
		made.Does, made.Replicas, made.Consumes = role.Does, role.Replicas, role.Consumes
		if b.stands(at+".does") && len(role.Does) == 0 {
			b.bad(at+".does", "a role does something: collect, load, index or export")
		}
		if role.Ready != nil && role.Ready.Exits {
			b.bad(at+".ready.exits", "a role goes on: make it an extra container")
		}
		if role.Service != "" {
			made = b.over(at, role.Container, made, composed)
			used[role.Service] = true
		}
		spec.Roles = append(spec.Roles, made)
	}
	for _, name := range sortedKeys(f.Extra) {
		at := join("extra", name)
		b.part(at, name)
		if _, twice := f.Roles[name]; twice {
			b.badKey(at, "there is a role of that name")
		}
		made := b.container(at, name, f.Extra[name])
		if service := f.Extra[name].Service; service != "" {
			made = b.over(at, f.Extra[name], made, composed)
			used[service] = true
		}
		spec.Extra = append(spec.Extra, made)
	}
	for _, name := range sortedKeys(composed) {
		if used[name] {
			continue
		}
		if _, twice := f.Roles[name]; twice || f.Extra[name].Service != "" {
			b.badKey("compose", "its service %s is started, too, and what is called %s here is another container: rename that, or leave the service out", name, name)
		}
		b.reaches("compose", composed[name])
		spec.Extra = append(spec.Extra, composed[name])
	}
	b.ordered(spec)
	volumes := map[string]bool{}
	for _, role := range append(slices.Clone(spec.Roles), spec.Extra...) {
		for volume := range role.Mounts {
			volumes[volume] = true
		}
	}
	spec.Volumes = sortedKeys(volumes)
}

func (b *builder) part(at, name string) {
	switch {
	case !partName.MatchString(name):
		b.badKey(at, "a name has small letters, digits and hyphens, and begins with a letter")
	case slices.Contains(reserved, name):
		b.badKey(at, "seatrial has a container of that name: choose another")
	case actors[name] != "":
		b.badKey(at, "what roles do is called so: name it %s, for example", actors[name])
	}
}

// actors are names for what does something, and something only.
var actors = map[string]string{pipeline.Collect: "collector", pipeline.Load: "loader", pipeline.Index: "indexer", pipeline.Export: "exporter"}

// container makes what a role and an extra container have in common.
func (b *builder) container(at, name string, c Container) pipeline.Role {
	role := pipeline.Role{
		Name: name, Entrypoint: c.Entrypoint, Command: c.Command, Env: c.Environment, Mounts: map[string]string{}, MemoryBytes: int64(c.Memory), Files: map[string]pipeline.Script{},
	}
	if c.Restart != "no" {
		role.Restart = c.Restart
	}
	sources := 0
	for _, given := range []bool{b.stands(at + ".image"), b.stands(at + ".build"), b.stands(at + ".service")} {
		if given {
			sources++
		}
	}
	if sources != 1 && b.stands(at) && !b.gaps[at] {
		what := "image or build"
		if b.format.Compose != nil {
			what = "image, build or service"
		}
		b.badKey(at, "give exactly one of %s", what)
	}
	role.Image = b.fromEnvironment(at+".image", c.Image)
	if c.Build != nil {
		role.Build = b.build(at+".build", *c.Build)
	}
	for i, word := range c.Command {
		b.addresses(fmt.Sprintf("%s.command[%d]", at, i), word, nil)
	}
	for _, variable := range sortedKeys(c.Environment) {
		b.addresses(join(at+".environment", variable), c.Environment[variable], nil)
	}
	for _, source := range sortedKeys(c.Files) {
		here, there := join(at+".files", source), c.Files[source]
		b.absolute(here, there)
		if script, ok := b.named(here, source); ok {
			role.Files[there] = script
		}
	}
	for _, volume := range sortedKeys(c.Volumes) {
		here := join(at+".volumes", volume)
		if !folderName.MatchString(volume) {
			b.badKey(here, "name a volume with letters, digits, dots, underscores and hyphens; a folder of this machine is not mounted, files copies what is in one")
		}
		b.absolute(here, c.Volumes[volume])
		role.Mounts[volume] = c.Volumes[volume]
	}
	role.Ready = b.ready(at+".ready", c.Ready)
	return role
}

func (b *builder) absolute(at, path string) {
	if !strings.HasPrefix(path, "/") {
		b.bad(at, "want a path in the container that begins with /, not %q", path)
	}
}

// named reads a file that the description names, by its path from the folder
// of that.
func (b *builder) named(at, name string) (pipeline.Script, bool) {
	content, err := readFile(b.path(name))
	if err != nil {
		var missing *fs.PathError
		if errors.As(err, &missing) {
			err = missing.Err
		}
		b.bad(at, "read %s: %v", b.path(name), err)
		return pipeline.Script{}, false
	}
	return pipeline.Script{Name: name, Content: string(content)}, true
}

func (b *builder) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(b.folder, name)
}

// calling is ${NAME} or ${NAME:-otherwise}.
var calling = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}`)

// fromEnvironment fills in what the caller's environment has.
func (b *builder) fromEnvironment(at, text string) string {
	filled := calling.ReplaceAllStringFunc(text, func(found string) string {
		parts := calling.FindStringSubmatch(found)
		if value, ok := b.lookup(parts[1]); ok && value != "" {
			return value
		}
		if parts[2] == "" {
			b.bad(at, "%s is not set in the environment: set it, or write ${%s:-otherwise}", parts[1], parts[1])
		}
		return parts[3]
	})
	if b.stands(at) && strings.TrimSpace(filled) == "" && text == filled {
		b.bad(at, "it is empty")
	}
	return filled
}

// addresses refuses names of addresses that are none, and arguments of steps where
// there are none (args nil).
func (b *builder) addresses(at, text string, args []string) {
	for _, name := range pipeline.Variables(text) {
		if slices.Contains(stack.PipelineVariables, name) || slices.Contains(args, name) {
			continue
		}
		known := slices.Concat(stack.PipelineVariables, args)
		if near := nearest.Of(name, known); near != "" {
			b.bad(at, "${%s} is not known: did you mean ${%s}? $${%s} leaves it as it stands", name, near, name)
			continue
		}
		b.bad(at, "${%s} is not known: there are %s; $${%s} leaves it as it stands", name, strings.Join(known, ", "), name)
	}
}

func (b *builder) build(at string, build Build) *pipeline.Build {
	made := &pipeline.Build{Go: build.Go, Recipe: image.Recipe{Context: b.path(build.Context), Dockerfile: build.Dockerfile, Target: build.Target, Args: build.Args}}
	if info, err := os.Stat(made.Context); err != nil || !info.IsDir() {
		b.bad(at+".context", "there is no folder %s", made.Context)
		return made
	}
	if build.Go != "" {
		for _, other := range []string{"dockerfile", "target", "args"} {
			if b.stands(at + "." + other) {
				b.badKey(at+"."+other, "it means nothing beside go")
			}
		}
		return made
	}
	dockerfile := filepath.Join(made.Context, cmp.Or(build.Dockerfile, "Dockerfile"))
	if _, err := os.Stat(dockerfile); err != nil {
		where := at + ".dockerfile"
		if !b.stands(where) {
			where = at
		}
		b.bad(where, "there is no %s", dockerfile)
	}
	return made
}

func (b *builder) ready(at string, ready *Ready) *pipeline.Ready {
	if ready == nil {
		return nil
	}
	b.oneOf(at, "command", "log", "http", "exits")
	made := &pipeline.Ready{Command: ready.Command, Log: ready.Log, Exits: ready.Exits, Within: time.Duration(ready.Within)}
	if _, err := regexp.Compile(ready.Log); err != nil {
		b.bad(at+".log", "%v", err)
	}
	if b.stands(at+".command") && len(ready.Command) == 0 {
		b.bad(at+".command", "it has no word")
	}
	if ready.HTTP != nil {
		made.HTTP = b.request(at+".http", *ready.HTTP, "GET", nil)
	}
	return made
}

// oneOf wants exactly one of some keys.
func (b *builder) oneOf(at string, keys ...string) {
	given := 0
	for _, key := range keys {
		if b.stands(at + "." + key) {
			given++
		}
	}
	if given != 1 && b.stands(at) && !b.gaps[at] {
		b.badKey(at, "give exactly one of %s", strings.Join(keys, ", "))
	}
}

func (b *builder) request(at string, r Request, method string, args []string) *pipeline.Request {
	made := &pipeline.Request{Method: cmp.Or(r.Method, method), Port: r.Port, Path: cmp.Or(r.Path, "/"), Headers: r.Headers, Body: r.Body, Status: r.Status}
	if !strings.HasPrefix(made.Path, "/") {
		b.bad(at+".path", "want a path that begins with /, not %q", r.Path)
	}
	b.addresses(at+".path", r.Path, args)
	b.addresses(at+".body", r.Body, args)
	for _, name := range sortedKeys(r.Headers) {
		b.addresses(join(at+".headers", name), r.Headers[name], args)
	}
	return made
}

func (b *builder) services(spec *pipeline.Spec) {
	s := b.format.Services
	for _, service := range []struct {
		kind image.Kind
		Service
	}{{image.SFTP, s.SFTP.Service}, {image.RabbitMQ, s.RabbitMQ.Service}, {image.Postgres, s.Postgres.Service}, {image.Elasticsearch, s.Elasticsearch.Service}} {
		at := "services." + string(service.kind)
		if service.Image != "" && service.Version != "" {
			b.badKey(at+".version", "the image says which version it is: leave one of them out")
		}
		if service.Image != "" || service.Version != "" {
			spec.Services[service.kind] = image.Pin{Image: b.fromEnvironment(at+".image", service.Image), Version: service.Version}
		}
		for _, key := range []string{".image", ".version"} {
			if text := map[string]string{".image": service.Image, ".version": service.Version}[key]; b.stands(at+key) && strings.TrimSpace(text) == "" {
				b.bad(at+key, "it is empty")
			}
		}
	}
	if s.RabbitMQ.Definitions != "" {
		if script, ok := b.named("services.rabbitmq.definitions", s.RabbitMQ.Definitions); ok {
			b.json("services.rabbitmq.definitions", script.Content)
			spec.Setup.Definitions = &script
		}
	}
	for i, name := range s.Postgres.Setup {
		if script, ok := b.named(fmt.Sprintf("services.postgres.setup[%d]", i), name); ok {
			spec.Setup.SQL = append(spec.Setup.SQL, script)
		}
	}
	for i, name := range s.Elasticsearch.Setup {
		at := fmt.Sprintf("services.elasticsearch.setup[%d]", i)
		if script, ok := b.named(at, name); ok {
			if _, err := pipeline.ElasticRequests(script); err != nil {
				b.bad(at, "%v", err)
			}
			spec.Setup.Elastic = append(spec.Setup.Elastic, script)
		}
	}
}

// arguments are what steps of built-in scenarios give to operations.
var arguments = []string{"from", "from_file", "role", "replica", "after"}

func (b *builder) operations(spec *pipeline.Spec) {
	spec.Operations = map[string]pipeline.Operation{}
	for _, name := range sortedKeys(b.format.Operations) {
		o, at := b.format.Operations[name], join("operations", name)
		if b.format.Attached && o.Drop == nil {
			continue // refused already
		}
		b.oneOf(at, "command", "http", "environment", "drop")
		made := pipeline.Operation{Role: o.Role, Command: o.Command, Env: o.Environment}
		switch {
		case o.Drop != nil:
			made.Drop = &pipeline.Drop{Folder: o.Drop.Folder, Name: o.Drop.Name, Content: o.Drop.Content}
			for key, text := range map[string]string{"name": o.Drop.Name, "content": o.Drop.Content} {
				b.addresses(at+".drop."+key, text, arguments)
			}
			if strings.ContainsAny(o.Drop.Name, "/\x00") || o.Drop.Name == "" && b.stands(at+".drop.name") {
				b.bad(at+".drop.name", "want a bare file name, not %q", o.Drop.Name)
			}
			if b.stands(at + ".role") {
				b.badKey(at+".role", "a file is dropped on SFTP, for whoever looks there: leave the role out")
			}
		case !b.stands(at+".role") && b.gaps[at]:
		case !b.stands(at + ".role"):
			b.badKey(at, "role is missing: on which is it done? ${role} leaves it to the scenario")
		default:
			b.role(at+".role", o.Role, spec)
		}
		if o.HTTP != nil {
			made.HTTP = b.request(at+".http", *o.HTTP, "POST", arguments)
		}
		if b.stands(at+".command") && len(o.Command) == 0 {
			b.bad(at+".command", "it has no word")
		}
		if b.stands(at+".environment") && len(o.Environment) == 0 {
			b.bad(at+".environment", "it changes nothing")
		}
		for i, word := range o.Command {
			b.addresses(fmt.Sprintf("%s.command[%d]", at, i), word, arguments)
		}
		for _, variable := range sortedKeys(o.Environment) {
			b.addresses(join(at+".environment", variable), o.Environment[variable], arguments)
		}
		spec.Operations[name] = made
	}
}

// role refuses what no role is called or does.
func (b *builder) role(at, name string, spec *pipeline.Spec) {
	if !b.stands("roles") { // told already
		return
	}
	if vars := pipeline.Variables(name); len(vars) > 0 {
		b.addresses(at, name, arguments)
		return
	}
	var known []string
	for _, role := range spec.Roles {
		if role.Is(name) {
			return
		}
		known = append(append(known, role.Name), role.Does...)
	}
	slices.Sort(known)
	known = slices.Compact(known)
	if near := nearest.Of(name, known); near != "" {
		b.bad(at, "no role is called %q, or does that: did you mean %q?", name, near)
		return
	}
	b.bad(at, "no role is called %q, or does that: there are %s", name, strings.Join(known, ", "))
}

// folders collects those of the SFTP user's home.
func (b *builder) folders(spec *pipeline.Spec) {
	wanted := map[string]string{}
	note := func(at, folder string) {
		if folder == "" {
			return
		}
		if !folderName.MatchString(folder) || path.Clean(folder) != folder {
			b.bad(at, "want the bare name of a folder, not %q", folder)
			return
		}
		wanted[folder] = at
	}
	for i, folder := range b.format.Services.SFTP.Folders {
		note(fmt.Sprintf("services.sftp.folders[%d]", i), folder)
	}
	note("records.folder", b.format.Records.Folder)
	if c := b.format.Expect.Confirmations; c != nil {
		note("expect.confirmations.folder", c.Folder)
	}
	for _, name := range sortedKeys(b.format.Operations) {
		if drop := b.format.Operations[name].Drop; drop != nil {
			note(join("operations", name)+".drop.folder", drop.Folder)
		}
	}
	spec.Folders = slices.Sorted(maps.Keys(wanted))
}
