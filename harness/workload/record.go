package workload

import (
	"strconv"
	"time"
)

// Type says how two contents of a field are compared.
type Type string

// The types of fields.
const (
	Text      Type = "text"      // byte for byte
	Date      Type = "date"      // YYYY-MM-DD
	Timestamp Type = "timestamp" // RFC 3339, an instant: the offset may change
	Number    Type = "number"    // decimal: trailing zeros may change
)

// Field is a content column.
type Field struct {
	Name string
	Type Type
}

// Fields are the content columns, in the order of the file.
var Fields = []Field{
	{"family_name", Text}, {"given_name", Text}, {"birth_date", Date}, {"email", Text}, {"phone", Text}, {"note", Text},
	{"employer", Text}, {"role", Text}, {"city", Text}, {"starts_at", Timestamp}, {"hours", Number}, {"salary", Number},
}

// Positions in Fields and in a Record.
const (
	familyName = iota
	givenName
	birthDate
	email
	phone
	note
	employer
	role
	city
	startsAt
	hours
	salary
	fieldCount
)

// Record is the content of one version of a record, in the order of Fields.
type Record [fieldCount]string

// Get returns the content of the field called name, "" if there is none.
func (r Record) Get(name string) string {
	for i, field := range Fields {
		if field.Name == name {
			return r[i]
		}
	}
	return ""
}

// Map returns the content by field name.
func (r Record) Map() map[string]string {
	fields := make(map[string]string, fieldCount)
	for i, field := range Fields {
		fields[field.Name] = r[i]
	}
	return fields
}

// Record returns the content of a version of a record: a pure function of
// generator, seed, number and version. Of two versions less than 20 apart
// every field differs, also when dates, instants and numbers are compared by
// value. Text is valid UTF-8 without NUL.
func (w *Workload) Record(number, version int) Record {
	g := content{seed: w.Config.Seed, number: uint64(number), version: uint64(version)}
	var r Record
	r[familyName] = g.text(familyNames, familyName, g.doubled)
	r[givenName] = g.text(givenNames, givenName, g.initial)
	r[birthDate] = g.date()
	r[email] = g.email()
	r[phone] = g.phone()
	r[note] = g.text(notes, note, g.reference)
	r[employer] = g.text(employers, employer, g.unit)
	r[role] = g.text(roles, role, g.grade)
	r[city] = g.text(cities, city, g.plain)
	r[startsAt] = g.timestamp()
	r[hours] = g.hours()
	r[salary] = g.salary()
	if w.Config.Format != nil {
		w.Config.Format.cut(&r)
	}
	return r
}

// Row returns the content of an operation as it stands in its file: that of
// its version; empty for deletions; with what is hostile in it, which for a row
// to be rejected is a birth date that is none unless its twist says otherwise.
func (w *Workload) Row(op Op) Record {
	if op.Delete {
		return Record{}
	}
	r := w.Record(int(op.Number), int(op.Version))
	if op.Twist != Plain {
		w.twisted(op, &r)
	} else if op.Accept == Rejectable {
		r[birthDate] = badDates[hash(w.Config.Seed, uint64(op.Number), 1000+uint64(op.Version))%uint64(len(badDates))]
	}
	return r
}

// content generates the fields of one version. What ends a text (its suffix)
// depends on the record alone: so two versions differ as their texts do.
type content struct{ seed, number, version uint64 }

func (g content) hash(salt int) uint64 { return hash(g.seed, g.number, uint64(salt)) }

// step walks through 0 to n-1 with the versions.
func (g content) step(salt int, n int) int {
	return int((g.hash(salt)>>8 + g.version) % uint64(n))
}

func (g content) text(t *texts, field int, suffix func(uint64) string) string {
	at := g.step(field, t.len())
	if at < len(t.bare) {
		return t.bare[at]
	}
	return t.plain[at-len(t.bare)] + suffix(g.hash(field+100))
}

func (g content) plain(uint64) string { return "" }

func (g content) doubled(h uint64) string {
	if h%8 != 0 {
		return ""
	}
	return "-" + doubles[h>>8%uint64(len(doubles))]
}

var doubles = []string{"Öz", "Lee", "Brontë", "St. Clair", "李", "Петрова"}

func (g content) initial(h uint64) string {
	if h%4 != 0 {
		return ""
	}
	return " " + string(rune('A'+h>>8%26)) + "."
}

func (g content) reference(uint64) string {
	return " (ref " + strconv.FormatUint(g.number, 36) + ")"
}

func (g content) unit(h uint64) string {
	if h%2 == 0 {
		return ""
	}
	return ", unit " + strconv.FormatUint(h>>8%900+100, 10)
}

func (g content) grade(h uint64) string {
	if h%3 != 0 {
		return ""
	}
	return " band " + strconv.FormatUint(h>>8%9+1, 10)
}

// date returns a day from 1900 to 2009. 8191 is prime to the number of days:
// versions leap through the century instead of creeping.
func (g content) date() string {
	const span = 40_000
	day := (g.hash(birthDate)>>8%span + g.version*8191) % span
	return time.Date(1900, 1, 1+int(day), 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
}

func (g content) email() string {
	at := g.step(email, len(domains)+1)
	if at == len(domains) {
		return ""
	}
	h := g.hash(email + 100)
	id := strconv.FormatUint(g.number, 36)
	switch h % 6 {
	case 0:
		id = "p+" + id
	case 1:
		id = "\"o " + id + "\""
	case 2:
		id = "O'" + id
	case 3:
		id = "josé." + id
	default:
		id = "p." + id
	}
	return id + "@" + domains[at]
}

// phone keeps its leading zeros and plus signs only where it is text.
func (g content) phone() string {
	at := g.step(phone, 100)
	if at == 0 {
		return ""
	}
	h := g.hash(phone + 100)
	digits := strconv.FormatUint(h>>8%900_000+100_000, 10)
	var last [2]byte
	putDigits(last[:], at)
	return [...]string{"+44 ", "0044-", "00", "0", "+49 (0)", "(030) ", "+977 1 ", "tel:+1;ext="}[h%8] + digits + string(last[:])
}

// timestamp returns an instant from 1930 to 2056 in any zone, some with
// fractions of a second.
func (g content) timestamp() string {
	const first, span = -1262304000, 3_976_000_000
	h := g.hash(startsAt)
	second := (h>>16%span + g.version*604_861) % span
	zone := offsets[(h>>8+g.version)%uint64(len(offsets))]
	nanos := int64(0)
	switch h % 5 {
	case 0:
		nanos = int64(h>>20%1_000_000) * 1000
	case 1:
		nanos = int64(h>>20%1000) * 1_000_000
	}
	at := time.Unix(first+int64(second), nanos)
	if zone == 0 {
		return at.UTC().Format(time.RFC3339Nano)
	}
	return at.In(time.FixedZone("", zone*60)).Format(time.RFC3339Nano)
}

// hours returns quarters of an hour up to 168, in one of the notations of the
// same number.
func (g content) hours() string {
	quarters := g.step(hours, 168*4+1)
	whole := strconv.Itoa(quarters / 4)
	fraction := [...]string{"", ".25", ".5", ".75"}[quarters%4]
	switch {
	case g.hash(hours+100)%3 != 0:
		return whole + fraction
	case fraction == "":
		return whole + ".00"
	case fraction == ".5":
		return whole + ".50"
	}
	return whole + fraction + "0"
}

// salary returns an amount with two decimals, rarely negative (a correction).
func (g content) salary() string {
	const span = 25_000_000
	h := g.hash(salary)
	cents := (h>>8%span + g.version*104_729) % span
	sign := ""
	if h%50 == 0 && cents > 0 {
		sign = "-"
	}
	var last [2]byte
	putDigits(last[:], int(cents%100))
	return sign + strconv.FormatUint(cents/100, 10) + "." + string(last[:])
}
