package fault

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// The small disk of Postgres's container, which holds nothing otherwise, and
// the tablespace and index that are put there. Nothing of the pipeline's own
// ever lies on it.
const (
	PostgresDisk       = "/seatrial-disk"
	PostgresTablespace = "seatrial_disk"
	postgresIndex      = "seatrial_disk"
	postgresFiller     = PostgresDisk + "/full"
)

// PostgresDiskFull has the pipeline's table grow on a full disk: an index on it
// lies on a small disk of the container, and that is filled to the last byte.
// It bites when Postgres refuses a canary's write to that disk for want of
// space, and when it has refused one to the index, which is the pipeline's.
// Recovery makes room and takes the index away. The disk is in memory: a plan
// must not end Postgres meanwhile.
func PostgresDiskFull() Fault {
	return Fault{Name: "disk-full", Target: Postgres, NeedsTable: true, Lasting: true, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		table, err := world.Table()
		if err != nil {
			return Injection{}, err
		}
		containers, err := running(ctx, world, target)
		if err != nil {
			return Injection{}, err
		}
		server := containers[0]
		log, err := logOf(ctx, server)
		if err != nil {
			return Injection{}, err
		}
		canary := refused(world, PostgresTablespace, "53100")
		return Injection{
			Undo:   []Undo{{Do: UndoDisk, Target: target}},
			Inject: func(ctx context.Context) error { return fillDisk(ctx, world, server, table) },
			Bites: func(ctx context.Context) (string, error) {
				evidence, err := canary(ctx)
				if err != nil {
					return "", err
				}
				words, err := log.says(ctx, pipelineRefused)
				if err != nil {
					return "", fmt.Errorf("%s, but none of the pipeline: %w", evidence, err)
				}
				return evidence + "; one of the pipeline: " + words, nil
			},
			Healed: accepted(world, ""),
		}, nil
	}}
}

// pipelineRefused says whether lines of the server's log begin with the refusal
// of a statement that is not a canary's, because the disk is full.
func pipelineRefused(lines []string) bool {
	if !strings.Contains(lines[0], "could not extend file") || !strings.Contains(lines[0], "No space left on device") {
		return false
	}
	for _, line := range lines[1:min(len(lines), 4)] { // a hint may come between
		if _, statement, found := strings.Cut(line, "STATEMENT:"); found {
			return !strings.Contains(statement, "seatrial_canary")
		}
	}
	return false
}

func fillDisk(ctx context.Context, world World, server Container, table string) error {
	if _, err := server.Exec(ctx, "root", "sh", "-c", "chown postgres "+PostgresDisk+" && chmod 700 "+PostgresDisk+" && rm -f "+postgresFiller); err != nil {
		return err
	}
	if err := putIndex(ctx, world, table); err != nil {
		return err
	}
	// It ends with an error, when there is no space left: that is what it is for.
	said, err := server.Exec(ctx, "root", "sh", "-c", "dd if=/dev/zero of="+postgresFiller+" bs=4k 2>&1 || true")
	if err != nil {
		return err
	}
	if !strings.Contains(said, "No space left on device") {
		return fmt.Errorf("fill %s in %s: %s", PostgresDisk, server.Part(), strings.TrimSpace(said))
	}
	return nil
}

// putIndex makes an index on the table that has one wide entry for each row,
// whatever the table's columns.
func putIndex(ctx context.Context, world World, table string) error {
	conn, err := world.Postgres(ctx, "seatrial-disk")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	name := pgx.Identifier{table}.Sanitize()
	var rows int
	if err := conn.QueryRow(ctx, "SELECT count(*) FROM "+name).Scan(&rows); err != nil {
		return fmt.Errorf("count rows of %s: %w", table, err)
	}
	for _, statement := range []string{
		"CREATE TABLESPACE " + PostgresTablespace + " LOCATION '" + PostgresDisk + "'",
		fmt.Sprintf("CREATE INDEX %s ON %s (('%s'::text)) WITH (deduplicate_items = off) TABLESPACE %s", postgresIndex, name, wide(rows), PostgresTablespace),
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("postgres: %.60s: %w", statement, err)
		}
	}
	return nil
}

// wide returns an entry so wide that few fit on a page: the next rows need a
// new one. With many rows there already it is narrower, so that they all fit.
func wide(rows int) string {
	const room, most = 8 << 20, 2600 // a page takes three of these
	width := min(most, max(1, room/max(rows, 1)))
	var text strings.Builder // that cannot be compressed
	for sum := sha256.Sum256([]byte(postgresIndex)); text.Len() < width; sum = sha256.Sum256(sum[:]) {
		text.WriteString(hex.EncodeToString(sum[:]))
	}
	return text.String()[:width]
}
