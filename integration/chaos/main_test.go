package chaos

import (
	"flag"
	"net"
	"os"
	"testing"
	"time"
)

var (
	seedFlag        = flag.Uint64("chaos.seed", 0, "draw the faults and tasks from this `seed`; 0 takes one at random")
	durationFlag    = flag.Duration("chaos.duration", 10*time.Second, "how long the run takes, about")
	tasksFlag       = flag.Int("chaos.tasks", 0, "submit so many tasks, however long it takes")
	killsFlag       = flag.Int("chaos.kills", 0, "SIGKILL so many worker processes, instead of faults of every kind")
	supervisorsFlag = flag.Int("chaos.supervisors", 0, "SIGKILL so many supervisors, likewise")
	brokersFlag     = flag.Int("chaos.brokers", 0, "SIGKILL the broker so many times, likewise")
	clientsFlag     = flag.Int("chaos.clients", -1, "SIGKILL the client so many times, likewise; 3 where others are counted, unless set")
	recoveriesFlag  = flag.Int("chaos.recoveries", 20, "measure so many recoveries of a killed worker process's task")
)

// TestMain makes the test binary the program of every process of the fleet.
func TestMain(m *testing.M) {
	must(os.Setenv("GORACE", "atexit_sleep_ms=0")) // for the processes that we start
	play()
	// So that what the runtime keeps for good is there before anybody counts.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	must(l.Close())
	os.Exit(m.Run())
}
