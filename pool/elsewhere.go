package pool

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

const (
	// inquiryTime is how long other hosts have to answer when they are asked for their
	// funcs. They answer at once, as a rule.
	inquiryTime = 500 * time.Millisecond
	// knownFor is how long it counts that a host has said it has a func, and
	// unknownFor that none has: until then nobody is asked again.
	knownFor   = 5 * time.Second
	unknownFor = 1500 * time.Millisecond
	// refusedFor is for how long nobody is asked after the broker has refused it.
	refusedFor = 10 * time.Minute
	// maxKnown bounds the funcs of other hosts that are known.
	maxKnown = 1 << 16
)

// others is what a supervisor knows of the other hosts that serve its queues. It asks
// them when a process has a task of a func that it has no handler for.
type others struct {
	mu        sync.Mutex
	funcs     map[queueName]time.Time // when a host said last that it serves the queue and has the func
	hosts     map[queueName]int       // the processes of those that answered the latest inquiry
	inquiring bool
	news      chan struct{} // closed when somebody has answered, or the inquiry has ended
	next      time.Time     // when to inquire again at the earliest
	refused   bool          // it was logged that the broker refuses an inquiry; used by the inquiry alone
}

// queueName is a name of a func, or the id of a host, of a queue.
type queueName struct{ queue, name string }

// elsewhere returns how many worker processes the queue's hosts have, if another of
// them has a handler for a func, and else 0.
func (s *Supervisor) elsewhere(queue, name string) (processes int) {
	o := &s.others
	for {
		now := time.Now()
		o.mu.Lock()
		if at, ok := o.funcs[queueName{queue, name}]; ok && now.Sub(at) < knownFor {
			for host, n := range o.hosts {
				if host.queue == queue {
					processes += n
				}
			}
			o.mu.Unlock()
			return processes + s.desired()
		}
		if !o.inquiring {
			if now.Before(o.next) {
				o.mu.Unlock()
				return 0
			}
			o.inquiring, o.hosts, o.news = true, map[queueName]int{}, make(chan struct{})
			go s.inquire()
		}
		news := o.news
		o.mu.Unlock()
		<-news // which an inquiry's end is, too
	}
}

// inquire asks all hosts how they stand, and ends when those that live have had time
// to answer.
func (s *Supervisor) inquire() {
	ctx, cancel := context.WithTimeout(context.Background(), inquiryTime)
	defer cancel()
	_, err := broker.UnlessRefusedOn(ctx, s.nc, "muster.", func(ctx context.Context) (struct{}, error) {
		sub, err := s.nc.Subscribe(broker.HostWildcard, func(msg *nats.Msg) { s.answeredInquiry(msg.Data) })
		if err != nil {
			return struct{}{}, err
		}
		defer func() {
			if err := sub.Unsubscribe(); err != nil {
				s.cfg.Logger.Debug("ending the search for a func", "error", err)
			}
		}()
		if err := s.nc.Publish(broker.WatchSubject, nil); err != nil {
			return struct{}{}, err
		}
		select {
		case <-ctx.Done():
		case <-s.stopped:
		}
		return struct{}{}, context.Cause(ctx)
	})
	subject, _ := broker.RefusedSubject(err)
	refused := subject == broker.HostWildcard || subject == broker.WatchSubject
	o := &s.others
	if refused && !o.refused { // said before the first task fails for it
		o.refused = true
		s.cfg.Logger.Warn("tasks of funcs that this host has no handler for fail, also if other hosts have one: "+
			"the broker refuses to ask them; see docs/security.md", "subject", subject)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.inquiring, o.next = false, time.Now().Add(unknownFor)
	if refused {
		o.next = time.Now().Add(refusedFor)
	}
	close(o.news)
}

// answeredInquiry takes in how a host stands.
func (s *Supervisor) answeredInquiry(heartbeat []byte) {
	var host struct {
		ID     string             `json:"id"`
		Queue  string             `json:"queue"`
		Queues []codec.QueueShare `json:"queues"`
		State  codec.HostState    `json:"state"`
		Want   int                `json:"want"`
		Funcs  []string           `json:"funcs"`
	}
	if json.Unmarshal(heartbeat, &host) != nil || host.ID == s.id || host.State != codec.HostServing {
		return
	}
	o := &s.others
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.inquiring {
		return
	}
	now := time.Now()
	if o.funcs == nil || len(o.funcs) > maxKnown {
		o.funcs = map[queueName]time.Time{}
	}
	for _, queue := range s.cfg.queueNames() {
		if !(codec.HostStatus{Queue: host.Queue, Queues: host.Queues}).ServesQueue(queue) {
			continue
		}
		for _, name := range host.Funcs {
			o.funcs[queueName{queue, name}] = now
		}
		o.hosts[queueName{queue, host.ID}] = min(max(host.Want, 1), maxProcesses)
	}
	close(o.news)
	o.news = make(chan struct{})
}
