package integration

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/producer"
)

func init() {
	roles["waiting client"] = func(p params) { // submits naps, and prints when all are done
		ctx := context.Background()
		c, err := producer.Connect(ctx, p.URL)
		must(err)
		var futures []*producer.Future[seen]
		for range p.Tasks {
			f, err := producer.Submit(ctx, c, nap, 2*time.Millisecond)
			must(err)
			futures = append(futures, f)
		}
		must(c.Flush(ctx))
		fmt.Println("submitted")
		for _, f := range futures {
			must(f.Err(ctx))
		}
		fmt.Println("done")
		awaitTERM()
	}
}

// A client that is frozen while its outcomes come holds up nobody else's tasks,
// though they wait behind its own, and gets them all when it goes on. Each of so
// many messages would wait two seconds for its receipt.
func TestFrozenClientHarmsNobody(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	frozen := s.program("waiting client", params{URL: url, Tasks: 1500})
	require.Equal(t, "submitted", frozen.line())
	require.NoError(t, frozen.cmd.Process.Signal(syscall.SIGSTOP))
	other := submitDoubles(s, s.client(url), 100)
	s.host(url, "host", 2)
	requireDoubled(s, other)
	require.NoError(t, frozen.cmd.Process.Signal(syscall.SIGCONT))
	require.Equal(t, "done", frozen.line())
}
