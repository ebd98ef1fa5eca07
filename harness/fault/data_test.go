package fault

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/workload"
)

// inData is every fault in what is sent.
func inData() []Fault {
	return []Fault{
		PoisonRows(5), WrongEncoding(5), ZeroBytes(5), Markup(5), MixedTypes(5), HugeFields(1), HugeFile(400), ByteOrderMark(3), CRLF(3),
		EmptyFile(3), BlankFile(3), DuplicateRows(3), PartialUpload(3), SlowUpload(3), ReDrop(3), SameName(3), LateDeltas(3),
	}
}

// planned answers for a workload.
type planned struct {
	w    *workload.Workload
	came error
}

func (p planned) carrying(trait workload.Trait) (operations int) {
	for _, d := range p.w.Drops() {
		if p.w.Carries(d, trait) {
			operations += 1 + len(p.w.Files[d.File].Ops)
		}
	}
	return operations
}

func (p planned) Carrying(trait workload.Trait) (int, error) {
	if n := p.carrying(trait); n > 0 {
		return n, nil
	}
	return 0, errors.New("nothing carries it")
}

func (p planned) First(context.Context, workload.Trait) (string, error) { return "came", p.came }
func (p planned) All(context.Context, workload.Trait) (string, error)   { return "over", nil }

// Each changes the workload, what it changes is found by its trait, and
// nothing of it is there without.
func TestFaultsInDataTravelWithWhatIsSent(t *testing.T) {
	names := map[string]bool{}
	for _, f := range inData() {
		require.False(t, names[f.Name], f.Name)
		names[f.Name] = true
		config := workload.Default(3, "T3ST")
		config.Files, config.RecordsPerFile = 12, 40
		plain, err := workload.New(config)
		require.NoError(t, err)
		_, err = f.Prepare(t.Context(), &fakeWorld{uploads: planned{w: plain}})
		require.Error(t, err, "%s: no match is an error", f.Name)

		f.Data(&config)
		changed, err := workload.New(config)
		require.NoError(t, err)
		uploads := planned{w: changed}
		injection, err := f.Prepare(t.Context(), &fakeWorld{uploads: uploads})
		require.NoError(t, err, f.Name)
		require.Empty(t, injection.Undo)
		require.NoError(t, injection.Inject(t.Context()))
		require.Positive(t, injection.InFlight(), f.Name)
		evidence, err := injection.Bites(t.Context())
		require.NoError(t, err)
		require.Equal(t, "came", evidence)
		evidence, err = injection.Healed(t.Context())
		require.NoError(t, err)
		require.Equal(t, "over", evidence)

		uploads.came = errors.New("refused")
		injection, err = f.Prepare(t.Context(), &fakeWorld{uploads: uploads})
		require.NoError(t, err)
		_, err = injection.Bites(t.Context())
		require.ErrorIs(t, err, uploads.came)
	}
}
