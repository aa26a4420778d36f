package conformance

import (
	"context"
	"errors"
	"os"
	"runtime"
	"syscall"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
)

var errHarm = errors.New("harm was done")

// harms are ways in which code goes wrong, within its process or with it.
var harms = map[string]func() error{
	"":            func() error { return nil },
	"error":       func() error { return errHarm },
	"panic":       func() error { panic(errHarm) },
	"goexit":      func() error { runtime.Goexit(); return nil },
	"nil pointer": func() error { var p *trap; return errors.New(p.How) },

	"exit 0":  func() error { os.Exit(0); return nil },
	"exit 1":  func() error { os.Exit(1); return nil },
	"exit 42": func() error { os.Exit(42); return nil },
	"exit 99": func() error { os.Exit(99); return nil },
	"SIGKILL": func() error { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL); select {} },
	// Go's runtime handles this signal, so as a program without it.
	"SIGSEGV": func() error {
		return syscall.Exec("/bin/sh", []string{"sh", "-c", "kill -s SEGV $$"}, nil)
	},
	"bad address": func() error {
		page, err := syscall.Mmap(-1, 0, os.Getpagesize(), syscall.PROT_NONE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		if err != nil {
			return err
		}
		return errors.New(string(page))
	},
}

// trap is a value that goes wrong while it is encoded or decoded.
type trap struct {
	At   string // "encode", "decode" or not at all
	How  string // a key of harms
	Note string // a file that is told of every decoding
}

var (
	_ msgpack.CustomEncoder = trap{}
	_ msgpack.CustomDecoder = (*trap)(nil)
)

func (t trap) EncodeMsgpack(e *msgpack.Encoder) error {
	if t.At == "encode" {
		if err := harms[t.How](); err != nil {
			return err
		}
	}
	return e.Encode([]string{t.At, t.How, t.Note})
}

func (t *trap) DecodeMsgpack(d *msgpack.Decoder) error {
	var fields []string
	if err := d.Decode(&fields); err != nil {
		return err
	}
	t.At, t.How, t.Note = fields[0], fields[1], fields[2]
	if err := note(t.Note, os.Getpid()); err != nil || t.At != "decode" {
		return err
	}
	return harms[t.How]()
}

// plan says what trap to return: a trap that does not go off on the way there.
type plan trap

// The first two give the process's id.
var (
	runHarm   = codec.NewFunc[string, int]("K.run")
	takeTrap  = codec.NewFunc[trap, int]("K.take")
	giveTrap  = codec.NewFunc[plan, trap]("K.give")
	echoTraps = codec.NewFunc[trap, trap]("K.echo")
)

func init() {
	consumer.Handle(runHarm, func(_ context.Context, how string) (int, error) { return os.Getpid(), harms[how]() })
	consumer.Handle(takeTrap, func(context.Context, trap) (int, error) { return os.Getpid(), nil })
	consumer.Handle(giveTrap, func(_ context.Context, p plan) (trap, error) { return trap(p), nil })
	consumer.Handle(echoTraps, func(_ context.Context, t trap) (trap, error) { return t, nil })
}
