package chaos

import "slices"

// The tasks of the good history.
const (
	plain    = "x-1" // an ordinary life
	struckBy = "x-2" // its process is killed
	deadly   = "x-3" // kills its process as often as it may
	unstored = "x-4" // never accepted
	durable  = "x-5" // its client is killed, and the next attaches to it
	orphan   = "x-6" // its client is killed, and nobody attaches to it
	shaky    = "y-1" // returns an error at first
	bad      = "y-2" // returns errors only
	keyed    = "y-3" // has a key, which is asked for once more meanwhile
	next     = "y-4" // has the same key then
	unnoted  = "x-7" // its client was killed before it could note the submission
)

// good is a history in which everything holds.
func good() []record {
	return []record{
		{Event: connected, At: 1, Client: "x"},
		{Event: ready, At: 1, Host: "h", PID: 7},
		{Event: submitted, At: 2, Client: "x", Task: plain, Arg: 3, Budget: 5, Attempts: 1},
		{Event: submitted, At: 3, Client: "x", Task: struckBy, Arg: 4, Budget: 5, Attempts: 1},
		{Event: submitted, At: 4, Client: "x", Task: deadly, Arg: 5, Budget: 2, Deaths: 2, Attempts: 1},
		{Event: submitted, At: 4, Client: "x", Task: durable, Arg: 7, Budget: 5, Attempts: 1, Durable: true},
		{Event: submitted, At: 4, Client: "x", Task: orphan, Arg: 8, Budget: 5, Attempts: 1},
		{Event: accepted, At: 5, Client: "x"},
		{Event: submitted, At: 6, Client: "x", Task: unstored, Arg: 6, Budget: 5, Attempts: 1},
		{Event: started, At: 7, Task: plain, Attempt: 1, Host: "h", PID: 7, Born: 1},
		{Event: finished, At: 8, Task: plain, Attempt: 1, Host: "h", PID: 7, Born: 1},
		{Event: settled, At: 9, Client: "x", Task: plain, Value: compute(3)},
		{Event: started, At: 10, Task: struckBy, Attempt: 1, Host: "h", PID: 7, Born: 1},
		{Event: killed, At: 11, Host: "h", PID: 7},
		{Event: buried, At: 12, Host: "h", PID: 7, Running: true},
		{Event: started, At: 13, Task: deadly, Attempt: 1, Host: "h", PID: 8, Born: 12},
		{Event: killed, At: 14, Host: "h", PID: 8, Born: 12},
		{Event: buried, At: 15, Host: "h", PID: 8, Running: true},
		{Event: started, At: 16, Task: deadly, Attempt: 2, Host: "h", PID: 9, Born: 16},
		{Event: killed, At: 17, Host: "h", PID: 9, Born: 16},
		{Event: buried, At: 18, Host: "h", PID: 9, Running: true},
		{Event: settled, At: 19, Client: "x", Task: deadly, Failure: "worker_died", Attempt: 2},
		{Event: ready, At: 20, Host: "h", PID: 7}, // the pid comes round
		{Event: started, At: 21, Task: struckBy, Attempt: 2, Host: "h", PID: 7, Born: 20},
		{Event: finished, At: 22, Task: struckBy, Attempt: 2, Host: "h", PID: 7, Born: 20},
		{Event: settled, At: 23, Client: "x", Task: struckBy, Value: compute(4)},

		{Event: started, At: 30, Task: unnoted, Attempt: 1, Host: "h", PID: 7, Born: 20},
		{Event: finished, At: 31, Task: unnoted, Attempt: 1, Host: "h", PID: 7, Born: 20},
		{Event: connected, At: 32, Client: "y"},
		{Event: attached, At: 33, Client: "y", Task: durable},
		{Event: attached, At: 33, Client: "y", Task: plain}, // once more
		{Event: settled, At: 34, Client: "y", Task: plain, Value: compute(3)},
		{Event: started, At: 35, Task: durable, Attempt: 1, Host: "h", PID: 7, Born: 20},
		{Event: finished, At: 36, Task: durable, Attempt: 1, Host: "h", PID: 7, Born: 20},
		{Event: settled, At: 37, Client: "y", Task: durable, Value: compute(7)},

		{Event: submitted, At: 40, Client: "y", Task: shaky, N: 7, Arg: 9, Budget: 5, Errors: 1, Attempts: 2},
		{Event: submitted, At: 41, Client: "y", Task: bad, N: 8, Arg: 10, Budget: 5, Errors: hopeless, Attempts: 2},
		{Event: submitted, At: 42, Client: "y", Task: keyed, N: 9, Arg: 11, Budget: 5, Attempts: 1, Key: "k"},
		{Event: submitted, At: 43, Client: "y", Task: keyed, N: 10, Arg: 11, Budget: 5, Attempts: 1, Key: "k"},
		{Event: accepted, At: 44, Client: "y"},
		{Event: started, At: 45, Task: shaky, Attempt: 1, Host: "h", PID: 7, Born: 20},
		{Event: erred, At: 46, Task: shaky, Attempt: 1, Host: "h", PID: 7, Born: 20},
		{Event: started, At: 47, Task: bad, Attempt: 1, Host: "h", PID: 7, Born: 20},
		{Event: erred, At: 48, Task: bad, Attempt: 1, Host: "h", PID: 7, Born: 20},
		{Event: started, At: 49, Task: keyed, Attempt: 1, Host: "h", PID: 7, Born: 20},
		{Event: finished, At: 50, Task: keyed, Attempt: 1, Host: "h", PID: 7, Born: 20},
		{Event: submitted, At: 51, Client: "y", Task: next, N: 11, Arg: 11, Budget: 5, Attempts: 1, Key: "k"},
		{Event: settled, At: 52, Client: "y", Task: keyed, Value: compute(11)},
		{Event: settled, At: 53, Client: "y", Task: keyed, Value: compute(11)},
		{Event: started, At: 54, Task: shaky, Attempt: 2, Host: "h", PID: 7, Born: 20},
		{Event: finished, At: 55, Task: shaky, Attempt: 2, Host: "h", PID: 7, Born: 20},
		{Event: settled, At: 56, Client: "y", Task: shaky, Value: compute(9)},
		{Event: started, At: 57, Task: bad, Attempt: 2, Host: "h", PID: 7, Born: 20},
		{Event: erred, At: 58, Task: bad, Attempt: 2, Host: "h", PID: 7, Born: 20},
		{Event: settled, At: 59, Client: "y", Task: bad, Failure: "error", Attempt: 2, Note: complaint(10)},
		{Event: started, At: 60, Task: next, Attempt: 1, Host: "h", PID: 7, Born: 20},
		{Event: finished, At: 61, Task: next, Attempt: 1, Host: "h", PID: 7, Born: 20},
		{Event: settled, At: 62, Client: "y", Task: next, Value: compute(11)},
		{Event: buried, At: 63, Host: "h", PID: 7, Expected: true},
		{Event: kept, At: 64, Task: deadly},
		{Event: kept, At: 65, Task: bad},
	}
}

// The ways to spoil a history. What concerns a task, and what concerns no task
// but a process, is found by when it was.

type spoil func([]record) []record

func at(h []record, when int64) int {
	return slices.IndexFunc(h, func(r record) bool { return r.At == when })
}

func drop(when ...int64) spoil {
	return func(h []record) []record {
		return slices.DeleteFunc(h, func(r record) bool { return slices.Contains(when, r.At) })
	}
}

func change(when int64, to func(*record)) spoil {
	return func(h []record) []record { to(&h[at(h, when)]); return h }
}

// swap has two records written in the other order, as by programs that do not wait for
// each other.
func swap(one, other int64) spoil {
	return func(h []record) []record {
		i, j := at(h, one), at(h, other)
		h[i], h[j] = h[j], h[i]
		return h
	}
}

func add(more ...record) spoil {
	return func(h []record) []record { return append(h, more...) }
}

func all(spoils ...spoil) spoil {
	return func(h []record) []record {
		for _, s := range spoils {
			h = s(h)
		}
		return h
	}
}
