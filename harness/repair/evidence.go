package repair

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
)

// guarded tells from the run whether an older version can overwrite a newer one.
func (p *planner) guarded() Known {
	overwritten := 0
	for _, classes := range p.again {
		overwritten += classes[check.Stale]
	}
	if overwritten > 0 {
		return Known{Answer: No, Evidence: fmt.Sprintf("%d records show an older version that overwrote a newer one", overwritten)}
	}
	if n := p.superseded(); n > 0 {
		return Known{Answer: Yes, Evidence: fmt.Sprintf("%d rows came after a newer version of their record and changed nothing", n)}
	}
	return Known{Answer: NotKnown, Evidence: "no older version came after a newer one in this run"}
}

// superseded counts the rows that the import says it weighed and left out. A
// row that stands twice in its file is none of these.
func (p *planner) superseded() int {
	copies := map[string]int{}
	for _, file := range p.l.w.Files {
		copies[file.Name] += len(file.Copies)
	}
	sum := 0
	for name, entries := range p.l.status {
		for _, entry := range entries {
			sum += max(0, entry.Superseded-copies[name])
		}
	}
	return sum
}

// doubles tells from the run whether what comes twice has an effect twice.
func (p *planner) doubles() Known {
	step := slices.IndexFunc(p.plan.Steps, func(s Step) bool { return s.Do == Replay || s.Do == Drop })
	if step < 0 {
		return Known{Answer: No, Evidence: "nothing is to come once more"}
	}
	how := p.plan.Steps[step].Do
	known := p.repeats(how)
	if known.Answer != No && p.plan.Arrived > 0 {
		known.Find = p.look()
	}
	return known
}

func (p *planner) repeats(how Do) Known {
	if p.plan.Arrived == 0 {
		return Known{Answer: No, Evidence: "nothing of these files has had an effect yet"}
	}
	if n := p.result.Counts[check.Duplicated]; n > 0 {
		return Known{Answer: Yes, Evidence: fmt.Sprintf("in this run %d were doubled already", n)}
	}
	said, replayed := p.l.operated[replayOperation]
	switch {
	case how == Replay && replayed:
		return Known{Answer: No, Evidence: "in this run a replay doubled nothing: " + said}
	case how == Drop && p.l.again > 0 && !p.renames():
		return Known{Answer: No, Evidence: fmt.Sprintf("in this run %s a second time, and nothing was doubled", inWords(p.l.again, "file was dropped", "files were dropped"))}
	}
	known := Known{Answer: NotKnown, Evidence: "nothing was replayed or dropped twice in this run"}
	if n := p.l.redelivered(); n > 0 {
		known.Evidence += fmt.Sprintf("; %d messages were delivered more than once, and none had an effect twice, which is less than that", n)
	}
	return known
}

// renames reports whether files come under other names: what is known of those
// that come again under their own says nothing of that.
func (p *planner) renames() bool {
	return slices.ContainsFunc(p.plan.Files, func(f File) bool { return f.As != f.File })
}

// look says how doubled records are found in the table.
func (p *planner) look() string {
	if p.l.table == "" {
		return ""
	}
	return fmt.Sprintf("SELECT key, count(*) FROM %s GROUP BY key HAVING count(*) > 1 (or whatever the key is called)", p.l.table)
}

// tupleText is how the place of a row in a Postgres table is told: table and ctid.
var tupleText = regexp.MustCompile(`^([a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)?) (\(\d{1,10},\d{1,5}\))$`)

// tuple takes a row's place apart. Only what is surely a table and a ctid is taken
// for one: the text goes into SQL.
func tuple(where string) (table, ctid string, ok bool) {
	found := tupleText.FindStringSubmatch(where)
	if found == nil {
		return "", "", false
	}
	return found[1], found[2], true
}

// rowsPerStatement keeps statements readable.
const rowsPerStatement = 100

// remove plans the removal of rows that stand twice.
func (p *planner) remove() {
	byTable := map[string][]string{}
	var tables []string
	total, untold := 0, 0
	for _, d := range p.plan.Remove {
		if d.Place != history.Rows {
			continue
		}
		for _, where := range d.Remove {
			total++
			table, ctid, ok := tuple(where)
			if !ok {
				untold++
				continue
			}
			if byTable[table] == nil {
				tables = append(tables, table)
			}
			byTable[table] = append(byTable[table], ctid)
		}
	}
	if total == 0 {
		return
	}
	step := Step{Do: Remove, Rows: total, Mends: p.removes, ByHand: untold > 0,
		Text: fmt.Sprintf("Remove %s from the table: of each record the highest version stays", inWords(total, "row", "rows"))}
	if untold == 0 {
		slices.Sort(tables)
		for _, table := range tables {
			for ctids := range slices.Chunk(byTable[table], rowsPerStatement) {
				step.SQL = append(step.SQL, fmt.Sprintf(`DELETE FROM %s WHERE ctid = ANY ('{"%s"}'::tid[])`, table, strings.Join(ctids, `","`)))
			}
		}
	}
	p.plan.Steps = append(p.plan.Steps, step)
}
