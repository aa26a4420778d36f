// Package cluster tests fleets on a broker of three nodes that die.
package cluster

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/pool"
)

// The environment of a program: its role, and what that needs.
const (
	roleEnv      = "CLUSTER_ROLE"
	argumentEnv  = "CLUSTER_ARGUMENT"
	nameEnv      = "CLUSTER_NAME"
	processesEnv = "CLUSTER_PROCESSES"
)

// roles are what the test binary can be. A program prints a line when it is ready.
var roles = map[string]func(argument string){
	"node": func(config string) {
		b, err := broker.StartServer(broker.ServerConfig{ConfigFile: config, Logger: logger()})
		must(err)
		fmt.Println("ready")
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		<-term
		b.Shutdown()
	},
	"host": func(url string) {
		processes, err := strconv.Atoi(os.Getenv(processesEnv))
		must(err)
		s, err := pool.Start(context.Background(), pool.Config{
			URL: url, Host: os.Getenv(nameEnv), Processes: processes, Stdout: os.Stderr, Logger: logger(),
		})
		must(err)
		fmt.Println("ready")
		<-s.Stopped()
	},
}

func logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})).With("name", os.Getenv(nameEnv))
}

var (
	// double takes a moment, so that there is something to be interrupted.
	double = codec.NewFunc[int, int]("double")
	// linger leaves a file in a directory each time it starts, and waits there
	// for a file "go". Its result is the attempt.
	linger = codec.NewFunc[string, int]("linger")
)

const moment = 1500 * time.Microsecond

// TestMain makes the test binary the program of every process in these tests.
func TestMain(m *testing.M) {
	must(os.Setenv("GORACE", "atexit_sleep_ms=0")) // for the processes that we start
	consumer.Handle(double, func(_ context.Context, n int) (int, error) {
		time.Sleep(moment)
		return 2 * n, nil
	})
	consumer.Handle(linger, func(ctx context.Context, dir string) (int, error) {
		start, err := os.CreateTemp(dir, "start-")
		if err != nil {
			return 0, err
		}
		for {
			if _, err := os.Stat(filepath.Join(dir, "go")); err == nil {
				info, _ := consumer.Task(ctx)
				return info.Attempt, start.Close()
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	pool.Main()
	if play := roles[os.Getenv(roleEnv)]; play != nil {
		go dieWithTest()
		play(os.Getenv(argumentEnv))
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// dieWithTest ends the program when the test process is gone without having
// killed it, as when it has run out of time.
func dieWithTest() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(1)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
}
