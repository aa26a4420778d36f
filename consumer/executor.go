package consumer

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/link"
	"github.com/musterfleet/muster/internal/proc"
)

// executor runs the tasks of runs one after the other, on one goroutine. A handler
// that calls runtime.Goexit ends that goroutine; then another goes on in its place.
type executor struct {
	*Worker
	ctx      context.Context
	run      *run // that is at work; nil for none
	batch    codec.Batch
	origin   *origin // of its tasks
	index    int     // of the task that runs
	task     *taskContext
	contexts contexts
	known    known     // the func that was called last
	read     time.Time // when the clock was read last, in full
	began    time.Time // when the current task began
	weighed  time.Time // when memory was last looked at
	scratch  []byte    // where results are encoded
	garbage  int       // bytes of large values that were used up since they were collected

	observation Observation // of the task that runs; nil if nobody observes
	left        chan<- Leaving
}

// loop runs tasks until it is time to leave, and says why.
func (e *executor) loop() {
	why := Leaving("")
	defer func() {
		if why == "" {
			e.finish(&codec.Failure{Code: codec.CodeGoexit, Stack: string(debug.Stack())}, nil, "")
			go e.loop()
			return
		}
		e.rest()
		e.left <- why
		if why != leavingLost {
			e.Listen()
		}
	}()
	for {
		if e.run == nil {
			if why = e.take(); why != "" {
				return
			}
		}
		if why = e.runTasks(); why != "" {
			return
		}
	}
}

// take waits for the next run, or says why to leave instead.
func (e *executor) take() Leaving {
	r, why := e.next()
	if why != "" {
		return why
	}
	e.reader.taken.Add(1)
	e.watcher.wake() // it may take long
	if err := e.batch.Decode(r.Batch); err != nil {
		e.Logger.Error("a run does not read", "error", err)
		die()
	}
	e.batch.Number(r.Message)
	e.run = &r
	e.origin = &origin{client: e.batch.Client, logger: e.Logger, wait: e.Wait, reporter: e.Worker}
	e.read = time.Now()
	e.began = e.read
	return ""
}

// runTasks runs what is left of the run, as far as the supervisor lets it.
func (e *executor) runTasks() Leaving {
	for {
		if why := e.over(); why != "" {
			return why
		}
		index, ok := e.Board.Begin(e.run.ID, e.began.UnixNano())
		if !ok || index >= len(e.batch.Tasks) {
			break
		}
		e.index = index
		e.runTask(&e.batch.Tasks[index])
		if e.garbage >= maxGarbage {
			runtime.GC()
			e.garbage = 0
		}
	}
	e.flush()
	if cap(*e.run.space) <= maxSpace {
		runSpace.Put(e.run.space)
	}
	e.run = nil
	return ""
}

// maxGarbage bounds the bytes of large values that wait for the collector, so that the
// next ones find their space free.
const maxGarbage = 32 << 20

// weighInterval is how often a process looks at its own memory, at most.
const weighInterval = 50 * time.Millisecond

// over says why to leave, or nothing.
func (e *executor) over() Leaving {
	switch {
	case e.ctx.Err() != nil:
		return LeavingDrained
	case e.MaxMemory > 0 && e.task != nil && e.began.Sub(e.weighed) > weighInterval:
		e.weighed = e.began
		if proc.ResidentMemory(os.Getpid()) > uint64(e.MaxMemory) {
			return LeavingMemory
		}
	}
	return ""
}

func (e *executor) runTask(t *codec.Task) {
	ctx := e.contexts.next()
	ctx.begin(e.origin, t)
	e.task = ctx
	e.running.begin(ctx, e.run.ID, e.index)
	if e.outbox.some.Load() {
		e.watcher.wake() // this task may take long
	}
	if failure := expired(t, e.began); failure != nil {
		e.finish(failure, nil, "")
		return
	}
	h := e.known.find(e.functions, t.Func)
	if h == nil {
		e.finish(unknown(t, e.Host), nil, "")
		return
	}
	var result codec.Encoded
	arg, failure := e.argument(ctx, t)
	if arg.own {
		e.garbage += len(arg.data)
	}
	if failure == nil {
		handed := context.Context(ctx)
		if observer != nil {
			handed = e.observeBegin(ctx)
		}
		result, failure = h.run(handed, e.scratch[:0], arg)
	}
	switch {
	case failure != nil:
		e.finish(failure, nil, "")
	case result.Len() > e.MaxMessage:
		e.garbage += result.Len()
		object, failure := e.large(ctx, &result)
		e.finish(failure, nil, object)
	default:
		e.finish(nil, result.Bytes(), "")
	}
}

// finish passes on what the current task has come to.
func (e *executor) finish(failure *codec.Failure, result []byte, object string) {
	now := e.now()
	e.Board.Finish(e.run.ID, e.index)
	e.task.release()
	if failure != nil {
		if stopped := e.task.stoppedFor(); stopped != "" {
			failure = &codec.Failure{Code: stopped, Message: failure.Message}
		}
	}
	e.observeEnd(failure)
	o := link.Outcome{Started: e.began, Run: now.Sub(e.began), Body: result}
	switch {
	case failure != nil:
		o.Status, o.Body = link.StatusFailure, codec.AppendFailure(nil, failure)
		if failure.Final {
			o.Status = link.StatusFinal
		}
	case object != "":
		o.Status, o.Body = link.StatusObject, []byte(object)
	}
	e.began = now
	if err := e.outbox.add(&e.run.Run, &o, now); err != nil {
		e.Logger.Debug("sending outcomes", "error", err)
	}
	if result != nil && cap(result) <= maxSpace {
		e.scratch = result[:0]
	}
}

// now returns the time. Between two tasks of a run the monotonic clock is enough,
// which costs half as much to read.
func (e *executor) now() time.Time { return e.read.Add(time.Since(e.read)) }

// rest notes that nothing runs.
func (e *executor) rest() { e.running.end() }

// known is the handler that was looked up last: tasks of one func come in a row.
type known struct {
	name string
	h    handler
}

func (k *known) find(all map[string]handler, name string) handler {
	if k.h == nil || k.name != name {
		k.name, k.h = name, all[name]
	}
	return k.h
}

// die ends the process's group, of which it is the leader.
func die() {
	_ = syscall.Kill(-os.Getpid(), syscall.SIGKILL)
	os.Exit(1)
}
