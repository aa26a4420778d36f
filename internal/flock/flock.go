// Package flock locks files and directories against other processes.
package flock

import "errors"

// ErrHeld says that another open file holds the lock, of this process or of another.
var ErrHeld = errors.New("locked by another process")
