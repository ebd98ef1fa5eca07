package file

import "github.com/seatrial/seatrial/harness/internal/pipeline"

func (b *builder) compose() map[string]pipeline.Role { return nil }

func (b *builder) over(at string, role Role, made pipeline.Role, composed map[string]pipeline.Role) pipeline.Role {
	return made
}
