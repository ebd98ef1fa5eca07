package workload

import (
	"crypto/rand"
	"fmt"
	"strings"
)

// Generator names what this package generates. Package check refuses runs of
// generators that it does not know.
const Generator = "people/1"

// The shapes of keys (Config.KeyShape).
const (
	TokenKeys = "token"  // 12 characters of Crockford base32: tag, number, check character
	DigitKeys = "digits" // 18 digits that begin with zeros
	MixedKeys = "mixed"  // groups of four keys that differ in one letter's case and accent only
)

// Limits of a Config. A plan is held in memory: about 16 bytes an operation.
const (
	MaxFiles   = 999_998 // six digits of the file name, less control and sentinel
	MaxRecords = 1 << 30 // of all files together
)

// Config says what is generated. Files, RecordsPerFile, Control, Sentinel,
// Generator and KeyShape get their defaults where they are zero.
type Config struct {
	Generator      string  `json:"generator"`
	Seed           uint64  `json:"seed"`
	Tag            string  `json:"tag"`                        // 4 characters of Crockford base32, another one for every run: see NewTag
	Files          int     `json:"files"`                      // trial files, without control and sentinel (20)
	RecordsPerFile int     `json:"records_per_file"`           // rows of each delta file (250)
	UpdatePercent  int     `json:"update_percent"`             // of the rows of a delta file: a higher version of a record sent before
	DeletePercent  int     `json:"delete_percent"`             // of the rows of a delta file; in a full file of the live keys, which it leaves out
	RejectPercent  int     `json:"reject_percent,omitempty"`   // of the inserts and updates of a delta file: birth_date is none, to be rejected
	FullEvery      int     `json:"full_every,omitempty"`       // every nth trial file is a full snapshot; 0: none
	InPlace        bool    `json:"in_place,omitempty"`         // written under the final name instead of renamed to it
	NoTrailer      bool    `json:"no_trailer,omitempty"`       // files have no row-count trailer
	FirstNumber    int     `json:"first_number,omitempty"`     // of the control file; the others go on from it
	KeyShape       string  `json:"key_shape,omitempty"`        // TokenKeys, DigitKeys or MixedKeys
	FilesPerSecond float64 `json:"files_per_second,omitempty"` // 0: as fast as it goes
	Control        int     `json:"control"`                    // records of the control file (5)
	Sentinel       int     `json:"sentinel"`                   // records of the sentinel file (1)

	RecreatePercent int     `json:"recreate_percent,omitempty"` // of the rows of a delta file: a record that was deleted before comes back
	HugeFile        int     `json:"huge_file,omitempty"`        // rows of the first trial file; 0: as the others
	Hostile         Hostile `json:"hostile,omitzero"`
	Uploads         Uploads `json:"uploads,omitzero"`
	Format          *Format `json:"format,omitempty"` // nil: the reference layout
}

// Hostile is what rows and files hold that imports stumble over. Percentages
// are of the inserts and updates of delta files; "every nth" counts the trial's
// files, each option from another one on, so that several do not meet in one file.
type Hostile struct {
	EncodingPercent int `json:"encoding_percent,omitempty"` // a text that is not UTF-8: to be rejected
	NULPercent      int `json:"nul_percent,omitempty"`      // a text with a zero byte: to be kept as it is, or rejected
	MarkupPercent   int `json:"markup_percent,omitempty"`   // formulas, HTML, queries and control characters: to be kept as they are
	MixedPercent    int `json:"mixed_percent,omitempty"`    // dates that are not known, texts that look like dates and numbers: to be kept as they are
	HugeFields      int `json:"huge_fields,omitempty"`      // rows of the whole trial with a text of HugeFieldBytes: to be kept, or rejected
	BOMEvery        int `json:"bom_every,omitempty"`        // every nth file begins with a byte order mark
	CRLFEvery       int `json:"crlf_every,omitempty"`       // every nth file has CRLF at the ends of lines
	EmptyEvery      int `json:"empty_every,omitempty"`      // every nth file has a header, a trailer and no rows
	BlankEvery      int `json:"blank_every,omitempty"`      // every nth file has no byte at all, which says nothing: neither taking nor leaving it is wrong
	CopiesEvery     int `json:"copies_every,omitempty"`     // every nth file has some of its rows twice, byte for byte
}

// Uploads is how files come other than one after the other, once and whole.
// Every nth of the trial's files, each option from another one on.
type Uploads struct {
	CutEvery      int `json:"cut_every,omitempty"`       // in place, broken off within a row, and after another file was taken repeated as a whole
	SlowEvery     int `json:"slow_every,omitempty"`      // in place, ended only after another file was taken
	AgainEvery    int `json:"again_every,omitempty"`     // dropped a second time after it was taken
	SameNameEvery int `json:"same_name_every,omitempty"` // has the name of the file before it, and comes after that was taken
	LateEvery     int `json:"late_every,omitempty"`      // comes after the one that was written after it, which was taken already
}

// HugeFieldBytes is the length of the texts of Hostile.HugeFields.
const HugeFieldBytes = 5 << 20

// Default is the default trial: 20 delta files of 250 rows, of which 20 %
// update and 2 % delete what was sent before.
func Default(seed uint64, tag string) Config {
	return Config{Seed: seed, Tag: tag, UpdatePercent: 20, DeletePercent: 2}.filled()
}

// filled puts the defaults in place of zero values.
func (c Config) filled() Config {
	if c.Generator == "" {
		c.Generator = Generator
	}
	if c.KeyShape == "" {
		c.KeyShape = TokenKeys
	}
	for _, field := range []struct {
		value *int
		plain int
	}{{&c.Files, 20}, {&c.RecordsPerFile, 250}, {&c.Control, 5}, {&c.Sentinel, 1}} {
		if *field.value == 0 {
			*field.value = field.plain
		}
	}
	return c
}

// Validate says what cannot be generated, naming the field as in JSON.
func (c Config) Validate() error {
	c = c.filled()
	if c.Generator != Generator {
		return fmt.Errorf("workload: generator %q is not known, this version has %q: use the version that wrote the run", c.Generator, Generator)
	}
	if err := CheckTag(c.Tag); err != nil {
		return fmt.Errorf("workload: %w", err)
	}
	switch c.KeyShape {
	case TokenKeys, DigitKeys, MixedKeys:
	default:
		return fmt.Errorf("workload: key_shape %q is none of %s, %s, %s", c.KeyShape, TokenKeys, DigitKeys, MixedKeys)
	}
	for _, limit := range []struct {
		name            string
		value, min, max int
	}{
		{"files", c.Files, 1, MaxFiles},
		{"records_per_file", c.RecordsPerFile, 1, MaxRecords},
		{"control", c.Control, 1, 1_000_000},
		{"sentinel", c.Sentinel, 1, 1_000_000},
		{"update_percent", c.UpdatePercent, 0, 100},
		{"delete_percent", c.DeletePercent, 0, 100},
		{"reject_percent", c.RejectPercent, 0, 100},
		{"full_every", c.FullEvery, 0, MaxFiles},
		{"first_number", c.FirstNumber, 0, MaxFiles - c.Files},
		{"recreate_percent", c.RecreatePercent, 0, 100},
		{"huge_file", c.HugeFile, 0, MaxRecords},
		{"hostile.encoding_percent", c.Hostile.EncodingPercent, 0, 100},
		{"hostile.nul_percent", c.Hostile.NULPercent, 0, 100},
		{"hostile.markup_percent", c.Hostile.MarkupPercent, 0, 100},
		{"hostile.mixed_percent", c.Hostile.MixedPercent, 0, 100},
		{"hostile.huge_fields", c.Hostile.HugeFields, 0, 100},
		{"hostile.bom_every", c.Hostile.BOMEvery, 0, MaxFiles},
		{"hostile.crlf_every", c.Hostile.CRLFEvery, 0, MaxFiles},
		{"hostile.empty_every", c.Hostile.EmptyEvery, 0, MaxFiles},
		{"hostile.blank_every", c.Hostile.BlankEvery, 0, MaxFiles},
		{"hostile.copies_every", c.Hostile.CopiesEvery, 0, MaxFiles},
		{"uploads.cut_every", c.Uploads.CutEvery, 0, MaxFiles},
		{"uploads.slow_every", c.Uploads.SlowEvery, 0, MaxFiles},
		{"uploads.again_every", c.Uploads.AgainEvery, 0, MaxFiles},
		{"uploads.same_name_every", c.Uploads.SameNameEvery, 0, MaxFiles},
		{"uploads.late_every", c.Uploads.LateEvery, 0, MaxFiles},
	} {
		if limit.value < limit.min || limit.value > limit.max {
			return fmt.Errorf("workload: %s is %d, it must lie between %d and %d", limit.name, limit.value, limit.min, limit.max)
		}
	}
	if c.UpdatePercent+c.DeletePercent > 100 {
		return fmt.Errorf("workload: update_percent %d and delete_percent %d are more than 100 together", c.UpdatePercent, c.DeletePercent)
	}
	if sum := c.UpdatePercent + c.DeletePercent + c.RecreatePercent; sum > 100 {
		return fmt.Errorf("workload: update_percent, delete_percent and recreate_percent are %d together, more than 100", sum)
	}
	if c.RecordsPerFile > MaxRecords/c.Files {
		return fmt.Errorf("workload: %d files of %d rows are more than %d operations", c.Files, c.RecordsPerFile, MaxRecords)
	}
	if c.FilesPerSecond < 0 {
		return fmt.Errorf("workload: files_per_second is %g, it must not be negative", c.FilesPerSecond)
	}
	if c.Format != nil {
		if err := c.Format.Validate(); err != nil {
			return fmt.Errorf("workload: %w", err)
		}
		if err := c.fits(); err != nil {
			return fmt.Errorf("workload: %w", err)
		}
	}
	if (c.InPlace || c.Uploads.CutEvery > 0 || c.Uploads.SlowEvery > 0) && c.NoTrailer {
		return fmt.Errorf("workload: in_place, cut_every or slow_every with no_trailer: nothing would say when a file is complete")
	}
	return nil
}

// CheckTag says what is wrong with a tag.
func CheckTag(tag string) error {
	if len(tag) != tagLength || strings.Trim(tag, alphabet) != "" {
		return fmt.Errorf("tag %q is not %d characters of %s", tag, tagLength, alphabet)
	}
	return nil
}

// NewTag returns a random tag. Tags differ per run, also for equal seeds, so
// that what an earlier run left behind is never taken for success.
func NewTag() string {
	var random [tagLength]byte
	rand.Read(random[:]) // never fails
	for i, b := range random {
		random[i] = alphabet[b%32]
	}
	return string(random[:])
}
