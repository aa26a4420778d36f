package top

import (
	"context"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
)

// Snapshot is a fleet at one moment: the document of muster top --once --json.
type Snapshot struct {
	At     time.Time     `json:"at"`
	Hosts  []Host        `json:"hosts"`  // by name and id
	Queues []fleet.Queue `json:"queues"` // by name
	Funcs  []Func        `json:"funcs"`  // by name
	// Deaths counts the worker processes that died within the last minute. A
	// snapshot on its own knows of the latest eight of each host.
	Deaths map[codec.Cause]int `json:"deaths"`
}

// Host is a worker host.
type Host struct {
	codec.HostStatus
	Seen           time.Time `json:"seen"` // when its heartbeat came
	Lost           bool      `json:"lost"` // it has been silent for 5 seconds
	TasksPerSecond float64   `json:"tasks_per_second"`
}

// Func is one func, over all hosts.
type Func struct {
	Name            string                `json:"name"`
	Running         int                   `json:"running"`  // processes that run it
	Attempts        uint64                `json:"attempts"` // since the hosts' starts
	Failed          map[codec.Code]uint64 `json:"failed"`   // of these, by code
	TasksPerSecond  float64               `json:"tasks_per_second"`
	FailedPerSecond float64               `json:"failed_per_second"`
	Run             Durations             `json:"run"`  // from start to end
	Wait            Durations             `json:"wait"` // from being stored to the start
}

// Durations sums up a histogram. Its quantiles are upper bounds, in seconds; of
// what takes longer than the longest bound they are that, an hour.
type Durations struct {
	codec.Histogram
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
}

// rateTime is over how long [Take] measures rates.
const rateTime = time.Second

// Take takes a snapshot. That takes about two seconds: rates need two looks.
func Take(ctx context.Context, f *fleet.Fleet) (Snapshot, error) {
	var h history
	for look := range 2 {
		if look > 0 {
			select {
			case <-time.After(rateTime):
			case <-ctx.Done():
				return Snapshot{}, context.Cause(ctx)
			}
		}
		found, err := f.Hosts(ctx)
		if err != nil {
			return Snapshot{}, err
		}
		hosts := make([]fleet.Host, 0, len(found))
		for _, status := range found {
			hosts = append(hosts, fleet.Host{HostStatus: status, Seen: time.Now()})
		}
		h.observe(hosts, time.Now())
	}
	queues, err := f.Queues(ctx)
	if err != nil {
		return Snapshot{}, err
	}
	return h.snapshot(queues, time.Now()), nil
}

// utilisation returns how many worker processes run a task, and how many there
// should be, of the hosts that are there.
func (s *Snapshot) utilisation() (busy, want int) {
	for _, h := range s.Hosts {
		if h.there() {
			busy += h.busy()
			want += h.Want
		}
	}
	return busy, max(want, busy)
}

// host returns a host by its id.
func (s *Snapshot) host(id string) (Host, bool) {
	for _, h := range s.Hosts {
		if h.ID == id {
			return h, true
		}
	}
	return Host{}, false
}

func (h *Host) there() bool { return !h.Lost && h.State != codec.HostStopped }

func (h *Host) busy() (n int) {
	for _, p := range h.Processes {
		if p.Task != "" {
			n++
		}
	}
	return n
}

func (h *Host) memory() uint64 {
	n := h.Memory
	for _, p := range h.Processes {
		n += p.Memory
	}
	return n
}
