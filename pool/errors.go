package pool

import "errors"

var (
	// ErrConfig is wrapped when a configuration makes no sense.
	ErrConfig = errors.New("pool: invalid configuration")
	// ErrNoMain is wrapped when the program has not called [Main], or does not come
	// there in a worker process, so that it cannot start worker processes of itself.
	ErrNoMain = errors.New("pool: worker processes do not start; call pool.Main first thing in main, after consumer.Handle")
	// ErrNotReady is wrapped when worker processes end before they are ready.
	ErrNotReady = errors.New("pool: worker process ended before it was ready")
	// ErrStopped is wrapped when a supervisor is used after it has stopped.
	ErrStopped = errors.New("pool: stopped")
	// ErrDrainTimeout is wrapped when processes were killed that did not drain in
	// time.
	ErrDrainTimeout = errors.New("pool: drain timeout")
	// ErrSocket is wrapped when the control socket cannot be made.
	ErrSocket = errors.New("pool: control socket")
	// ErrClientForbidden is wrapped when a handler asks for a client on a host that allows
	// none.
	ErrClientForbidden = errors.New("pool: tasks on this host may not submit tasks; run the host without --forbid-client")
	// ErrNotInside is wrapped when something is asked for that only a handler in a
	// worker process can have.
	ErrNotInside = errors.New("pool: not inside a task; use the context that the handler was given")
)
