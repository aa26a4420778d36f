package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// maxRead bounds how many messages of a queue, and how many dead letters, are read
// to see what clients ask for.
const maxRead = 100

// deadAsk says that only dead letters ask for a func: its time may be over.
const deadAsk = "dead letters"

var errEnough = errors.New("enough read")

// asked is who asks for a func, in words, by the func's name.
type asked map[string]string

func (a asked) add(name, by string) {
	if _, known := a[name]; !known {
		a[name] = by
	}
}

// funcs checks that the hosts of each queue have handlers for what clients ask for.
func (e *examination) funcs(ctx context.Context) {
	names := map[string]bool{}
	for _, q := range e.queues {
		names[q.Name] = true
	}
	for _, host := range e.hosts {
		for _, q := range host.Serves() {
			names[q.Name] = true
		}
	}
	letters := e.lettersAsk(ctx)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if len(e.serving(name)) == 0 {
			continue // nobody to have a handler, which another check tells
		}
		want := e.asks(ctx, name)
		for f, by := range letters[name] {
			want.add(f, by)
		}
		e.offered(name, want)
	}
}

// offered compares what is asked of a queue with what its hosts offer.
func (e *examination) offered(queue string, want asked) {
	hosts, lacking := e.serving(queue), 0
	for _, f := range slices.Sorted(maps.Keys(want)) {
		var without []string
		for _, host := range hosts {
			if !slices.Contains(host.Funcs, f) {
				without = append(without, host.Host)
			}
		}
		if len(without) == 0 {
			continue
		}
		lacking++
		who, judge := "no host of the queue has", e.problem
		if want[f] == deadAsk {
			judge = e.warn
		}
		if len(without) < len(hosts) { // they pass its tasks on to the others
			who = "these hosts of the queue have not: " + strings.Join(without, ", ") + ", though others have,"
			judge = e.warn
		}
		saw := fmt.Sprintf("missing func: %s a handler for %q, which is asked for by %s", who, f, want[f])
		if f == codec.OtherFuncs { // hosts count together what they have no handler for
			saw = "missing func: " + want[f] + "; the callers' errors name the func"
		}
		judge(CheckFunc, queue, saw,
			"run a program on the hosts that calls consumer.Handle for it, offer it with --exec, or mend its name in the client")
	}
	if lacking == 0 {
		e.ok(CheckFunc, queue, "its hosts have a handler for each func that is seen to be asked for: %d", len(want))
	}
}

// asks returns what is asked of a queue: by name, by tasks that wait, and by those
// that hosts have failed already.
func (e *examination) asks(ctx context.Context, name string) asked {
	all := asked{}
	for _, f := range e.Funcs {
		all.add(f, "--func")
	}
	for _, host := range e.hosts {
		for f, count := range host.Counts {
			if n := count.Failed[codec.CodeUnknownFunc]; host.ServesQueue(name) && n > 0 {
				all.add(f, fmt.Sprintf("tasks that failed on host %s with an unknown func: %d", host.Host, n))
			}
		}
	}
	if e.js == nil || !slices.ContainsFunc(e.queues, func(q queue) bool { return q.Name == name }) {
		return all
	}
	e.ask(ctx, CheckFunc, name, func(ctx context.Context) error {
		var batch codec.Batch
		n := 0
		err := broker.Walk(ctx, e.js, name, func(_ uint64, _ string, data []byte) error {
			if n++; n > maxRead {
				return errEnough
			}
			if batch.Decode(data) == nil {
				for i := range batch.Tasks {
					all.add(strings.Clone(batch.Tasks[i].Func), "tasks that wait")
				}
			}
			return nil
		})
		if errors.Is(err, errEnough) {
			return nil
		}
		return err
	})
	return all
}

// lettersAsk returns the funcs of dead letters, by queue.
func (e *examination) lettersAsk(ctx context.Context) map[string]asked {
	all := map[string]asked{}
	if e.js == nil || !slices.ContainsFunc(e.queues, func(q queue) bool { return q.letters > 0 }) {
		return all
	}
	e.ask(ctx, CheckFunc, "", func(ctx context.Context) error {
		n := 0
		for letter, err := range broker.Letters(ctx, e.js, e.Queue) {
			if err != nil {
				return err
			}
			if n++; n > maxRead {
				return nil
			}
			dead, err := codec.ReadDeadLetter(letter.Data)
			if err != nil {
				continue
			}
			if _, task, err := dead.Task(); err == nil {
				if all[letter.Queue] == nil {
					all[letter.Queue] = asked{}
				}
				all[letter.Queue].add(strings.Clone(task.Func), deadAsk)
			}
		}
		return nil
	})
	return all
}
