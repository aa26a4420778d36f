package chaos

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

// job is the argument of a task, and how it is submitted.
type job struct {
	Arg   uint64
	Nap   time.Duration
	Brief bool // call brief instead of solid

	Manner string // how the task kills its process: a key of manners
	Deaths int    // in how many of its attempts
	Budget int    // attempts that may end so

	Errors   int // after these attempts, in how many it returns an error
	Attempts int // attempts that may end so

	Durable bool
	Lane    producer.Lane
	Key     string
}

const (
	// ampleBudget is the crash budget of tasks that do their processes no harm:
	// more than any will be struck by chance.
	ampleBudget = 20
	// poisonBudget is that of tasks that kill every process they meet.
	poisonBudget = 3
	// hopeless is in how many attempts a task returns an error that never returns
	// a value: more than it may.
	hopeless = 1000
	// keys is how many keys there are.
	keys = 16
)

// drawJob draws a run's n-th job, from the seed alone. All jobs of one key are the
// same, so that it does not matter which one gets it.
func drawJob(seed uint64, n int, varied bool) job {
	random := rand.New(rand.NewPCG(seed, uint64(n)))
	j := drawPlain(random)
	if !varied {
		return j
	}
	if random.IntN(50) == 0 {
		return drawKeyed(seed, random.IntN(keys))
	}
	return j.vary(random)
}

// drawPlain draws a job that takes between 1 and 5 ms and does no harm. The
// outcomes of some are kept.
func drawPlain(random *rand.Rand) job {
	return job{
		Arg: random.Uint64N(1 << 40), Nap: time.Millisecond + time.Duration(random.Int64N(int64(4*time.Millisecond))),
		Budget: ampleBudget, Attempts: 1, Durable: random.IntN(4) == 0, Lane: producer.Normal,
	}
}

// vary makes the job another kind of some. A third is so brief that they share
// messages, some of these wrongly; some go before others, or behind them; a few
// return errors at first, or always, and a few kill their process.
func (j job) vary(random *rand.Rand) job {
	j.Brief = random.IntN(3) == 0
	if j.Brief {
		j.Nap = time.Duration(random.IntN(200)) * time.Microsecond
	}
	if random.IntN(200) == 0 {
		j.Nap = time.Duration(50+random.IntN(250)) * time.Millisecond
	}
	switch random.IntN(20) {
	case 0:
		j.Lane = producer.High
	case 1:
		j.Lane = producer.Low
	}
	if random.IntN(40) == 0 {
		j = j.erring(random)
		if random.IntN(8) == 0 {
			j.Errors = hopeless
		}
	}
	if random.IntN(500) == 0 {
		j.Manner = mannerNames[random.IntN(len(mannerNames))]
		j.Deaths = 1 + random.IntN(2)
		if random.IntN(8) == 0 {
			j.Deaths, j.Budget = poisonBudget, poisonBudget
		}
	}
	return j
}

// erring has the job return errors as often as it may without one for its outcome.
func (j job) erring(random *rand.Rand) job {
	j.Errors = 1 + random.IntN(2)
	j.Attempts = j.Errors + 1
	return j
}

// drawKeyed draws the job of a key, which comes to a value in the end.
func drawKeyed(seed uint64, key int) job {
	random := rand.New(rand.NewPCG(seed, 1<<63+uint64(key)))
	j := drawPlain(random)
	j.Key = fmt.Sprintf("key %d", key)
	j.Nap *= 10 // so that others come while it runs
	if key%4 == 0 {
		j = j.erring(random)
	}
	return j
}

func (j job) fn() codec.Func[job, uint64] {
	if j.Brief {
		return brief
	}
	return solid
}

// shortBackoff is the first wait after an error.
const shortBackoff = 10 * time.Millisecond

func (j job) options() []producer.CallOption {
	all := []producer.CallOption{
		producer.Crashes(j.Budget), producer.Attempts(j.Attempts), producer.Backoff(shortBackoff), producer.Priority(j.Lane),
	}
	if j.Durable {
		all = append(all, producer.Retain(time.Hour))
	}
	if j.Key != "" {
		all = append(all, producer.Key(j.Key))
	}
	return all
}
