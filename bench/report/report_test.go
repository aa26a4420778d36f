package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/bench/peer"
	"github.com/musterfleet/muster/bench/work"
)

// everything has a sample of 1 for every peer at every point of a full run.
func everything() work.Results {
	r := work.Results{Scale: work.Full.Name, Rounds: 1}
	for _, p := range peer.All() {
		r.Peers = append(r.Peers, work.Peer{Info: p.Info()})
	}
	for _, w := range work.All(work.Full) {
		for _, m := range w.Metrics {
			t := work.Table{Work: w.Name, Title: w.Title, Metric: m}
			for _, point := range w.Points {
				t.Points = append(t.Points, point.Label)
				for _, p := range r.Peers {
					t.Cells = append(t.Cells, work.Cell{Point: point.Label, Peer: p.Name, Samples: []work.Sample{{Value: 1}}})
				}
			}
			r.Tables = append(r.Tables, t)
		}
	}
	return r
}

// A mark that names work, metric, point or peer wrongly would never be measured.
func TestMarksAreMeasured(t *testing.T) {
	t.Parallel()
	r := everything()
	for _, m := range marks {
		require.Len(t, m.got(r), 1, m.what)
	}
	require.Len(t, marks, 20)
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	most, least := mark{goal: 4}, mark{goal: 4, higher: true}
	require.Equal(t, "reached", most.verdict(4))
	require.Equal(t, "1.50 times the mark", most.verdict(6))
	require.Equal(t, "reached", least.verdict(4))
	require.Equal(t, "0.50 of the mark", least.verdict(2))
	require.Equal(t, "not measured", least.verdict(work.Summarize(nil).Median))
}

func TestNumber(t *testing.T) {
	t.Parallel()
	require.Equal(t, "1,234,568", Number(1234567.8, 0))
	require.Equal(t, "999.50", Number(999.5, 2))
	require.Equal(t, "-12,345", Number(-12345, 0))
}

func TestEveryPeerIsInTheTables(t *testing.T) {
	t.Parallel()
	r := everything()
	r.Peers[len(r.Peers)-1].LeftOut = "not installed"
	out := &strings.Builder{}
	require.NoError(t, Markdown(out, r))
	for _, p := range r.Peers {
		require.Contains(t, out.String(), "| "+p.Title+" |")
	}
	require.Contains(t, out.String(), "left out: not installed")
}

func TestUpdateNeedsMarkers(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "doc.md")
	require.NoError(t, os.WriteFile(path, []byte("nothing"), 0o600))
	require.ErrorIs(t, Update(path, everything()), ErrMarkers)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "nothing", string(text))
}
