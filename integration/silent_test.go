package integration

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/producer"
)

// A process that was stopped keeps no task from those that are idle: on its own host,
// nor on another.
func TestNoTaskWaitsForAStoppedProcess(t *testing.T) {
	for name, idle := range map[string]func(s *stage, url string){
		"on its host":     nil,
		"on another host": func(s *stage, url string) { s.host(url, "other", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			url := s.broker()
			processes := 2
			if idle != nil {
				processes = 1
			}
			h := s.host(url, "host", processes)
			pids := h.PIDs()
			require.NoError(t, syscall.Kill(pids[0], syscall.SIGSTOP))
			defer syscall.Kill(pids[0], syscall.SIGCONT)
			if idle != nil {
				idle(s, url)
			}
			c := s.client(url)
			for i := range 10 { // one by one, so that some come to the stopped process
				f, err := producer.Submit(s.ctx, c, double, i)
				require.NoError(t, err)
				twice, err := f.Result(s.ctx)
				require.NoError(t, err)
				require.Equal(t, 2*i, twice)
			}
			require.Equal(t, pids, h.PIDs(), "nobody waited until the stopped process was killed")
			require.NoError(t, syscall.Kill(pids[0], syscall.SIGCONT))
			for s.ctx.Err() == nil && h.Status().Processes[0].Tasks == 0 { // it is given tasks again
				for _, err := range producer.Map(s.ctx, c, nap, naps(4, 10*time.Millisecond)) {
					require.NoError(t, err)
				}
			}
			require.NoError(t, s.ctx.Err())
		})
	}
}
