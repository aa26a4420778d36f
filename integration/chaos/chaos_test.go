package chaos

import (
	"context"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// maxTail is how long a run may take, most times, from the last task's submission
// to the end.
const maxTail = 45 * time.Second

// between is the mean time between faults, when they are not counted.
const between = 350 * time.Millisecond

// planned is the run that the flags ask for.
func planned(seed uint64) run {
	r := run{seed: seed, tasks: *tasksFlag, duration: *durationFlag - min(*durationFlag/4, maxTail), varied: true}
	counts := map[*kind]int{killWorker: *killsFlag, killHost: *supervisorsFlag, killBroker: *brokersFlag, killClient: *clientsFlag}
	if *killsFlag+*supervisorsFlag+*brokersFlag+max(*clientsFlag, 0) > 0 {
		if *clientsFlag < 0 {
			counts[killClient] = 3
		}
		r.varied = false
		r.plan = drawCounts(seed, counts)
	} else if r.tasks > 0 {
		r.plan = drawPlan(seed, 10+r.tasks/500)
	} else {
		r.plan = drawPlan(seed, max(1, int(r.duration/between)))
	}
	return r
}

func TestChaos(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64N(1_000_000)
	}
	r := planned(seed)
	t.Logf("-chaos.seed=%d, %d faults planned", seed, len(r.plan))
	if testing.Verbose() && len(r.plan) < 100 {
		t.Logf("the plan:\n%v", r.plan)
	}
	dir, err := os.MkdirTemp("", "chaos-")
	require.NoError(t, err)
	keeps := true
	defer func() {
		if keeps {
			t.Logf("history and logs are in %s", dir)
			return
		}
		require.NoError(t, os.RemoveAll(dir))
	}()
	descriptors := openDescriptors(t)
	f, err := newFleet(dir, params{Seed: seed, Tasks: r.tasks, Varied: r.varied})
	require.NoError(t, err)

	ctx := context.Background()
	if deadline, ok := t.Deadline(); ok { // leave time to say what is wrong
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-maxTail))
		defer cancel()
	}
	began := time.Now()
	require.NoError(t, r.on(ctx, f))
	took := time.Since(began)

	f.noteLeftovers()
	f.history.close()
	records, err := readHistory(f.path(historyFile))
	require.NoError(t, err)
	x := newIndex(records)
	t.Logf("seed %d: %d faults\n%s", seed, len(r.plan), figures(x, took))
	require.NotZero(t, len(x.tasks), "nothing was tested")
	require.NotEmpty(t, tally(x), "no fault struck")
	violations := check(x)
	for _, v := range violations {
		t.Error(v)
	}
	require.Equal(t, descriptors, openDescriptors(t), "file descriptors are left")
	keeps = t.Failed()
}
