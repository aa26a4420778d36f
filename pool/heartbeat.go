package pool

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

const (
	beatEvery = time.Second
	// beatPause is between two heartbeats, however often somebody asks for one.
	beatPause = 50 * time.Millisecond
	// watchLasts is how long somebody watches who has said so.
	watchLasts = 10 * time.Second
)

// beats steers the heartbeats.
type beats struct {
	wanted chan struct{} // has an element when somebody wants one at once
	end    chan struct{} // closed when the last one is due
	ended  chan struct{} // closed when it was sent
}

// subscribeWatchers has the supervisor hear of those who watch the fleet.
func (s *Supervisor) subscribeWatchers() error {
	_, err := s.nc.Subscribe(broker.WatchSubject, func(*nats.Msg) {
		s.scheduler.watchedUntil(time.Now().Add(watchLasts))
		select {
		case s.beats.wanted <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return fmt.Errorf("pool: subscribing to watchers: %w", err)
	}
	return nil
}

// heartbeats tells how the host stands: each second, whenever somebody begins to
// watch, and once more when its last process has ended.
func (s *Supervisor) heartbeats() {
	defer close(s.beats.ended)
	ticker := time.NewTicker(beatEvery)
	defer ticker.Stop()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		s.beat(s.Status())
		pause.Reset(beatPause)
		select {
		case <-s.beats.end:
		case <-pause.C:
		}
		select {
		case <-s.beats.end:
			status := s.Status()
			status.State = codec.HostStopped
			s.beat(status)
			return
		case <-ticker.C:
		case <-s.beats.wanted:
		}
	}
}

// beat publishes one heartbeat. While the broker is away there is none: nobody
// wants to hear later how the host stood.
func (s *Supervisor) beat(status codec.HostStatus) {
	status.Spans = s.scheduler.takeSpans()
	if !s.nc.IsConnected() {
		return
	}
	data, err := fit(&status, int(s.nc.MaxPayload()))
	if err == nil {
		err = s.nc.Publish(broker.HostSubject(s.id), data)
	}
	if err != nil {
		s.cfg.Logger.Debug("sending a heartbeat", "error", err)
	}
}

// fit encodes a status into so many bytes at most. If it is too large, it goes
// without what is missed the least.
func fit(status *codec.HostStatus, most int) ([]byte, error) {
	data, err := json.Marshal(status)
	for _, leaveOut := range []func(){
		func() { status.Spans = nil },
		func() {
			for i := range status.Processes {
				status.Processes[i].Died = nil
			}
		},
		func() { status.Processes = []codec.ProcessStatus{} },
	} {
		if err != nil || len(data) <= most {
			break
		}
		leaveOut()
		data, err = json.Marshal(status)
	}
	return data, err
}

// watchedUntil notes until when somebody watches.
func (s *scheduler) watchedUntil(then time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watched = then
}
