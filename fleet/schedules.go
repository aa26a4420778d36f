package fleet

import (
	"context"
	"slices"
	"strings"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// Schedule is a call that the broker submits again and again, as
// producer.Schedule has set it.
type Schedule struct {
	Name  string `json:"name"`
	Cron  string `json:"cron"`           // six fields with seconds first, or one that begins with @
	Zone  string `json:"zone,omitempty"` // its time zone; empty for UTC
	Queue string `json:"queue"`
	Lane  string `json:"lane"`
	Func  string `json:"func,omitempty"` // empty if the stored call cannot be read
	Arg   []byte `json:"-"`              // the argument in MessagePack
}

// Schedules returns all schedules, by name.
func (f *Fleet) Schedules(ctx context.Context) ([]Schedule, error) {
	all := []Schedule{}
	for stored, err := range broker.Schedules(ctx, f.js, "") {
		if err != nil {
			return nil, err
		}
		if stored.Cron == "" {
			continue
		}
		s := Schedule{Name: stored.Cron, Cron: stored.Expr, Zone: stored.Zone, Queue: stored.Queue, Lane: stored.Lane.String()}
		var batch codec.Batch
		if err := batch.Decode(stored.Data); err == nil && len(batch.Tasks) > 0 {
			s.Func, s.Arg = batch.Tasks[0].Func, batch.Tasks[0].Arg
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Schedule) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}
