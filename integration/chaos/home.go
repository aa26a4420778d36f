package chaos

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
)

// report has a task tell a test that it runs, and stay until the test hangs up.
var report = codec.NewFunc[string, bool]("report")

// caller is what the task tells.
type caller struct {
	Task    string
	PID     int
	Attempt int
	At      int64 // when the handler began; Unix nanoseconds
}

func callHome(ctx context.Context, address string) (bool, error) {
	at := time.Now().UnixNano()
	info, _ := consumer.Task(ctx)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	if err := json.NewEncoder(conn).Encode(caller{info.ID.String(), os.Getpid(), info.Attempt, at}); err != nil {
		return false, err
	}
	_, _ = io.Copy(io.Discard, conn)
	return true, nil
}
