package pipeline

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/seatrial/seatrial/harness/internal/stack"
)

// Operate does one of the declared operations and returns the role it was done
// on and what is said of it: the last line that a command printed, or that of
// an answer.
func (r *Running) Operate(ctx context.Context, name string, args map[string]string) (role, said string, err error) {
	operation, ok := r.Spec.Operations[name]
	if !ok {
		return "", "", fmt.Errorf("pipeline %s declares no operation %q: declare what does it", r.Spec.Name, name)
	}
	env := r.stack.PipelineEnv()
	for _, variable := range operation.variables() {
		if _, given := args[variable]; !given && env[variable] == "" {
			return "", "", fmt.Errorf("operation %s of pipeline %s needs ${%s}, which is not given here", name, r.Spec.Name, variable)
		}
	}
	fill := func(text string) string {
		return filled(text, func(variable string) (string, bool) {
			if given, ok := args[variable]; ok {
				return given, true
			}
			value, ok := env[variable]
			return value, ok
		})
	}
	if operation.Drop != nil {
		said, err = r.drop(ctx, *operation.Drop, fill)
		return stack.SFTP, said, err
	}
	wanted := fill(operation.Role)
	for i, s := range r.roles {
		if !s.role.Is(wanted) {
			continue
		}
		if len(operation.Env) > 0 {
			said, err = r.reconfigure(ctx, i, operation.Env, args)
			return s.role.Name, said, err
		}
		c, err := s.replica(name, args["replica"])
		if err != nil {
			return s.role.Name, "", err
		}
		if operation.HTTP != nil {
			said, err = operation.HTTP.send(ctx, c, fill)
			return s.role.Name, lastLine(said), err
		}
		var command []string
		for _, word := range operation.Command {
			command = append(command, fill(word))
		}
		said, err = c.Exec(ctx, "", command...)
		said = lastLine(said)
		if err != nil {
			return s.role.Name, said, fmt.Errorf("%s in %s: %w", strings.Join(command, " "), s.role.Name, err)
		}
		return s.role.Name, said, nil
	}
	return wanted, "", fmt.Errorf("operation %s of pipeline %s is for role %q, which it does not have", name, r.Spec.Name, wanted)
}

// variables are the names that the operation wants to have filled in.
func (o Operation) variables() []string {
	texts := append([]string{o.Role}, o.Command...)
	for _, value := range o.Env {
		texts = append(texts, value)
	}
	if o.HTTP != nil {
		texts = append(texts, o.HTTP.Path, o.HTTP.Body)
		for _, value := range o.HTTP.Headers {
			texts = append(texts, value)
		}
	}
	if o.Drop != nil {
		texts = append(texts, o.Drop.Folder, o.Drop.Name, o.Drop.Content)
	}
	var names []string
	for _, text := range texts {
		names = append(names, Variables(text)...)
	}
	return names
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// replica returns the container that an operation is for: number is 1, 2, … or
// empty for the first.
func (s started) replica(operation, number string) (*stack.Container, error) {
	if number == "" {
		return s.containers[0], nil
	}
	replica, err := strconv.Atoi(number)
	if err != nil || replica < 1 || replica > len(s.containers) {
		return nil, fmt.Errorf("operation %s is for replica %q of role %s, which has %d", operation, number, s.role.Name, len(s.containers))
	}
	return s.containers[replica-1], nil
}

// drop writes a file under a name that nobody reads, and gives it its own.
func (r *Running) drop(ctx context.Context, d Drop, fill func(string) string) (said string, err error) {
	folder, name, content := fill(d.Folder), fill(d.Name), fill(d.Content)
	session, err := stack.DialSFTP(ctx, r.stack.Endpoints())
	if err != nil {
		return "", err
	}
	defer session.Close()
	defer session.Limit(ctx, dropWithin)()
	temporary, final := path.Join(folder, "."+name+".part"), path.Join(folder, name)
	file, err := session.Create(temporary)
	if err != nil {
		return "", fmt.Errorf("drop %s: %w", final, err)
	}
	if _, err := file.Write([]byte(content)); err != nil {
		file.Close()
		return "", fmt.Errorf("drop %s: %w", final, err)
	}
	if err := file.Close(); err != nil {
		return "", fmt.Errorf("drop %s: %w", final, err)
	}
	if err := session.PosixRename(temporary, final); err != nil {
		return "", fmt.Errorf("drop %s: %w", final, err)
	}
	return fmt.Sprintf("%s, %d bytes, was dropped", final, len(content)), nil
}
