package scoreboard_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/musterfleet/muster/internal/scoreboard"
)

const victimEnv = "SCOREBOARD_TEST_VICTIM"

func TestMain(m *testing.M) {
	if os.Getenv(victimEnv) != "" {
		victim()
	}
	os.Exit(m.Run())
}

// victim is a worker process that stops in the middle of its second task.
func victim() {
	b, err := scoreboard.Open(os.NewFile(3, "scoreboard"))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	done, _ := b.Take("ack.done", "client", 0, 1)
	done.Start(0, 7, 1, 0)
	done.Finish()
	done.Release()

	s, _ := b.Take("ack.victim", "client", 0, 5)
	s.Start(0, 7, time.Now().UnixNano(), 0)
	s.Finish()
	s.HandedOff(1)
	s.Truncate(4)
	s.Start(0, 7, victimStart, 0)
	fmt.Println("running")
	time.Sleep(time.Hour)
}

const victimStart = 1_700_000_000_123_456_789

// noted keeps of deliveries what a test can write down.
func noted(all []scoreboard.Delivery) []scoreboard.Delivery {
	for i, d := range all {
		all[i] = scoreboard.Delivery{
			Ack: d.Ack, Tasks: d.Tasks, Started: d.Started, Finished: d.Finished, HandedOff: d.HandedOff,
			StartedAt: d.StartedAt, LimitAt: d.LimitAt,
		}
	}
	return all
}
