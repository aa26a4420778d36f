package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/jsonvalue"
)

// runner runs a command for each task, one at a time.
type runner struct {
	Command
	most    int64        // bytes of output
	env     []string     // but for what tells of the task
	servers func() []int // process ids of those that run at the same time
}

func (r *runner) run(ctx context.Context, arg value) (value, error) {
	input, err := text(arg)
	if err != nil {
		return nil, codec.Final(err)
	}
	words, err := r.fill(arg, input)
	if err != nil {
		return nil, codec.Final(err)
	}
	task, _ := consumer.Task(ctx)
	cmd := &exec.Cmd{Path: r.Path, Args: words, Env: append(r.env[:len(r.env):len(r.env)], taskEnviron(task)...)}
	stdout, err := r.output(ctx, cmd, input)
	if err != nil {
		return nil, err
	}
	return r.result(stdout)
}

// output runs the command to its end, and returns its stdout.
func (r *runner) output(ctx context.Context, cmd *exec.Cmd, input string) ([]byte, error) {
	stdout, stderr := newOutput(r.most), &lastWords{}
	passed := &passedOn{to: os.Stderr}
	p, err := start(cmd, stdout, io.MultiWriter(stderr, passed), r.Stdin, input)
	if err != nil {
		return nil, err
	}
	var stopped error
	select {
	case <-p.ended:
	case <-stdout.over:
		p.kill()
	case <-ctx.Done():
		stopped = ctx.Err()
		p.stop()
	}
	<-p.ended
	left := errors.Join(endOrphans(cmd.Process.Pid, r.servers()), p.drain())
	passed.endLine()
	switch {
	case stopped != nil: // and what it has written is half a result
		return nil, fmt.Errorf("the command was stopped (%w): %w", stopped, failure(cmd.ProcessState, stderr))
	case stdout.isOver():
		return nil, codec.Final(fmt.Errorf("%w: it is larger than %d bytes", ErrOutput, r.most))
	case !cmd.ProcessState.Success():
		return nil, failure(cmd.ProcessState, stderr)
	case left != nil:
		return nil, left
	}
	return stdout.data, nil
}

// failure says how a command failed, with the end of its stderr.
func failure(state *os.ProcessState, stderr *lastWords) error {
	exit := exitOf(state)
	words, cut := stderr.String(), ""
	switch {
	case words == "":
		return exit
	case stderr.cut() > 0:
		cut = fmt.Sprintf(" (the %d bytes before are in the host's log)", stderr.cut())
	}
	return fmt.Errorf("%w; its stderr ends%s:\n%s", exit, cut, words)
}

// result returns the command's stdout as the func's result.
func (r *runner) result(stdout []byte) (value, error) {
	switch r.Result {
	case asBytes:
		return codec.AppendValue(nil, stdout)
	case asJSON:
		result, err := fromJSON(stdout)
		if err != nil {
			return nil, fmt.Errorf("%w: stdout is %w", ErrOutput, err)
		}
		return result, nil
	}
	return codec.AppendValue(nil, string(bytes.TrimSuffix(stdout, []byte("\n"))))
}

// fromJSON encodes what should be JSON.
func fromJSON(text []byte) (value, error) {
	if !jsonvalue.Valid(text) {
		return nil, fmt.Errorf("not one JSON value: %.60q", text)
	}
	var encoded bytes.Buffer
	if err := jsonvalue.Encode(msgpack.NewEncoder(&encoded), text); err != nil {
		return nil, fmt.Errorf("not to be had in MessagePack: %w", err)
	}
	return encoded.Bytes(), nil
}
