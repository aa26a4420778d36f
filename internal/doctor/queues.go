package doctor

import (
	"fmt"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
)

// manyLetters is near the number at which the oldest dead letters go.
const manyLetters = 90_000

// serving returns the hosts that pull from a queue.
func (e *examination) serving(queue string) (all []fleet.Host) {
	for _, host := range e.hosts {
		if host.ServesQueue(queue) && !host.Lost && host.State == codec.HostServing {
			all = append(all, host)
		}
	}
	return all
}

// work counts a queue's messages.
func (q *queue) work() (waiting uint64, inFlight int, paused bool) {
	paused = true
	for _, lane := range q.Lanes {
		waiting += lane.Pending
		inFlight += lane.InFlight
		paused = paused && lane.Paused
	}
	return waiting, inFlight, paused
}

// workers checks that somebody serves each queue.
func (e *examination) workers() {
	if !e.heard {
		return
	}
	for _, q := range e.queues {
		waiting, inFlight, _ := q.work()
		hosts, processes := e.serving(q.Name), 0
		for _, host := range hosts {
			processes += host.Want
		}
		if len(hosts) > 0 {
			e.ok(CheckWorkers, q.Name, "hosts that serve it: %d, with worker processes: %d", len(hosts), processes)
			continue
		}
		saw := fmt.Sprintf("no workers: no worker host serves the queue; messages that wait: %d, in flight: %d", waiting, inFlight)
		mend := "start one: muster worker --queue " + q.Name
		if waiting > 0 || inFlight > 0 || e.Queue != "" {
			e.problem(CheckWorkers, q.Name, saw, mend)
		} else {
			e.warn(CheckWorkers, q.Name, saw, mend)
		}
	}
}

// pauses tells of queues that are paused and have work.
func (e *examination) pauses() {
	for _, q := range e.queues {
		waiting, _, paused := q.work()
		switch {
		case paused && waiting > 0:
			e.warn(CheckPause, q.Name, fmt.Sprintf("the queue is paused, and messages wait: %d", waiting), "muster queue resume "+q.Name)
		case paused:
			e.ok(CheckPause, q.Name, "the queue is paused, and nothing waits")
		default:
			e.ok(CheckPause, q.Name, "not paused; messages that wait: %d", waiting)
		}
	}
}

// deadLetters tells of tasks that were given up.
func (e *examination) deadLetters() {
	for _, q := range e.queues {
		saw := fmt.Sprintf("dead letters: %d", q.letters)
		look := "muster dead ls --queue " + q.Name + ", then muster dead retry or muster dead rm"
		switch {
		case q.letters == 0:
			e.ok(CheckDeadLetters, q.Name, "%s", saw)
		case q.letters >= manyLetters:
			e.problem(CheckDeadLetters, q.Name, saw+"; of more than 100000 in all queues the oldest go", look)
		default:
			e.warn(CheckDeadLetters, q.Name, saw, look)
		}
	}
}
