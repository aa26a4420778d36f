package producer

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/musterfleet/muster/codec"
)

// submission is what the calls of one Submit or one Map have in common. It does
// not change once it is made.
type submission struct {
	call
	*route
	client *Client
	name   string // of the func
	depth  int    // how many tasks the calls are made within
	plain  bool   // the tasks have no options
}

func newSubmission[A, R any](ctx context.Context, c *Client, f codec.Func[A, R], options []CallOption) (*submission, error) {
	depth, err := depthOf(ctx)
	if err != nil {
		return nil, err
	}
	usual := len(options) == 0 && depth == 0
	if usual {
		if s := c.plain.of(f.Name(), f.Spec()); s != nil {
			if ctx.Err() != nil {
				return nil, ended(ctx)
			}
			return s, nil
		}
	}
	if err := f.Check(); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	call, err := newCall(c, options)
	if err != nil {
		return nil, err
	}
	b, err := c.batcher(ctx, call.queue, call.lane)
	if err != nil {
		return nil, err
	}
	load := b.load(f.Name())
	if call.delayed() { // nobody works at them yet
		load = newLoad(load.runTimes)
	}
	s := &submission{
		call: call, route: &route{b, load, f.Spec()},
		client: c, name: f.Name(), depth: depth, plain: depth == 0 && call.plain(),
	}
	if usual {
		c.plain.add(s)
	}
	return s, nil
}

// task returns a task as the options say.
func (s *submission) task(arg []byte) codec.Task {
	return codec.Task{
		Func: s.name, Arg: arg, MaxCrashes: s.maxCrashes, MaxErrors: s.maxErrors, Backoff: s.backoff,
		Deadline: s.deadline, Limit: s.limit, Depth: s.depth, Retain: s.retain, Key: s.key, Header: s.header,
	}
}

// prepare makes p, and the task of its encoded argument, as the options say. It
// stores the argument by itself if that is too large for a message.
func (s *submission) prepare(ctx context.Context, p *pending, arg []byte) (codec.Task, error) {
	p.route = s.route
	if s.retain > 0 || s.delayed() {
		p.traits = &traits{retain: s.retain, queue: s.queue, key: s.key, delayed: s.delayed()}
		if s.key != "" || s.delayed() {
			p.traits.stored = make(chan struct{})
		}
	}
	task := s.task(arg)
	if !s.batch.fits(&task) {
		return task, s.client.putLarge(ctx, p, &task, s.at)
	}
	return task, nil
}

// plainSubmissions remembers the submissions of calls without options, so that
// such a call need not begin with making one.
type plainSubmissions struct {
	latest atomic.Pointer[submission]

	mu  sync.Mutex
	all map[plainCall]*submission
}

type plainCall struct {
	name string
	spec *codec.Spec
}

// maxPlain bounds the funcs remembered; the names of more than that are made up.
const maxPlain = 1024

// of returns the submission of a func's plain calls, or nil.
func (m *plainSubmissions) of(name string, spec *codec.Spec) *submission {
	if s := m.latest.Load(); s != nil && s.name == name && s.spec == spec {
		return s
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.all[plainCall{name, spec}]
	if s != nil {
		m.latest.Store(s)
	}
	return s
}

func (m *plainSubmissions) add(s *submission) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all == nil {
		m.all = map[plainCall]*submission{}
	}
	if len(m.all) < maxPlain {
		m.all[plainCall{s.name, s.spec}] = s
	}
}

// argSpace is for encoded arguments until they stand in a message.
var argSpace = sync.Pool{New: func() any { return new([]byte) }}

// maxArgSpace bounds the space that is kept, in bytes.
const maxArgSpace = 64 << 10

// freeArg keeps an argument's space for another.
func freeArg(space *[]byte, arg []byte) {
	if cap(arg) <= maxArgSpace {
		*space = arg[:0]
		argSpace.Put(space)
	}
}
