package work

import (
	"context"
	"fmt"
	"time"

	"github.com/musterfleet/muster/bench/peer"
)

// size warms a peer up, and returns the load that it is measured with at a point:
// slow peers run fewer tasks where the work can be sized, and are left out where
// it cannot and would take them too long.
func (r *run) size(ctx context.Context, p *place, point Point) (peer.Load, error) {
	load, scale := point.Load, r.plan.scale
	if load.Mode == peer.Idle {
		p.stop() // what it did before shows in its memory
		return load, p.start(ctx, point.Setup)
	}
	trial := load
	trial.Parked = 0 // it costs far more than it changes
	trial.Tasks = firstTrial(load, scale.Target)
	if load.Sleep > 0 { // there is no way to be faster
		trial.Tasks, trial.Sleep = workers, 0
		_, err := p.run(ctx, point.Setup, trial, scale.Limit)
		return load, err
	}
	// A slow start makes a short trial a bad guess. What is sized can be trusted
	// to the rounds; what is not would be left out for it.
	enough := scale.Target / 4
	if !point.Sized {
		enough = scale.Target
	}
	var took time.Duration
	for {
		report, err := p.run(ctx, point.Setup, trial, scale.Limit)
		if err != nil {
			return load, err
		}
		took = max(report.Elapsed, time.Microsecond)
		if trial.Tasks == load.Tasks || took >= enough {
			break
		}
		trial.Tasks = min(load.Tasks, trial.Tasks*max(2, min(10, int(2*enough/took))))
	}
	each := float64(took) / float64(trial.Tasks)
	if point.Sized {
		load.Tasks = min(load.Tasks, int(float64(scale.Target)/each))
		// An odd one or a handful would leave a worker idle at the end.
		step := max(2, point.Step)
		load.Tasks = max(load.Tasks, 4*step, 10*load.Clients, 10)
		load.Tasks -= load.Tasks % step
	} else if expected := time.Duration(each * float64(load.Tasks)); expected > scale.Afford {
		return load, fmt.Errorf("left out: %d tasks would take it about %s", load.Tasks, expected.Round(time.Second))
	}
	return load, nil
}

// firstTrial returns a number of tasks that takes no peer long.
func firstTrial(load peer.Load, target time.Duration) int {
	tasks := 100
	if load.Mode == peer.Sequence {
		tasks = 10
	}
	if load.Spin > 0 && load.LongEvery == 0 {
		tasks = min(tasks, max(workers, int(target/load.Spin)))
	}
	return min(load.Tasks, tasks)
}
