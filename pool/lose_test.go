package pool

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/link"
)

func TestOutcomesThatAProcessCannotKnowChangeNothingOfOthers(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	stranger := b.stranger()
	require.ErrorIs(t, stranger.tell(1, 1), errGarbage, "before it is ready")
	other, m := b.mate(), b.mate()
	b.arrive(broker.Normal, false, calls(1, "f")...)
	b.arrive(broker.Normal, false, calls(1, "f")...)
	before, mine := other.next(), m.next()
	other.begin(before, 0)
	b.arrive(broker.Normal, true, calls(2, "f")...)
	theirs := other.next()
	for range theirs.tasks {
		other.begin(theirs, 0) // or it would be stolen
	}

	require.ErrorIs(t, m.tell(theirs.id, 1), errGarbage, "a run that another process has")
	require.ErrorIs(t, m.tell(0, 1), errGarbage)
	require.ErrorIs(t, m.tell(1<<63, 1), errGarbage)
	require.ErrorIs(t, m.tell(mine.id, 2), errGarbage, "more tasks than it has")
	require.ErrorIs(t, m.tell(mine.id, 1), errGarbage, "a run that is over")
	now := time.Now()
	good := link.AppendOutcome(link.AppendOutcomes(nil, theirs.id, now), now, &link.Outcome{Started: now})
	require.ErrorIs(t, b.receive(other.process, append(good, 99)), link.ErrProtocol, "the rest does not read")
	require.ErrorIs(t, b.receive(other.process, good[:15]), link.ErrProtocol)

	require.Equal(t, 2, other.has(), "all but the one whose outcome reads")
	require.Zero(t, m.has())
	counted, _ := b.totals()
	require.EqualValues(t, 2, counted["f"].Attempts)
	require.Empty(t, counted["f"].Failed)
}

func TestOfAProcessThatHarmsItsLinkTheOneTaskWithoutAnOutcomeIsInDoubt(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	m := b.mate()
	d := b.arrive(broker.Normal, false, calls(2*maxUnknown, "f")...)
	first, second := m.next(), m.next()
	m.board.Finish(first.id, m.begin(first, 0))
	m.begin(second, 0) // it goes on until it is killed
	ran := b.lose(m.process, true)
	require.NotNil(t, ran)
	require.Equal(t, d.batch.N(0), ran.task.N)
	require.Equal(t, 2*maxUnknown-1, b.waits(broker.Normal))
}

func TestOfAProcessThatHarmsItsLinkSeveralTasksAreNotCharged(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	m := b.mate()
	b.arrive(broker.Normal, false, calls(8, "f")...)
	p := m.next()
	for i := range 5 {
		require.Equal(t, i, m.begin(p, 0))
	}
	require.NoError(t, m.tell(p.id, 2))
	require.Nil(t, b.lose(m.process, true), "nobody knows which it was")
	require.Equal(t, 6, b.waits(broker.Normal))

	other := b.mate()
	for i := range 3 {
		alone := other.next()
		require.Len(t, alone.tasks, 1)
		require.Equal(t, 2+i, alone.first())
		other.rest(alone)
	}
	rest := other.next()
	require.Equal(t, 5, rest.first())
	require.Len(t, rest.tasks, 3)
}
