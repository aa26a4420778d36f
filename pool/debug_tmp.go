package pool

import (
	"fmt"
	"os"
	"time"
)

func (s *scheduler) debugTmp() {
	if os.Getenv("SCHED_DEBUG") == "" {
		return
	}
	for {
		time.Sleep(2 * time.Second)
		s.mu.Lock()
		out := fmt.Sprintf("SCHED deliveries=%d waiting=%v sending=%d storing=%d foreign=%d holding=%v stopping=%v dormant=%d starting=%d usual=%v want=", len(s.deliveries), s.waiting, s.sending, s.storing, s.foreign, s.holding, s.stopping, s.dormant, s.starting, s.usual)
		for i := range s.want {
			p := s.pullers[i]
			p.mu.Lock()
			out += fmt.Sprintf("%d(asked %d lively %v behind %v failed %v) ", s.want[i].Load(), p.asked, p.lively, p.behind, p.failed)
			p.mu.Unlock()
		}
		for _, w := range s.workers {
			out += fmt.Sprintf("\n  worker %d closing=%v given=%d served=%d", w.PID(), w.closing, w.given, w.served)
			for _, r := range w.runs {
				out += fmt.Sprintf(" run{%d tasks=%d end=%d recv=%d %+v}", r.id, r.tasks, r.end, r.received, w.board.Look(r.id, r.end))
			}
		}
		for _, d := range s.deliveries {
			out += fmt.Sprintf("\n  delivery seq=%d n=%d left=%d waiting=%d running=%d failed=%v", d.info.StreamSeq, len(d.batch.Tasks), d.left, d.waiting, d.running, d.failed)
		}
		s.mu.Unlock()
		fmt.Fprintln(os.Stderr, out)
	}
}
