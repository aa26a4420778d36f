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
	done, _ := b.Take("ack.done", 1)
	done.Start(1)
	done.Finish()
	done.Release()

	s, _ := b.Take("ack.victim", 5)
	s.Start(time.Now().UnixNano())
	s.Finish()
	s.HandedOff(1)
	s.Truncate(4)
	s.Start(victimStart)
	fmt.Println("running")
	time.Sleep(time.Hour)
}

const victimStart = 1_700_000_000_123_456_789
