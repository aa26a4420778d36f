package pool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// errNoProcess says that a process that was to be killed is none of ours.
var errNoProcess = errors.New("the host has no such worker process")

// maxRequests is how many requests of the broker's may wait for their turn;
// further ones get no answer.
const maxRequests = 64

// answerEnvelope is what an answer holds besides a status, at most.
const answerEnvelope = 64

// subscribeControl has the supervisor asked over the broker, one request after
// the other.
func (s *Supervisor) subscribeControl() error {
	var err error
	s.control, err = s.nc.Subscribe(broker.ControlSubject(s.id), func(msg *nats.Msg) {
		if err := msg.Respond(s.steer(msg.Data)); err != nil {
			s.cfg.Logger.Debug("answering a control request", "error", err)
		}
	})
	if err == nil {
		err = s.control.SetPendingLimits(maxRequests, maxRequests*codec.MaxControlRequest)
	}
	if err != nil {
		return fmt.Errorf("pool: subscribing to control requests: %w", err)
	}
	return nil
}

// partingTimeout bounds how long the broker may take to notice that a host goes.
const partingTimeout = time.Second

// unsubscribeControl returns when the broker knows that nobody can be asked any
// more, so that who asks a host that has stopped is told that there is none, and
// does not wait for an answer.
func (s *Supervisor) unsubscribeControl() {
	if !s.nc.IsConnected() {
		return
	}
	if err := errors.Join(s.control.Unsubscribe(), s.nc.FlushTimeout(partingTimeout)); err != nil {
		s.cfg.Logger.Debug("ending control over the broker", "error", err)
	}
}

// steer does what a request asks for, or begins to, and returns the answer.
func (s *Supervisor) steer(request []byte) (answer []byte) {
	r, err := codec.ReadControlRequest(request)
	var a codec.ControlAnswer
	if err == nil {
		err = s.obey(r, &a)
	}
	switch {
	case err != nil: // who has asked is told
		s.cfg.Logger.Debug("a control request is refused", "error", err)
		a = codec.ControlAnswer{Error: err.Error()}
	case a.Status == nil:
		s.cfg.Logger.Info("obeying a control request", "verb", r.Verb, "processes", r.Processes, "pid", r.PID)
	}
	a.Processes = s.desired()
	answer, err = json.Marshal(a)
	if err != nil { // no field of it can fail
		s.cfg.Logger.Error("encoding the answer to a control request", "error", err)
	}
	return answer
}

func (s *Supervisor) obey(r codec.ControlRequest, a *codec.ControlAnswer) error {
	switch r.Verb {
	case codec.ControlStatus:
		status := s.Status()
		a.Status = &status
		_, err := fit(&status, int(s.nc.MaxPayload())-answerEnvelope)
		return err
	case codec.ControlDrain:
		if s.stop() { // here, so that nothing else is begun after the answer
			go func() { // one for all such requests
				if err := s.Drain(context.Background()); err != nil {
					s.cfg.Logger.Warn("stopped at once", "cause", err)
				}
			}()
		}
		return nil
	case codec.ControlResize:
		_, _, err := s.resize(func(int) int { return r.Processes })
		return err
	case codec.ControlAdd:
		return s.add(1)
	case codec.ControlRemove:
		return s.add(-1)
	default:
		return s.killProcess(r.PID)
	}
}

// killProcess kills a worker process as if somebody else had done it.
func (s *Supervisor) killProcess(pid int) error {
	for _, p := range s.processes() {
		if p.PID() == pid {
			p.noteEnding(ending{cause: codec.CauseSignal, why: "sent by an operator"})
			return p.Kill()
		}
	}
	return fmt.Errorf("%w: %d", errNoProcess, pid)
}
