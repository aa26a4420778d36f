package codec_test

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/musterfleet/muster/codec"
)

type fields map[string]any

// packRaw is pack with an element more that is encoded already.
func packRaw(t *testing.T, last []byte, elements ...any) []byte {
	return pack(t, append(slices.Clone(elements), msgpack.RawMessage(last))...)
}

func sortByName(vectors []vector) {
	slices.SortFunc(vectors, func(a, b vector) int { return strings.Compare(a.Name, b.Name) })
}

func receiptVectors(t *testing.T) (all []vector) {
	read := func(data []byte) (any, error) {
		n, err := codec.ReadReceipt(data)
		return fields{"outcomes": n}, err
	}
	for _, n := range []int{0, 1, 127, 128, 65536} {
		all = append(all, written(strconv.Itoa(n)+" outcomes", codec.AppendReceipt(nil, n), fields{"outcomes": n}, read))
	}
	all = append(all, readable("more elements", extended(codec.AppendReceipt(nil, 2), 0xc0), fields{"outcomes": 2}, read))
	all = append(all, refusables(codec.AppendReceipt(nil, 2), read)...)
	return append(all,
		refusable("too many", pack(t, 1, 3, 65537), "at most 65,536", read),
		refusable("negative", pack(t, 1, 3, -1), "uint", read))
}

func cancelVectors(t *testing.T) (all []vector) {
	read := func(data []byte) (any, error) {
		ids, running, err := codec.ReadCancel(data)
		tasks := []string{}
		for _, id := range ids {
			tasks = append(tasks, id.String())
		}
		return fields{"tasks": tasks, "running": running}, err
	}
	add := func(name string, running bool, numbers ...uint64) {
		tasks := []string{}
		for _, n := range numbers {
			tasks = append(tasks, codec.ID{Client: client, N: n}.String())
		}
		all = append(all, written(name, codec.AppendCancel(nil, client, running, numbers...), fields{"tasks": tasks, "running": running}, read))
	}
	add("not to be started", false, 42, 300)
	add("to be stopped", true, 1<<64-1)
	add("none", false)
	all[len(all)-1].ReadOnly = true // what it means does not say whose tasks they are
	add("sixteen", false, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
	grouped := "billing." + client
	all = append(all, written("client of a group", codec.AppendCancel(nil, grouped, true, 7), fields{"tasks": []string{grouped + "-7"}, "running": true}, read))
	all = append(all, readable("more elements", extended(codec.AppendCancel(nil, client, true, 7), 0xc0),
		fields{"tasks": []string{client + "-7"}, "running": true}, read))
	all = append(all, refusables(codec.AppendCancel(nil, client, true, 7), read)...)
	return append(all,
		refusable("client with two dots", pack(t, 1, 4, "a.b.c", []any{1}, false), "a client has at most a group before its name", read),
		refusable("running as a number", pack(t, 1, 4, client, []any{1}, 0), "bool", read))
}

func startedVectors(t *testing.T) (all []vector) {
	meaning := func(s codec.Started) fields {
		return fields{"n": strconv.FormatUint(s.N, 10), "attempt": s.Attempt, "host": s.Host, "pid": s.PID}
	}
	read := func(data []byte) (any, error) {
		s, err := codec.ReadStarted(data)
		return meaning(s), err
	}
	plain := codec.Started{N: 42, Attempt: 1, Host: "kestrel", PID: 4711}
	for name, s := range map[string]codec.Started{
		"a start":          plain,
		"the largest":      {N: 1<<64 - 1, Attempt: 1 << 20, Host: strings.Repeat("h", 256), PID: 1<<31 - 1},
		"nothing is known": {},
	} {
		all = append(all, written(name, codec.AppendStarted(nil, &s), meaning(s), read))
	}
	sortByName(all)
	all = append(all,
		readable("more elements", extended(codec.AppendStarted(nil, &plain), 0xc0), meaning(plain), read),
		readable("a host that is cut once it is UTF-8", pack(t, 1, 5, 42, 1, strings.Repeat("h", 255)+"\xff", 1),
			meaning(codec.Started{N: 42, Attempt: 1, Host: strings.Repeat("h", 255), PID: 1}), read),
		readable("a long host", pack(t, 1, 5, 42, 1, strings.Repeat("h", 257), 1), meaning(codec.Started{N: 42, Attempt: 1, Host: strings.Repeat("h", 256), PID: 1}), read))
	all = append(all, refusables(codec.AppendStarted(nil, &plain), read)...)
	return append(all,
		refusable("attempt beyond its limit", pack(t, 1, 5, 42, 1<<20+1, "kestrel", 1), "at most 1,048,576", read),
		refusable("process beyond its limit", pack(t, 1, 5, 42, 1, "kestrel", 1<<31), "31 bits", read))
}

func progressVectors(t *testing.T) (all []vector) {
	meaning := func(n uint64, attempt int, p codec.Progress) fields {
		return fields{
			"n": strconv.FormatUint(n, 10), "attempt": attempt,
			"done": strconv.FormatUint(p.Done, 10), "total": strconv.FormatUint(p.Total, 10), "note": p.Note,
		}
	}
	read := func(data []byte) (any, error) {
		n, attempt, p, err := codec.ReadProgress(data)
		return meaning(n, attempt, p), err
	}
	add := func(name string, n uint64, attempt int, p codec.Progress) {
		all = append(all, written(name, codec.AppendProgress(nil, n, attempt, p), meaning(n, attempt, p), read))
	}
	some := codec.Progress{Done: 30, Total: 100, Note: "pages"}
	add("some", 42, 1, some)
	add("no total", 42, 1, codec.Progress{Done: 30})
	add("the largest", 1<<64-1, 1<<20, codec.Progress{Done: 1<<64 - 1, Total: 1<<64 - 1, Note: strings.Repeat("é", 512)})
	all = append(all,
		readable("more elements", extended(codec.AppendProgress(nil, 42, 1, some), 0xc0), meaning(42, 1, some), read),
		readable("note cut between characters", pack(t, 1, 6, 42, 1, 30, 100, strings.Repeat("é", 511)+"x€"),
			meaning(42, 1, codec.Progress{Done: 30, Total: 100, Note: strings.Repeat("é", 511) + "x"}), read))
	return append(all, refusables(codec.AppendProgress(nil, 42, 1, some), read)...)
}

func deadVectors(t *testing.T) (all []vector) {
	meaning := func(d *codec.DeadLetter) fields {
		f := d.Failure
		if f == nil {
			f = &codec.Failure{Code: codec.CodeError}
		}
		return fields{"queue": d.Queue, "at": d.At.UnixMilli(), "failure": meaningOfFailure(f), "message": hex.EncodeToString(d.Message)}
	}
	read := func(data []byte) (any, error) {
		d, err := codec.ReadDeadLetter(data)
		if err != nil {
			return nil, err
		}
		return meaning(&d), nil
	}
	add := func(name string, d codec.DeadLetter) {
		all = append(all, written(name, codec.AppendDeadLetter(nil, &d), meaning(&d), read))
	}
	at := time.UnixMilli(1_900_000_000_000)
	died := codec.DeadLetter{
		Queue: "default", At: at, Failure: &codec.Failure{Code: codec.CodeWorkerDied, Signal: "SIGKILL"},
		Message: encodeBatch(codec.Task{N: 42, Func: "is_prime", Arg: []byte{0x61}, Crashes: 3}),
	}
	add("a task", died)
	add("no batch", codec.DeadLetter{Queue: "default", At: at, Failure: &codec.Failure{Code: codec.CodeArgument, Message: "not an array"}, Message: []byte("hello")})
	add("an empty message", codec.DeadLetter{Queue: "q", At: at, Failure: &codec.Failure{Code: codec.CodeArgument}, Message: []byte{}})
	add("the year 1", codec.DeadLetter{Queue: "q", At: time.UnixMilli(-62_135_596_800_000), Failure: &codec.Failure{Code: codec.CodeError}, Message: []byte{}})
	all = append(all, readable("more elements", extended(codec.AppendDeadLetter(nil, &died), 0xc0), meaning(&died), read))
	all = append(all, refusables(codec.AppendDeadLetter(nil, &died), read)...)
	for _, v := range all {
		require.NotNil(t, v.read)
	}
	return append(all, refusable("the year 10000", pack(t, 1, 7, "q", 253_402_300_800_000, []byte{0x80}, []byte{}), "a time of the years 0 to 9999", read))
}
