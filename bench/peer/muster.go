package peer

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"runtime"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

var (
	echo = codec.NewFunc[uint64, uint64]("bench_echo")
	work = codec.NewFunc[Task, uint64]("bench_work")
	park = codec.NewFunc[uint64, uint64]("bench_park")
)

// parkQueue is served by nobody.
const parkQueue = "parked"

// muster is this project: a broker process, a supervisor with its worker
// processes, default durability and the full hand-off.
type muster struct {
	fleet
	broker *brokerProcess
}

func newMuster() *muster { return &muster{} }

func (m *muster) Info() Info {
	return Info{Name: "muster", Title: "Muster", Settings: []string{
		"nothing is set but the number of worker processes",
		"NATS server and supervisor each in a process of its own, file storage, default sync interval; receipts on",
	}}
}

func (m *muster) Missing() error { return nil }

func (m *muster) Start(ctx context.Context, setup Setup) (err error) {
	defer func() {
		if err != nil {
			m.Stop()
		}
	}()
	m.setup = setup
	if m.broker, err = startBroker(ctx); err != nil {
		return err
	}
	host := role{Name: "host", URL: m.broker.url, Slot: setup.Workers}
	if m.workers, err = host.startWorkers(ctx, 1); err != nil {
		return err
	}
	m.dial = func(ctx context.Context, _ int) (client, error) {
		c, err := producer.Connect(ctx, m.broker.url, producer.WithLogger(quiet))
		if err != nil {
			return nil, err
		}
		return musterClient{Client: c, own: true}, nil
	}
	return nil
}

func (m *muster) Stop() {
	m.hangUp()
	m.broker.close()
	m.broker = nil
}

func hostRole(ctx context.Context, r role, ready func(string), _ io.Writer) error {
	host, err := pool.Start(ctx, pool.Config{
		URL: r.URL, Processes: r.Slot, Logger: quiet, Stdout: io.Discard, Stderr: io.Discard,
	})
	if err != nil {
		return err
	}
	defer host.Kill() // nothing of value is lost
	ready("")
	<-ctx.Done()
	return nil
}

var quiet = slog.New(slog.DiscardHandler)

// musterClient submits to this project.
type musterClient struct {
	*producer.Client
	own bool // to be closed here
}

func (c musterClient) burst(ctx context.Context, all tasks, window int) (gain, error) {
	submit := func(i int) (*producer.Future[uint64], error) {
		return producer.Submit(ctx, c.Client, work, all.at(i))
	}
	if all.load.bare() {
		submit = func(i int) (*producer.Future[uint64], error) {
			return producer.Submit(ctx, c.Client, echo, uint64(all.first+i))
		}
	}
	return withFutures(all, window, submit, func(f *producer.Future[uint64]) (uint64, error) { return f.Result(ctx) })
}

func (c musterClient) mapOver(ctx context.Context, n int) (uint64, error) {
	var sum uint64
	for v, err := range producer.Map(ctx, c.Client, echo, integers(n)) {
		if err != nil {
			return sum, err
		}
		sum += v
	}
	return sum, nil
}

func integers(n int) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for i := range n {
			if !yield(uint64(i)) {
				return
			}
		}
	}
}

// park leaves the futures pending for good: the client is closed afterwards.
func (c musterClient) park(ctx context.Context, n int) (func(), error) {
	if !c.own {
		return nil, ErrUnsupported
	}
	futures := make([]*producer.Future[uint64], n)
	for i := range futures {
		f, err := producer.Submit(ctx, c.Client, park, uint64(i), producer.Queue(parkQueue))
		if err != nil {
			return nil, err
		}
		futures[i] = f
	}
	return func() { runtime.KeepAlive(futures) }, c.Flush(ctx)
}

// close does not wait for futures: after a good run there are none.
func (c musterClient) close() {
	if c.own {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_ = c.Close(ended)
	}
}
