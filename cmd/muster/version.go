package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// release is set by the linker, for programs that are built without their
// repository at hand: -ldflags "-X main.release=v1.2.3".
var release string

// version tells what this program was built from, and by what.
func version() string {
	version := release
	if info, ok := debug.ReadBuildInfo(); ok && version == "" {
		version = info.Main.Version
	}
	if version == "" {
		version = "unknown"
	}
	return fmt.Sprintf("%s (%s, %s/%s)", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
