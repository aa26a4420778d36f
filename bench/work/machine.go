package work

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Machine tells where figures were taken, and how busy it was.
func Machine() string {
	text := fmt.Sprintf("%d cores, %s/%s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				text = strings.TrimSpace(value) + ", " + text
				break
			}
		}
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		if fields := strings.Fields(string(load)); len(fields) > 0 {
			text += ", load average before " + fields[0]
		}
	}
	return text
}
