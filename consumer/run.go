package consumer

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/musterfleet/muster/codec"
)

// Run runs one task of a client with a handler of this process, and returns its
// outcome: what a worker process does, without the process. Package mustertest
// is made of it. When ctx ends, or the task's limit passes, the handler's
// context ends, and nothing else can stop it: the outcome comes when the handler
// returns. A panic and a runtime.Goexit in the handler are failures, as ever.
// Wait is called when the handler waits for another task, and report with what it
// reports of its progress; both may be nil.
func Run(ctx context.Context, client string, t *codec.Task, logger *slog.Logger, wait func() (resume func()), report func(codec.Progress)) codec.Outcome {
	began := time.Now()
	f := handlers()[t.Func]
	failure := expired(t, began)
	if f == nil {
		failure = unknown(t, "")
	}
	if failure != nil {
		return codec.Outcome{N: t.N, Failure: failure}
	}
	o := &origin{client: client, logger: logger, wait: wait}
	if report != nil {
		o.reporter = reportFunc(report)
	}
	task := newTaskContext(o, t)
	defer task.release()
	defer context.AfterFunc(ctx, func() { task.stop(codec.CodeCancelled) })()
	if t.Limit > 0 {
		limit := time.AfterFunc(t.Limit, func() { task.stop(codec.CodeTimeLimit) })
		defer limit.Stop()
	}

	returned := make(chan codec.Outcome, 1)
	go func() {
		outcome := failed(t, codec.CodeGoexit, "")
		outcome.Failure.Stack = string(debug.Stack())
		defer func() { returned <- outcome }()
		value, failure := f.run(task, nil, argument{data: t.Arg})
		outcome = codec.Outcome{N: t.N, Value: value.Bytes(), Failure: failure}
	}()
	outcome := <-returned
	outcome.Run = time.Since(began)
	if why := task.stoppedFor(); why != "" && outcome.Failure != nil {
		return failed(t, why, outcome.Failure.Message)
	}
	return outcome
}

// Call calls a registered handler in this process, with an encoded argument,
// and drops the result. Its error is the failure as a caller would see it.
func Call(ctx context.Context, name string, arg []byte) error {
	outcome := Run(ctx, "", &codec.Task{Func: name, Arg: arg}, slog.Default(), nil, nil)
	if outcome.Failure != nil {
		return outcome.Failure.Err(codec.ID{})
	}
	return nil
}

func failed(t *codec.Task, code codec.Code, message string) codec.Outcome {
	return codec.Outcome{N: t.N, Failure: &codec.Failure{Code: code, Message: message}}
}
