package doctor

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/login"
)

const (
	// patience bounds a whole examination.
	patience = time.Minute
	// listenFor is how long is listened to the hosts: they tell of themselves once a
	// second, and at once when asked.
	listenFor = 1500 * time.Millisecond
)

// Config says what to examine.
type Config struct {
	URL   string            // as for broker.Dial
	Who   login.Credentials // as for broker.Dial
	Queue string            // the only one to look at; default: all
	Funcs []string          // that every queue looked at should have a handler for

	now func() time.Time // this machine's clock
}

// examination is one under way.
type examination struct {
	Config
	found []Finding

	nc     *nats.Conn
	js     jetstream.JetStream
	queues []queue
	hosts  []fleet.Host
	heard  bool // the hosts could be listened to
}

// queue is one that is looked at.
type queue struct {
	broker.QueueInfo
	letters int
}

// Examine makes every check that it can, and goes on after one that failed where
// that makes sense. It takes some seconds, and a minute at most. It returns a finding
// at least for whatever is wrong.
func Examine(ctx context.Context, cfg Config) []Finding {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	e := &examination{Config: cfg}
	if e.now == nil {
		e.now = time.Now
	}
	e.machine()
	if !e.connect(ctx) {
		return e.found
	}
	defer e.nc.Close()
	e.server()
	me, at, err := e.whoAmI(ctx)
	e.permissions(me, err)
	e.clock(me, at, err)
	e.listen(ctx)
	if e.jetstream(ctx) {
		e.streams(ctx)
		e.storage(ctx)
		e.workers()
		e.pauses()
		e.deadLetters()
	}
	e.eachHost()
	e.funcs(ctx)
	return e.found
}
