package file

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/distribution/reference"
	"github.com/sirupsen/logrus"

	"github.com/seatrial/seatrial/harness/internal/nearest"
	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/harness/internal/stack/image"
)

// brought are the services that seatrial brings, by what their images are called.
var brought = map[string]string{
	"postgres": stack.Postgres, "postgresql": stack.Postgres, "postgis": stack.Postgres, "timescaledb": stack.Postgres,
	"rabbitmq": stack.RabbitMQ, "elasticsearch": stack.Elasticsearch, "sftp": stack.SFTP,
}

// replaced is a service of a compose file in whose place seatrial brings its own.
type replaced struct {
	kind string
	told map[string]string // its environment
}

// compose reads the compose file and returns its services that are containers of
// the pipeline, by name.
func (b *builder) compose() map[string]pipeline.Role {
	c := b.format.Compose
	if c == nil {
		for _, group := range []string{"roles", "extra"} {
			b.withoutCompose(group)
		}
		return nil
	}
	project, err := loadCompose(b.path(c.File), c.Profiles)
	if err != nil {
		b.bad("compose.file", "%v", err)
		return nil
	}
	b.replaced = map[string]replaced{}
	b.mentioned(project)
	services := map[string]pipeline.Role{}
	for name, service := range project.Services {
		kind := b.format.Compose.Replace[name]
		if kind == "" {
			kind = brought[repository(service.Image)]
		}
		switch {
		case slices.Contains(c.Leave, name):
			b.left = append(b.left, name)
		case kind != "":
			b.replaced[name] = replaced{kind, told(service)}
		default:
			if slices.Contains(reserved, name) {
				b.bad("compose.file", "seatrial has a container that is called %s as one of its services, whose image does not say that it is to be replaced: compose.replace says so, or rename it", name)
			}
			services[name] = pipeline.Role{Name: name}
		}
	}
	for _, name := range sortedKeys(services) {
		services[name] = b.service(project, name)
	}
	return services
}

// withoutCompose refuses services of a compose file that is not named.
func (b *builder) withoutCompose(group string) {
	for path := range b.values {
		if strings.HasPrefix(path, group+".") && strings.HasSuffix(path, ".service") && strings.Count(path, ".") == 2 {
			b.badKey(path, "compose is missing: it names the compose file that the service stands in")
		}
	}
}

// mentioned refuses names of services that the compose file does not have.
func (b *builder) mentioned(project *types.Project) {
	known := sortedKeys(project.Services)
	check := func(at, name string, keyed bool) {
		if slices.Contains(known, name) {
			return
		}
		say := b.bad
		if keyed {
			say = b.badKey
		}
		if near := nearest.Of(name, known); near != "" {
			say(at, "the compose file has no service %q: did you mean %q?", name, near)
			return
		}
		say(at, "the compose file has no service %q: there are %s", name, strings.Join(known, ", "))
	}
	for name := range b.format.Compose.Replace {
		check(join("compose.replace", name), name, true)
	}
	for i, name := range b.format.Compose.Leave {
		check(fmt.Sprintf("compose.leave[%d]", i), name, false)
	}
	for name, role := range b.format.Roles {
		if role.Service != "" {
			check(join("roles", name)+".service", role.Service, false)
		}
	}
	for name, extra := range b.format.Extra {
		if extra.Service != "" {
			check(join("extra", name)+".service", extra.Service, false)
		}
	}
}

func loadCompose(file string, profiles []string) (*types.Project, error) {
	warned := logrus.StandardLogger().Out // the library warns there as compose would
	logrus.SetOutput(io.Discard)
	defer logrus.SetOutput(warned)
	options, err := cli.NewProjectOptions([]string{file}, cli.WithOsEnv, cli.WithDotEnv, cli.WithProfiles(profiles), cli.WithName("seatrial"))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	project, err := options.LoadProject(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the compose file: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return project, nil
}

// repository is the last part of an image's name, without its tag.
func repository(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ""
	}
	return path.Base(reference.Path(named))
}

// told is what a service's environment says of credentials and names.
func told(service types.ServiceConfig) map[string]string {
	values := map[string]string{}
	for name, value := range service.Environment {
		if value != nil && len(*value) > 2 {
			values[name] = *value
		}
	}
	return values
}

// service makes a container of a compose service, or says what of it cannot be had.
func (b *builder) service(project *types.Project, name string) pipeline.Role {
	s := project.Services[name]
	role := pipeline.Role{Name: name, Image: s.Image, Entrypoint: literals(s.Entrypoint), Command: literals(s.Command), Env: map[string]string{},
		Mounts: map[string]string{}, Files: map[string]pipeline.Script{}, User: s.User, WorkingDir: s.WorkingDir, MemoryBytes: int64(s.MemLimit)}
	for variable, value := range s.Environment {
		if value != nil {
			role.Env[variable] = literal(*value)
		}
	}
	if s.Build != nil {
		role.Image, role.Build = "", b.composedBuild(name, *s.Build)
	}
	if policy, _, _ := strings.Cut(s.Restart, ":"); policy != "no" {
		role.Restart = policy
	}
	if s.Deploy != nil {
		if limits := s.Deploy.Resources.Limits; limits != nil && limits.MemoryBytes > 0 {
			role.MemoryBytes = int64(limits.MemoryBytes)
		}
	}
	role.Replicas = s.GetScale()
	role.Ready = composedReady(s.HealthCheck)
	for other, dependency := range s.DependsOn {
		if dependency.Condition == types.ServiceConditionCompletedSuccessfully {
			b.jobs = append(b.jobs, other)
		}
		role.After = append(role.After, other)
	}
	slices.Sort(role.After)
	for _, volume := range s.Volumes {
		b.mount(name, volume, &role)
	}
	for _, config := range s.Configs {
		b.object(name, types.FileReferenceConfig(config), types.FileObjectConfig(project.Configs[config.Source]), "/", project.Environment, &role)
	}
	for _, secret := range s.Secrets {
		b.object(name, types.FileReferenceConfig(secret), types.FileObjectConfig(project.Secrets[secret.Source]), "/run/secrets/", project.Environment, &role)
	}
	b.supported(name, s)
	return role
}

// literal keeps a text from being filled in: compose has done so.
func literal(text string) string { return strings.ReplaceAll(text, "${", "$${") }

func literals(words []string) []string {
	var list []string
	for _, word := range words {
		list = append(list, literal(word))
	}
	return list
}

func (b *builder) composedBuild(name string, build types.BuildConfig) *pipeline.Build {
	made := &pipeline.Build{Recipe: image.Recipe{Context: build.Context, Dockerfile: build.Dockerfile, Target: build.Target, Args: map[string]string{}}}
	for arg, value := range build.Args {
		if value != nil {
			made.Args[arg] = *value
		}
	}
	if parsed, err := url.Parse(build.Context); err == nil && parsed.Scheme != "" {
		b.bad("compose.file", "service %s is built from %s: only folders are supported, build it yourself and name it as image", name, build.Context)
	}
	if build.DockerfileInline != "" || len(build.Secrets) > 0 || len(build.SSH) > 0 || len(build.AdditionalContexts) > 0 {
		b.bad("compose.file", "service %s is built with dockerfile_inline, secrets, ssh or additional_contexts, which need BuildKit: build it yourself and name it as image", name)
	}
	return made
}

// composedReady makes of a health check how a container proves that it is ready.
func composedReady(check *types.HealthCheckConfig) *pipeline.Ready {
	if check == nil || check.Disable || len(check.Test) < 2 {
		return nil
	}
	command := check.Test[1:]
	if check.Test[0] == "CMD-SHELL" {
		command = append([]string{"/bin/sh", "-c"}, command...)
	}
	return &pipeline.Ready{Command: command}
}

func (b *builder) mount(service string, v types.ServiceVolumeConfig, role *pipeline.Role) {
	switch {
	case v.Type == types.VolumeTypeVolume && v.Source != "":
		role.Mounts[v.Source] = v.Target
	case v.Type == types.VolumeTypeVolume: // an anonymous one: the container's own
	case v.Type == types.VolumeTypeBind:
		if err := copied(v.Source, v.Target, role.Files); err != nil {
			b.bad("compose.file", "service %s mounts %s, which is copied into its container instead: %v", service, v.Source, err)
		}
	default:
		b.bad("compose.file", "service %s mounts a %s at %s, which is not supported", service, v.Type, v.Target)
	}
}

// copied adds a file, or all files in a folder, to those that are copied.
func copied(source, target string, files map[string]pipeline.Script) error {
	size := 0
	return filepath.WalkDir(source, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := readFile(name)
		if err != nil {
			return err
		}
		if size += len(content); size > longest {
			return fmt.Errorf("it has more than %d bytes: build it into the image", longest)
		}
		below, err := filepath.Rel(source, name)
		if err != nil {
			return err
		}
		files[path.Join(target, filepath.ToSlash(below))] = pipeline.Script{Name: name, Content: string(content)}
		return nil
	})
}

// object copies a config or a secret into a container.
func (b *builder) object(service string, ref types.FileReferenceConfig, object types.FileObjectConfig, folder string, env types.Mapping, role *pipeline.Role) {
	target := ref.Target
	if target == "" {
		target = ref.Source
	}
	if !path.IsAbs(target) {
		target = folder + target
	}
	switch {
	case object.Content != "":
		role.Files[target] = pipeline.Script{Name: ref.Source, Content: object.Content}
	case object.Environment != "":
		role.Files[target] = pipeline.Script{Name: ref.Source, Content: env[object.Environment]}
	default:
		content, err := readFile(object.File)
		if err != nil {
			b.bad("compose.file", "service %s: %s: %v", service, ref.Source, err)
			return
		}
		role.Files[target] = pipeline.Script{Name: object.File, Content: string(content)}
	}
}

// supported refuses what a container of a trial is never given. What only says
// how it is reached from elsewhere, or labelled, means nothing here.
func (b *builder) supported(name string, s types.ServiceConfig) {
	for what, has := range map[string]bool{
		"privileged": s.Privileged, "cap_add": len(s.CapAdd) > 0, "devices": len(s.Devices)+len(s.Gpus) > 0, "network_mode": s.NetworkMode != "",
		"pid": s.Pid != "", "ipc": s.Ipc != "", "volumes_from": len(s.VolumesFrom) > 0, "use_api_socket": s.UseAPISocket, "tmpfs": len(s.Tmpfs) > 0,
		"extra_hosts": len(s.ExtraHosts) > 0, "external_links": len(s.ExternalLinks) > 0, "provider": s.Provider != nil,
	} {
		if has {
			b.bad("compose.file", "service %s has %s, which is not supported: describe it as a role or an extra container without", name, what)
		}
	}
}

// over lays what the description says over a compose service.
func (b *builder) over(at string, c Container, made pipeline.Role, composed map[string]pipeline.Role) pipeline.Role {
	role, ok := composed[c.Service]
	if !ok {
		if with, replaced := b.replaced[c.Service]; replaced {
			b.bad(at+".service", "seatrial brings %s instead of that service: if it is another thing, leave it out of the images' names by image or build", with.kind)
		} else if slices.Contains(b.left, c.Service) {
			b.bad(at+".service", "compose.leave leaves that service out")
		}
		return made
	}
	if role.Name != made.Name {
		role.Aliases = append(role.Aliases, role.Name)
	}
	role.Name, role.Does, role.Consumes = made.Name, made.Does, made.Consumes
	if made.Replicas > 0 {
		role.Replicas = made.Replicas
	}
	if made.Entrypoint != nil {
		role.Entrypoint = made.Entrypoint
	}
	if made.Command != nil {
		role.Command = made.Command
	}
	if made.MemoryBytes > 0 {
		role.MemoryBytes = made.MemoryBytes
	}
	if c.Restart != "" {
		role.Restart = made.Restart
	}
	if made.Ready != nil {
		role.Ready = made.Ready
	}
	for name, value := range made.Env {
		role.Env[name] = value
	}
	for target, script := range made.Files {
		role.Files[target] = script
	}
	for volume, target := range made.Mounts {
		role.Mounts[volume] = target
	}
	kept := role
	kept.Env = map[string]string{}
	for name, value := range role.Env {
		if _, given := made.Env[name]; !given {
			kept.Env[name] = value
		}
	}
	b.reaches(at, kept)
	return role
}

// reaches refuses variables that still say how a replaced service was reached:
// it is there, and under other credentials.
func (b *builder) reaches(at string, role pipeline.Role) {
	for _, variable := range sortedKeys(role.Env) {
		value := role.Env[variable]
		for _, name := range sortedKeys(b.replaced) {
			with := b.replaced[name]
			if names(value, name) && !(value == name && name == with.kind) {
				b.badKey(at, "%s of service %s is %q, and seatrial brings %s instead of %s: set it under environment, for example %s: %s",
					variable, role.Name, value, with.kind, name, variable, address(with.kind, value))
				break
			}
			if source := slices.IndexFunc(sortedKeys(with.told), func(key string) bool { return with.told[key] == value }); source >= 0 {
				b.badKey(at, "%s of service %s is %s of %s, which seatrial brings with other credentials: set it under environment, for example %s: %s",
					variable, role.Name, sortedKeys(with.told)[source], name, variable, credential(with.kind, sortedKeys(with.told)[source]))
				break
			}
		}
	}
}

// names reports whether a text has the name of a service where a host can stand.
func names(text, service string) bool {
	return regexp.MustCompile(`(^|[@/,;=\s])` + regexp.QuoteMeta(service) + `($|[:/,;?\s])`).MatchString(text)
}

// address returns what reaches a service in the way that a text did.
func address(kind, text string) string {
	prefix := map[string]string{stack.SFTP: "SFTP", stack.RabbitMQ: "AMQP", stack.Postgres: "POSTGRES", stack.Elasticsearch: "ELASTICSEARCH"}[kind]
	switch {
	case strings.HasPrefix(text, "jdbc:"):
		return "jdbc:postgresql://${POSTGRES_HOST}:${POSTGRES_PORT}/${POSTGRES_DATABASE}"
	case strings.Contains(text, "://") && kind == stack.SFTP:
		return "sftp://${SFTP_USER}:${SFTP_PASSWORD}@${SFTP_HOST}:${SFTP_PORT}"
	case strings.Contains(text, "://"):
		return "${" + prefix + "_URL}"
	case strings.Contains(text, ":"):
		return "${" + prefix + "_HOST}:${" + prefix + "_PORT}"
	}
	return "${" + prefix + "_HOST}"
}

// credential returns what stands for a credential that a service was told.
func credential(kind, told string) string {
	prefix := map[string]string{stack.SFTP: "SFTP", stack.RabbitMQ: "AMQP", stack.Postgres: "POSTGRES"}[kind]
	switch told = strings.ToUpper(told); {
	case prefix == "":
		return "…"
	case strings.Contains(told, "PASS"):
		return "${" + prefix + "_PASSWORD}"
	case strings.Contains(told, "DB") || strings.Contains(told, "DATABASE"):
		return "${POSTGRES_DATABASE}"
	case strings.Contains(told, "VHOST"):
		return "${AMQP_VHOST}"
	}
	return "${" + prefix + "_USER}"
}

// ordered makes jobs of what others wait for to be completed, and forgets the
// order in which the services that seatrial brings would be started: they are ready.
func (b *builder) ordered(spec *pipeline.Spec) {
	called := map[string]string{} // by the compose service's name
	for _, list := range [][]pipeline.Role{spec.Extra, spec.Roles} {
		for i := range list {
			for _, alias := range append([]string{list[i].Name}, list[i].Aliases...) {
				called[alias] = list[i].Name
			}
			if slices.ContainsFunc(b.jobs, func(job string) bool { return called[job] == list[i].Name }) {
				list[i].Ready, list[i].Restart = &pipeline.Ready{Exits: true}, ""
			}
		}
	}
	for _, list := range [][]pipeline.Role{spec.Extra, spec.Roles} {
		for i := range list {
			var names []string
			for _, service := range list[i].After {
				if name := called[service]; name != "" {
					names = append(names, name)
				}
			}
			list[i].After = names
		}
	}
}
