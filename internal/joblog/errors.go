package joblog

import "errors"

var (
	// ErrFormat is wrapped when a file is no job log.
	ErrFormat = errors.New("not a job log")
	// ErrFunc is wrapped when a job log is of another func.
	ErrFunc = errors.New("job log of another func")
	// ErrExists is wrapped when a file that is to become a job log has something in it.
	ErrExists = errors.New("job log exists")
	// ErrBusy is wrapped when another process has the job log open.
	ErrBusy = errors.New("job log in use by another run")
	// ErrChanged is wrapped when an input is not the one of the job log.
	ErrChanged = errors.New("the input is not the one of the job log")
)
