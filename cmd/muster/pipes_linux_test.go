package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// A pipe that is full and that nobody reads holds up no work.
func TestServicesOutliveAStoppedReaderOfTheirLog(t *testing.T) {
	t.Parallel()
	broker := muster(t, "serve", "--listen", "127.0.0.1:0", "--store", t.TempDir())
	broker.Env = append(broker.Env, "MUSTER_TOKEN=right")
	address := startUnheard(t, serveReady, broker)[1]
	host := address[strings.LastIndex(address, "@")+1:]
	for range 500 { // each is a line of its log, of which a full pipe takes none
		_, err := nats.Connect("nats://wrong@" + host)
		require.ErrorIs(t, err, nats.ErrAuthorization)
	}
	url := "nats://right@" + host
	talker := filepath.Join(t.TempDir(), "talker")
	syscall.ForkLock.RLock() // no process that another test starts holds the file open for writing
	err := os.WriteFile(talker, []byte(`#!/bin/sh
echo '{"ready": true}'
while read -r request; do
	head -c 3000000 /dev/zero | tr '\0' '\n' >&2
	id=${request#*'"id":'}
	echo "{\"id\": ${id%%,*}, \"value\": 1}"
done
`), 0o700)
	syscall.ForkLock.RUnlock()
	require.NoError(t, err)
	worker := muster(t, "worker", "--processes", "1", "--url", url, "--exec-server", "talk="+talker)
	startUnheard(t, workerReady, worker)
	require.Equal(t, []string{"1"}, mustRun(t, "submit", "talk", "1", "--url", url))
	require.Equal(t, []string{"2"}, mustRun(t, "submit", "echo", "2", "--url", url))
	requireDrains(t, worker)
	requireDrains(t, broker)
}

// startUnheard starts a command whose stderr is a pipe that is read up to the ready
// line, and then filled and not read any more.
func startUnheard(t *testing.T, ready *regexp.Regexp, cmd *exec.Cmd) (match []string) {
	t.Helper()
	var fds [2]int
	require.NoError(t, syscall.Pipe2(fds[:], syscall.O_CLOEXEC))
	ours, theirs := os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	cmd.Stderr = theirs
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill() // a test that has failed
			_ = cmd.Wait()
		}
		ours.Close()
		theirs.Close()
	})
	for lines := bufio.NewScanner(ours); match == nil && lines.Scan(); {
		match = ready.FindStringSubmatch(lines.Text())
	}
	require.NotNil(t, match, "it ended before it was ready")
	other, err := syscall.Open("/dev/fd/"+strconv.Itoa(fds[1]), syscall.O_WRONLY|syscall.O_NONBLOCK, 0) // the same pipe
	require.NoError(t, err)
	defer syscall.Close(other)
	for err == nil {
		_, err = syscall.Write(other, make([]byte, 4096))
	}
	require.ErrorIs(t, err, syscall.EAGAIN)
	return match
}
