package peer

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

//go:embed executor.py
var executor string

// python is concurrent.futures.ProcessPoolExecutor. It measures itself, in a
// process of its own.
type python struct {
	child *child
}

func newPython() *python { return &python{} }

func (p *python) Info() Info {
	return Info{Name: "python", Title: "Python ProcessPoolExecutor", Settings: []string{
		"max_workers as many as the others, processes started before; submit, and map with chunksize 1,000; not durable",
		"spinning tasks are loops of Python, held against bare loops of Python",
	}}
}

func (p *python) Missing() error {
	if _, err := exec.LookPath("python3"); err != nil {
		return errors.New("python3 is not installed (Debian: python3)")
	}
	return nil
}

func (p *python) Start(ctx context.Context, setup Setup) (err error) {
	defer func() {
		if err != nil {
			p.Stop()
		}
	}()
	if p.child, err = startChild(exec.Command("python3", "-c", executor), nil); err != nil {
		return err
	}
	if _, err = fmt.Fprintln(p.child.stdin, setup.Workers); err != nil {
		return err
	}
	_, err = p.child.line(ctx)
	return err
}

// pythonReport is what the script answers; times are in seconds.
type pythonReport struct {
	Elapsed float64   `json:"elapsed"`
	Ideal   float64   `json:"ideal"`
	Rest    float64   `json:"rest"`
	Each    []float64 `json:"each"`
	Sum     uint64    `json:"sum"`
}

func (p *python) Do(ctx context.Context, load Load) (Report, error) {
	if load.Clients > 1 || load.Parked > 0 || load.Mode == Idle {
		return Report{}, ErrUnsupported
	}
	line, err := json.Marshal(load)
	if err != nil {
		return Report{}, err
	}
	if _, err := fmt.Fprintf(p.child.stdin, "%s\n", line); err != nil {
		return Report{}, fmt.Errorf("%w: %s", err, p.child.errors)
	}
	answer, err := p.child.line(ctx)
	if err != nil {
		return Report{}, err
	}
	var r pythonReport
	if err := json.Unmarshal([]byte(answer), &r); err != nil {
		return Report{}, fmt.Errorf("reading Python's report: %w", err)
	}
	var want uint64
	for i := range load.Tasks {
		want += uint64(i) + uint64(load.Data)
	}
	if r.Sum != want {
		return Report{}, fmt.Errorf("%w: they add up to %d, not %d", ErrWrong, r.Sum, want)
	}
	report := Report{Elapsed: seconds(r.Elapsed), Ideal: seconds(r.Ideal), Rest: seconds(r.Rest)}
	for _, s := range r.Each {
		report.Each = append(report.Each, seconds(s))
	}
	return report, nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func (p *python) Stop() {
	if p.child != nil {
		p.child.end()
		p.child = nil
	}
}
