package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// controlTimeout bounds the wait for a host's answer.
const controlTimeout = 5 * time.Second

// Host returns how a host stands: the one with this id, or the only one with this
// name. Its error wraps [ErrNoHost] or [ErrHostName].
func (f *Fleet) Host(ctx context.Context, host string) (codec.HostStatus, error) {
	answer, err := f.control(ctx, host, codec.ControlRequest{Verb: codec.ControlStatus})
	if err != nil {
		return codec.HostStatus{}, err
	}
	if answer.Status == nil {
		return codec.HostStatus{}, fmt.Errorf("fleet: host %s does not say how it stands", host)
	}
	return *answer.Status, nil
}

// DrainHost has a host finish its running tasks, give back the others, and end. It
// returns when the host has begun to. The host is named as for [Fleet.Host], and
// the error wraps the same.
func (f *Fleet) DrainHost(ctx context.Context, host string) error {
	_, err := f.control(ctx, host, codec.ControlRequest{Verb: codec.ControlDrain})
	return err
}

// ResizeHost changes a host's number of worker processes, 1 or more. It returns
// when the host has begun to; processes that are too many finish what they run. The
// host is named as for [Fleet.Host]. The error wraps [ErrRefused] if the number
// makes no sense or the host is draining, and else as that of Host.
func (f *Fleet) ResizeHost(ctx context.Context, host string, processes int) error {
	if processes < 1 {
		return fmt.Errorf("%w: %d worker processes; the number must be greater than 0", ErrRefused, processes)
	}
	_, err := f.control(ctx, host, codec.ControlRequest{Verb: codec.ControlResize, Processes: processes})
	return err
}

// KillProcess kills a host's worker process, with all that it has started. The task
// that it runs is charged an attempt, as by any death. The host is named as for
// [Fleet.Host]. The error wraps [ErrRefused] if the host has no such process, and
// else as that of Host.
func (f *Fleet) KillProcess(ctx context.Context, host string, pid int) error {
	if pid < 1 {
		return fmt.Errorf("%w: there is no process %d", ErrRefused, pid)
	}
	_, err := f.control(ctx, host, codec.ControlRequest{Verb: codec.ControlKill, PID: pid})
	return err
}

// control asks a host for something.
func (f *Fleet) control(ctx context.Context, host string, r codec.ControlRequest) (a codec.ControlAnswer, err error) {
	if validID(host) { // which spares a look at all hosts
		a, err = f.controlID(ctx, host, r)
		if !errors.Is(err, ErrNoHost) {
			return a, err
		}
	}
	id, err := f.findHost(ctx, host)
	if err != nil {
		return a, err
	}
	return f.controlID(ctx, id, r)
}

func (f *Fleet) controlID(ctx context.Context, id string, r codec.ControlRequest) (a codec.ControlAnswer, err error) {
	request, err := json.Marshal(r)
	if err != nil {
		return a, fmt.Errorf("fleet: asking host %s: %w", id, err)
	}
	ctx, cancel := context.WithTimeout(ctx, controlTimeout)
	defer cancel()
	msg, err := f.nc.RequestWithContext(ctx, broker.ControlSubject(id), request)
	if errors.Is(err, nats.ErrNoResponders) {
		return a, fmt.Errorf("%w: %s", ErrNoHost, id)
	}
	if err != nil {
		return a, fmt.Errorf("fleet: asking host %s to %s: %w", id, r.Verb, err)
	}
	if err := json.Unmarshal(msg.Data, &a); err != nil {
		return a, fmt.Errorf("fleet: the answer of host %s: %w", id, err)
	}
	if a.Error != "" {
		return a, fmt.Errorf("%w: host %s: %s", ErrRefused, id, a.Error)
	}
	return a, nil
}

// findHost returns the id of the only host with a name.
func (f *Fleet) findHost(ctx context.Context, name string) (id string, err error) {
	hosts, err := f.Hosts(ctx)
	if err != nil {
		return "", err
	}
	var ids []string
	for _, host := range hosts {
		if host.Host == name {
			ids = append(ids, host.ID)
		}
	}
	switch len(ids) {
	case 0:
		return "", fmt.Errorf("%w: %s", ErrNoHost, name)
	case 1:
		return ids[0], nil
	}
	return "", fmt.Errorf("%w: %s; give one of the ids %s", ErrHostName, name, strings.Join(ids, ", "))
}
