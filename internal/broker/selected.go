package broker

import (
	"os"
	"path/filepath"
	"strings"
)

// SelectedContext gives the name of the NATS context that is selected with the nats
// command, and nothing if none is.
func SelectedContext() string {
	dir, err := contextDir()
	if err != nil {
		return ""
	}
	name, err := os.ReadFile(filepath.Join(dir, "context.txt"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(name))
}
