package proc

import (
	"bytes"
	"os"
	"strconv"
)

// ResidentMemory returns the bytes of memory that a process has in RAM, or 0 if it is
// gone or the system does not tell.
func ResidentMemory(pid int) uint64 {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(data)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(string(fields[1]), 10, 50)
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}
