package peer

import "time"

// Mode is how a load is submitted.
type Mode string

const (
	Burst    Mode = "burst"    // one by one without waiting, then all outcomes
	Sequence Mode = "sequence" // the next when the outcome of the last is there
	Map      Mode = "map"      // as one call over integers
	Idle     Mode = "idle"     // nothing at all, for the time of Sleep
)

// Load is work to be run. The JSON is what the Python peer reads.
type Load struct {
	Mode    Mode `json:"mode"`
	Tasks   int  `json:"tasks"`
	Clients int  `json:"clients"` // submit at the same time, each its share; 0 is 1
	Window  int  `json:"window"`  // most tasks of a client in flight; 0: no bound

	Spin  time.Duration `json:"spin"`  // each task computes for so long on an idle core
	Sleep time.Duration `json:"sleep"` // each task sleeps so long, or each long one if there are such
	Data  int           `json:"data"`  // size of the argument in bytes

	LongEvery int `json:"long_every"` // every so many tasks there is a long one, which sleeps, or
	LongTimes int `json:"long_times"` // spins so many times as long

	Parked int `json:"parked"` // futures that stay pending meanwhile

	zeros []byte // every task's argument
	spin  uint64 // iterations
}

// complete fills in what follows from the rest.
func (l *Load) complete() {
	l.Clients = max(1, l.Clients)
	if l.Window <= 0 {
		l.Window = max(1, l.Tasks)
	}
	if l.Data > 0 {
		l.zeros = make([]byte, l.Data)
	}
	if l.Spin > 0 {
		l.spin = iterations(l.Spin)
	}
}

// task returns the i-th task of the load.
func (l *Load) task(i int) Task {
	t := Task{N: uint64(i), Spin: l.spin, Data: l.zeros}
	long := l.long(i)
	if long && l.LongTimes > 0 {
		t.Spin *= uint64(l.LongTimes)
	}
	if long || l.LongEvery == 0 {
		t.Sleep = l.Sleep
	}
	return t
}

func (l *Load) long(i int) bool { return l.LongEvery > 0 && i%l.LongEvery == l.LongEvery/2 }

// bare says that every task is its number alone.
func (l *Load) bare() bool { return l.Spin == 0 && l.Sleep == 0 && l.Data == 0 }

// sums returns the sum of all outcomes, and the spin iterations in all tasks.
func (l *Load) sums() (outcomes, spins uint64) {
	for i := range l.Tasks {
		t := l.task(i)
		outcomes += t.outcome()
		spins += t.Spin
	}
	return outcomes, spins
}

// tasks are some of a load's. Each is made when it is submitted: a slice of
// them all would be memory that no peer has asked for.
type tasks struct {
	load  *Load
	first int
	n     int
}

func (t tasks) at(i int) Task   { return t.load.task(t.first + i) }
func (t tasks) long(i int) bool { return t.load.long(t.first + i) }

// part returns the tasks from one up to another.
func (t tasks) part(from, to int) tasks {
	return tasks{load: t.load, first: t.first + from, n: to - from}
}
