package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"time"
)

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// watchMemory looks at the most memory that a process has had until it is told to
// stop, and returns it in KiB. Linux keeps that mark, so that a look now and then is
// enough; elsewhere it is 0. What wait tells begins at the parent's own.
func watchMemory(pid int) (stop func() int) {
	stopped, peak := make(chan struct{}), make(chan int)
	go func() {
		looks := time.NewTicker(10 * time.Millisecond)
		defer looks.Stop()
		most := 0
		for {
			if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)); err == nil {
				if found := highWater.FindSubmatch(status); found != nil {
					now, _ := strconv.Atoi(string(found[1])) // the expression admits digits only
					most = max(most, now)
				}
			}
			select {
			case <-looks.C:
			case <-stopped:
				peak <- most
				return
			}
		}
	}()
	return func() int {
		close(stopped)
		return <-peak
	}
}
