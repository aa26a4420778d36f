package pool

import "github.com/musterfleet/muster/codec"

// Status is to be replaced.
func (s *Supervisor) Status() codec.HostStatus {
	return codec.HostStatus{ID: s.id, Host: s.Host, Queue: s.Queue, Want: s.processes()}
}
