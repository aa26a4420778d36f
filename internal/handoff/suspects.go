package handoff

import "time"

const (
	// suspicion is how long a client that gave no receipt is not asked for one.
	suspicion = 10 * time.Second
	// maxSuspects bounds how many clients are remembered.
	maxSuspects = 1024
)

// suspects are the clients that lately gave no receipt in time: frozen, or too
// slow. Their outcomes are stored at once, so that they hold up nobody else's.
// The value is the end of the suspicion.
type suspects map[string]time.Time

func (s *suspects) add(client string, now time.Time) {
	if *s == nil {
		*s = suspects{}
	}
	if len(*s) >= maxSuspects {
		clear(*s)
	}
	(*s)[client] = now.Add(suspicion)
}

func (s suspects) has(client string, now time.Time) bool {
	if len(s) == 0 {
		return false
	}
	until, suspect := s[client]
	if suspect && now.After(until) {
		delete(s, client)
		return false
	}
	return suspect
}
