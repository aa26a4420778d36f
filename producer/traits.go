package producer

import (
	"time"

	"github.com/musterfleet/muster/codec"
)

// traits is what is out of the ordinary about a future's task. It does not change
// once somebody else may see the future.
type traits struct {
	owner   string        // the client whose task it is, if the future was attached
	leader  *pending      // whose outcome an attached future takes over, if any
	retain  time.Duration // how long the outcome is kept; 0 if not known, or not at all
	queue   string        // of key
	key     string
	delayed bool
	stored  chan struct{} // of a delayed task or one with a key: closed once the broker has it, or never will
}

// durable reports whether the task's outcome is kept for others, or may be.
func (p *pending) durable() bool {
	return p.traits != nil && (p.traits.retain > 0 || p.traits.owner != "")
}

// maybeDelayed reports whether the task may be one that waits for its time.
func (t *traits) maybeDelayed() bool { return t.delayed || t.owner != "" }

// lead returns the future that p takes its outcome over from, or p itself.
func (p *pending) lead() *pending {
	if p.traits != nil && p.traits.leader != nil {
		return p.traits.leader
	}
	return p
}

// follow has p take over what becomes of a leader, and reports false if the
// leader is done already.
func (p *pending) follow(leader *pending) bool {
	p.traits.leader = leader
	leader.mu.Lock()
	defer leader.mu.Unlock()
	if leader.state().Done() {
		p.traits.leader = nil
		return false
	}
	p.setState(leader.state())
	a := leader.listen()
	a.followers = append(a.followers, p)
	return true
}

// id returns the task's id.
func (p *pending) id() codec.ID {
	if p.traits != nil && p.traits.owner != "" {
		return codec.ID{Client: p.traits.owner, N: p.n}
	}
	return codec.ID{Client: p.batch.client.id, N: p.n}
}
