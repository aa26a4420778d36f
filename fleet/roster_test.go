package fleet

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

func beat(t *testing.T, status codec.HostStatus) (subject string, data []byte) {
	t.Helper()
	data, err := json.Marshal(status)
	require.NoError(t, err)
	return "muster.host." + status.ID, data
}

func sound(id string) codec.HostStatus {
	return codec.HostStatus{
		ID: id, Host: "kestrel", Queue: "default", State: codec.HostServing,
		Counts: map[string]codec.FuncCount{"f": {Attempts: 1, Failed: map[codec.Code]uint64{codec.CodeError: 1}}},
		Deaths: map[codec.Cause]uint64{codec.CauseExit: 1},
	}
}

func TestRosterLosesAndForgets(t *testing.T) {
	t.Parallel()
	r, now := newRoster(), time.Unix(1_700_000_000, 0)
	hear := func(status codec.HostStatus) {
		subject, data := beat(t, status)
		_, _, ok := r.hear(subject, data, now)
		require.True(t, ok)
	}
	leaving := sound("bbbbbbbb")
	leaving.Spans = []codec.Span{{Func: "f", Count: 1}}
	hear(sound("aaaaaaaa"))
	hear(leaving)
	leaving.State = codec.HostStopped
	hear(leaving)

	states := func() (all string) {
		for _, h := range r.hosts(now) {
			require.Empty(t, h.Spans)
			all += fmt.Sprintf("%s %s %t;", h.ID[:1], h.State, h.Lost)
		}
		return all
	}
	now = now.Add(lostAfter - 1)
	require.Equal(t, "a serving false;b stopped false;", states())
	now = now.Add(1)
	require.Equal(t, "a serving true;b stopped false;", states())
	now = now.Add(forgottenAfter - lostAfter - 1)
	hear(sound("aaaaaaaa"))
	now = now.Add(1)
	require.Equal(t, "a serving false;", states())
}

func TestRosterIgnoresWhatIsNoHost(t *testing.T) {
	t.Parallel()
	r := newRoster()
	for name, spoil := range map[string]func(*codec.HostStatus){
		"other id":       func(s *codec.HostStatus) { s.ID = "bbbbbbbb" },
		"no name":        func(s *codec.HostStatus) { s.Host = "" },
		"escape":         func(s *codec.HostStatus) { s.Host = "\x1b[2J" },
		"long queue":     func(s *codec.HostStatus) { s.Queue = strings.Repeat("q", 1000) },
		"state":          func(s *codec.HostStatus) { s.State = "a\nb" },
		"func":           func(s *codec.HostStatus) { s.Funcs = []string{"f", "\a"} },
		"running func":   func(s *codec.HostStatus) { s.Processes = []codec.ProcessStatus{{Func: "\t"}} },
		"counted func":   func(s *codec.HostStatus) { s.Counts["\x7f"] = codec.FuncCount{} },
		"counted code":   func(s *codec.HostStatus) { s.Counts["f"].Failed["\x7f"] = 1 },
		"cause":          func(s *codec.HostStatus) { s.Deaths["\x00"] = 1 },
		"span":           func(s *codec.HostStatus) { s.Spans = []codec.Span{{Func: "f", Task: "\r", Count: 1}} },
		"span of nobody": func(s *codec.HostStatus) { s.Spans = []codec.Span{{Func: "f", Count: 0}} },
	} {
		status := sound("aaaaaaaa")
		spoil(&status)
		_, data := beat(t, status)
		_, _, ok := r.hear("muster.host.aaaaaaaa", data, time.Now())
		require.False(t, ok, name)
	}
	for _, id := range []string{"", "short", "ninechars", "UPPERCASE"[:8], "a.b.c.d."} {
		subject, data := beat(t, sound(id))
		_, _, ok := r.hear(subject, data, time.Now())
		require.False(t, ok, id)
	}
	for _, garbled := range []string{"", "null", "{", "[]", `{"id":7}`, `{"id":"aaaaaaaa","host":"h","started":"yesterday"}`} {
		_, _, ok := r.hear("muster.host.aaaaaaaa", []byte(garbled), time.Now())
		require.False(t, ok, garbled)
	}
	require.Empty(t, r.hosts(time.Now()))
}

func TestRosterIsBounded(t *testing.T) {
	t.Parallel()
	r, now := newRoster(), time.Unix(1_700_000_000, 0)
	hear := func(n int) bool {
		subject, data := beat(t, sound(fmt.Sprintf("h%07d", n)))
		_, _, ok := r.hear(subject, data, now)
		return ok
	}
	for n := range maxHosts {
		require.True(t, hear(n))
	}
	require.False(t, hear(maxHosts))
	require.True(t, hear(0), "who is known stays")
	require.Len(t, r.hosts(now), maxHosts)
	now = now.Add(forgottenAfter)
	require.True(t, hear(maxHosts), "there is room again")
	require.Len(t, r.hosts(now), 1)
}
