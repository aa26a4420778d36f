//go:build unix && !linux

package scoreboard

import "os"

// sharedMemory returns a temporary file that has no name any more. Its size is
// not sealed: here a worker process that truncates it takes the supervisor
// along.
func sharedMemory(name string, size int64) (*os.File, error) {
	f, err := os.CreateTemp("", "muster-"+name+"-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	if err := f.Truncate(size); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
