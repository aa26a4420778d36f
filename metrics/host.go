package metrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/pool"
)

// Host returns a collector of how a worker host and its processes stand, and of what
// has come of their tasks since the host's start. It reads [pool.Supervisor.Status]
// at each scrape.
func Host(s *pool.Supervisor) prometheus.Collector { return host{s} }

type host struct{ supervisor *pool.Supervisor }

var (
	hostInfo      = desc("host_info", "The worker host: always 1.", "id", "host", "queue", "version")
	hostState     = desc("host_state", "What the worker host is about: 1 for its state, 0 for the others.", "state")
	hostStart     = desc("host_start_time_seconds", "When the worker host started, in seconds since the Unix epoch.")
	hostConnected = desc("host_connected", "Whether the worker host has its connection to the broker: 1 or 0.")
	hostResident  = desc("host_resident_bytes", "Resident memory of the supervisor.")
	processWant   = desc("processes_wanted", "Worker processes that there should be.")
	processes     = desc("processes", "Worker processes, by what they do.", "state")
	processMemory = desc("process_resident_bytes", "Resident memory of the worker process in a place of the host.", "place")
	processLimit  = desc("process_memory_limit_bytes", "How much memory a worker process may have resident; none if there is no limit.")
	processHeld   = desc("deliveries_held", "Deliveries that the worker processes have at hand.")
	attempts      = desc("attempts_total", "Attempts at tasks that have ended, those that died included.", "func")
	failed        = desc("attempts_failed_total", "Attempts at tasks that came to a failure.", "func", "code")
	runTime       = desc("task_run_seconds", "How long attempts ran.", "func")
	waitTime      = desc("task_wait_seconds", "How long tasks waited, from being stored to the start of the attempt.", "func")
	deaths        = desc("deaths_total", "Unexpected ends of worker processes, by cause.", "cause")
	handOffs      = desc("handoffs_total", "Outcomes in safe hands: direct to the client, or stored by the broker.", "way")
)

var (
	hostStates    = []codec.HostState{codec.HostServing, codec.HostDraining, codec.HostUnhealthy, codec.HostStopped}
	processStates = []codec.ProcessState{
		codec.ProcessDormant, codec.ProcessStarting, codec.ProcessIdle, codec.ProcessBusy, codec.ProcessDraining,
		codec.ProcessBackoff,
	}
	// causes are counted from 0, so that a first death is an increase.
	causes = []codec.Cause{
		codec.CauseExit, codec.CauseSignal, codec.CauseOutOfMemory, codec.CauseMemoryLimit,
		codec.CauseTimeLimit, codec.CauseCancelled, codec.CauseFrozen, codec.CauseUnready,
	}
)

// Describe sends the collector's metrics.
func (host) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		hostInfo, hostState, hostStart, hostConnected, hostResident, processWant, processes, processMemory,
		processLimit, processHeld, attempts, failed, runTime, waitTime, deaths, handOffs,
	} {
		out <- d
	}
}

// Collect sends what the metrics are now.
func (h host) Collect(out chan<- prometheus.Metric) {
	s := h.supervisor.Status()
	to := sink(out)
	to.gauge(hostInfo, 1, s.ID, s.Host, s.QueueText(), s.Version)
	for _, state := range hostStates {
		to.gauge(hostState, truth(state == s.State), string(state))
	}
	to.gauge(hostStart, float64(s.Started.UnixMilli())/1e3)
	to.gauge(hostConnected, truth(h.supervisor.Connected()))
	to.gauge(hostResident, float64(s.Memory))
	to.gauge(processWant, float64(s.Want))
	if s.MemoryLimit > 0 {
		to.gauge(processLimit, float64(s.MemoryLimit))
	}
	to.processes(s.Processes)
	for name, count := range s.Counts {
		to.count(attempts, count.Attempts, name)
		to.histogram(runTime, count.Run, name)
		to.histogram(waitTime, count.Wait, name)
		for code, n := range count.Failed {
			to.count(failed, n, name, string(code))
		}
	}
	for _, cause := range causes {
		to.count(deaths, s.Deaths[cause], string(cause))
	}
	to.count(handOffs, s.HandOffs.Direct, "direct")
	to.count(handOffs, s.HandOffs.Stored, "stored")
}

func (to sink) processes(all []codec.ProcessStatus) {
	held, by := 0, map[codec.ProcessState]int{}
	for _, p := range all {
		by[p.State]++
		held += p.Held
		if p.PID != 0 {
			to.gauge(processMemory, float64(p.Memory), strconv.Itoa(p.Place))
		}
	}
	for _, state := range processStates {
		to.gauge(processes, float64(by[state]), string(state))
	}
	to.gauge(processHeld, float64(held))
}
