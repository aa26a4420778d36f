package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/musterfleet/muster/internal/broker"
)

// streams compares what there is with what Muster needs.
func (e *examination) streams(ctx context.Context) {
	var all []broker.Inspection
	e.ask(ctx, CheckStream, "", func(ctx context.Context) (err error) {
		all, err = broker.InspectShared(ctx, e.js)
		return err
	})
	for _, q := range e.queues {
		e.ask(ctx, CheckStream, broker.TaskStream(q.Name), func(ctx context.Context) error {
			seen, err := broker.InspectQueue(ctx, e.js, q.Name)
			if err == nil {
				all = append(all, seen)
			}
			return err
		})
	}
	for _, seen := range all {
		e.stream(seen)
		e.replicas(seen)
	}
}

func (e *examination) stream(seen broker.Inspection) {
	switch {
	case seen.Taken != "":
		e.problem(CheckStream, seen.Stream, "it is not there, and stream "+seen.Taken+" takes its subjects",
			"rename or delete "+seen.Taken+", or change its subjects")
		return
	case len(seen.Differences) > 0:
		e.problem(CheckStream, seen.Stream, "foreign configuration: "+strings.Join(seen.Differences, "; "),
			"edit it (nats stream edit, nats consumer edit), or delete it and let muster create it")
	case seen.Info == nil:
		e.ok(CheckStream, seen.Stream, "not there yet: whoever comes first creates it")
		return
	}
	if len(seen.Missing) > 0 {
		e.warn(CheckStream, seen.Stream, "consumers are missing: "+strings.Join(seen.Missing, ", "),
			"start a worker host or a client, which creates them")
	}
	if len(seen.Differences)+len(seen.Missing) == 0 {
		e.ok(CheckStream, seen.Stream, "as muster needs it")
	}
}

// replicas tells of streams on a cluster that one server's loss takes away.
func (e *examination) replicas(seen broker.Inspection) {
	if seen.Info == nil || e.nc.ConnectedClusterName() == "" {
		return
	}
	if n := seen.Info.Config.Replicas; n > 1 {
		e.ok(CheckReplicas, seen.Stream, "on %d servers", n)
		return
	}
	e.warn(CheckReplicas, seen.Stream, "it is on one server of the cluster alone (R1)",
		fmt.Sprintf("nats stream edit --replicas 3 %s", seen.Stream))
}
