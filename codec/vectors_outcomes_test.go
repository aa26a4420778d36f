package codec_test

import (
	"encoding/hex"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/musterfleet/muster/codec"
)

type outcomesMeaning struct {
	Client   string           `json:"client"`
	Outcomes []outcomeMeaning `json:"outcomes"`
}

type outcomeMeaning struct {
	N       string         `json:"n"`
	Run     int64          `json:"run"` // microseconds
	Value   *string        `json:"value,omitempty"`
	Object  string         `json:"object,omitempty"`
	Failure map[string]any `json:"failure,omitempty"`
}

func meaningOfFailure(f *codec.Failure) map[string]any {
	m := map[string]any{}
	for key, text := range map[string]string{
		"code": string(f.Code), "type": f.Type, "message": f.Message, "stack": f.Stack, "host": f.Host, "signal": f.Signal, "stderr": f.Stderr,
	} {
		if text != "" {
			m[key] = text
		}
	}
	if strings.HasPrefix(f.Message, "the task failed with an error that does not read") {
		return map[string]any{"code": "error", "unreadable": true} // the words are each reader's own
	}
	for key, n := range map[string]int{"pid": f.PID, "attempt": f.Attempt, "exit_code": f.ExitCode} {
		if n != 0 {
			m[key] = n
		}
	}
	if f.OutOfMemory {
		m["out_of_memory"] = true
	}
	if len(f.Sentinels) > 0 {
		m["sentinels"] = f.Sentinels
	}
	if len(f.Values) > 0 {
		values := map[string]string{}
		for _, v := range f.Values {
			values[v.Type] = hex.EncodeToString(v.Data)
		}
		m["values"] = values
	}
	return m
}

func meaningOfOutcomes(client string, list []codec.Outcome) outcomesMeaning {
	m := outcomesMeaning{Client: client, Outcomes: []outcomeMeaning{}}
	for i := range list {
		o := &list[i]
		one := outcomeMeaning{N: strconv.FormatUint(o.N, 10), Run: o.Run.Microseconds(), Object: o.Object}
		switch {
		case o.Failure != nil:
			one.Failure = meaningOfFailure(o.Failure)
		case o.Object == "":
			value := hex.EncodeToString(o.Value)
			one.Value = &value
		}
		m.Outcomes = append(m.Outcomes, one)
	}
	return m
}

func readOutcomes(data []byte) (any, error) {
	var o codec.Outcomes
	err := o.Decode(data)
	return meaningOfOutcomes(o.Client, o.List), err
}

func outcomesVectors(t *testing.T) (all []vector) {
	add := func(name string, list ...codec.Outcome) {
		all = append(all, written(name, encodeOutcomes(list...), meaningOfOutcomes(client, list), readOutcomes))
	}
	failed := func(f codec.Failure) codec.Outcome {
		return codec.Outcome{N: 42, Run: time.Millisecond, Failure: &f}
	}
	value := codec.Outcome{N: 42, Run: 5 * time.Microsecond, Value: []byte{0xc3}}
	add("a value", value)
	add("an empty value", codec.Outcome{N: 1, Value: []byte{}})
	add("an object", codec.Outcome{N: 42, Run: 365 * 24 * time.Hour, Object: "HX4ZK2"})
	add("several", value, failed(codec.Failure{Code: codec.CodeCancelled}), codec.Outcome{N: 1<<64 - 1, Object: "o"})
	add("none")
	for _, code := range codec.Codes {
		add("code "+string(code), failed(codec.Failure{Code: code}))
	}
	add("an unknown code", failed(codec.Failure{Code: "of_a_later_revision"}))
	add("a handler's error", failed(codec.Failure{
		Code: codec.CodeError, Type: "*errors.errorString", Message: "the shop is busy", Host: "kestrel", PID: 4711, Attempt: 2,
	}))
	add("a panic", failed(codec.Failure{
		Code: codec.CodePanic, Type: "runtime.boundsError", Message: "index out of range", Stack: "goroutine 1 [running]:\n…", Host: "kestrel", PID: 4711, Attempt: 1,
	}))
	add("a death", failed(codec.Failure{
		Code: codec.CodeWorkerDied, Host: "kestrel", PID: 4711, Attempt: 3, ExitCode: -1, Signal: "SIGKILL", Stderr: "oops\n", OutOfMemory: true,
	}))
	add("listed errors", failed(codec.Failure{
		Code: codec.CodeError, Message: "no such order", Sentinels: []string{"no such order", "gone#2"},
		Values: []codec.ErrorValue{{Type: "*main.RangeError", Data: []byte{0x81, 0xa3, 'M', 'a', 'x', 0x09}}},
	}))

	add("every key of a failure", failed(fullFailure))

	reads := func(name string, data []byte, list ...codec.Outcome) {
		all = append(all, readable(name, data, meaningOfOutcomes(client, list), readOutcomes))
	}
	yes := []byte{0xc3}
	reads("more elements", pack(t, 1, 2, client, []any{[]any{42, 5, 0, yes, "later"}}, "later"), value)
	grouped := "billing." + client
	all = append(all, readable("client of a group", pack(t, 1, 2, grouped, []any{[]any{42, 5, 0, yes}}),
		meaningOfOutcomes(grouped, []codec.Outcome{value}), readOutcomes))
	reads("ran for 400 days", pack(t, 1, 2, client, []any{[]any{42, 400 * 24 * 3600 * 1_000_000, 0, yes}}),
		codec.Outcome{N: 42, Run: 365 * 24 * time.Hour, Value: yes})
	failure := func(f map[string]any) []byte {
		body := pack(t, f)[1:] // the map alone
		return pack(t, 1, 2, client, []any{[]any{42, 1000, 1, body}})
	}
	reads("failure without code", failure(map[string]any{"message": "no"}), failed(codec.Failure{Code: codec.CodeError, Message: "no"}))
	reads("failure with an unknown key", failure(map[string]any{"colour": []any{"red"}}), failed(codec.Failure{Code: codec.CodeError}))
	reads("failure with a long code", failure(map[string]any{"code": strings.Repeat("c", 257)}), failed(codec.Failure{Code: codec.Code(strings.Repeat("c", 256))}))
	reads("failure with text that is not UTF-8", failure(map[string]any{"message": "a\xffb"}), failed(codec.Failure{Code: codec.CodeError, Message: "a\ufffdb"}))
	unreadable := failed(codec.Failure{Message: "the task failed with an error that does not read"})
	reads("failure that is no map", pack(t, 1, 2, client, []any{[]any{42, 1000, 1, []byte{0x01}}}), unreadable)
	reads("failure with a number for text", failure(map[string]any{"message": 1}), unreadable)
	reads("failure with bytes behind it", pack(t, 1, 2, client, []any{[]any{42, 1000, 1, []byte{0x80, 0x80}}}), unreadable)
	reads("status of a later revision", pack(t, 1, 2, client, []any{[]any{42, 1000, 9, []byte{0x80}}}), failed(codec.Failure{Code: codec.CodeError}))

	all = append(all, refusables(encodeOutcomes(value), readOutcomes)...)
	refuse := func(name, why string, elements ...any) {
		all = append(all, refusable(name, pack(t, elements...), why, readOutcomes))
	}
	refuse("client with two dots", "a client has at most a group before its name", 1, 2, "a.b.c", []any{})
	refuse("outcome of three elements", "an outcome has four", 1, 2, client, []any{[]any{42, 5, 0}})
	refuse("negative run time", "uint", 1, 2, client, []any{[]any{42, -5, 0, yes}})
	refuse("value of text", "bin, not str", 1, 2, client, []any{[]any{42, 5, 0, "x"}})
	return all
}
