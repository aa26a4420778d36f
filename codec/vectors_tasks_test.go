package codec_test

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/musterfleet/muster/codec"
)

type batchMeaning struct {
	Client string        `json:"client"`
	Chunk  bool          `json:"chunk,omitempty"`
	Tasks  []taskMeaning `json:"tasks"`
}

type taskMeaning struct {
	N       string         `json:"n"` // decimal: not every language has 64 bits
	Func    string         `json:"func"`
	Arg     string         `json:"arg"` // hexadecimal
	Options map[string]any `json:"options,omitempty"`
}

func meaningOfBatch(client string, chunk bool, tasks []codec.Task) batchMeaning {
	m := batchMeaning{Client: client, Chunk: chunk, Tasks: []taskMeaning{}}
	for i := range tasks {
		t := &tasks[i]
		options := map[string]any{}
		for key, n := range map[string]int64{
			"crashes": int64(t.Crashes), "max_crashes": int64(t.MaxCrashes), "errors": int64(t.Errors), "max_errors": int64(t.MaxErrors),
			"backoff": t.Backoff.Milliseconds(), "limit": t.Limit.Milliseconds(), "depth": int64(t.Depth), "retain": t.Retain.Milliseconds(),
		} {
			if n != 0 {
				options[key] = n
			}
		}
		if !t.Deadline.IsZero() {
			options["deadline"] = t.Deadline.UnixMilli()
		}
		for key, text := range map[string]string{"key": t.Key, "object": t.Object} {
			if text != "" {
				options[key] = text
			}
		}
		if t.Numbered {
			options["numbered"] = true
		}
		if len(t.Header) > 0 {
			options["header"] = t.Header
		}
		m.Tasks = append(m.Tasks, taskMeaning{strconv.FormatUint(t.N, 10), t.Func, hex.EncodeToString(t.Arg), options})
	}
	return m
}

func readBatch(data []byte) (any, error) {
	var b codec.Batch
	err := b.Decode(data)
	return meaningOfBatch(b.Client, b.Chunk, b.Tasks), err
}

func batchVectors(t *testing.T) (all []vector) {
	plain := codec.Task{N: 42, Func: "is_prime", Arg: []byte{0x61}}
	with := func(change func(*codec.Task)) codec.Task {
		task := plain
		change(&task)
		return task
	}
	add := func(name string, tasks ...codec.Task) {
		all = append(all, written(name, encodeBatch(tasks...), meaningOfBatch(client, false, tasks), readBatch))
	}
	add("one task", plain)
	add("two tasks", plain, codec.Task{N: 43, Func: "echo", Arg: []byte{0xc0}})
	all = append(all, written("chunk", encodeChunk(plain, plain), meaningOfBatch(client, true, []codec.Task{plain, plain}), readBatch))
	for _, n := range []uint64{0, 127, 128, 255, 256, 65535, 65536, 1<<32 - 1, 1 << 32, 1<<53 + 1, 1<<63 - 1, 1 << 63, 1<<64 - 1} {
		add("number "+strconv.FormatUint(n, 10), with(func(t *codec.Task) { t.N = n }))
	}
	add("empty argument", with(func(t *codec.Task) { t.Arg = []byte{} }))
	add("argument of 255 bytes", with(func(t *codec.Task) { t.Arg = bytes.Repeat([]byte{0xc0}, 255) }))
	add("argument of 256 bytes", with(func(t *codec.Task) { t.Arg = bytes.Repeat([]byte{0xc0}, 256) }))
	add("func of one character", with(func(t *codec.Task) { t.Func = "f" }))
	add("func of 31 characters", with(func(t *codec.Task) { t.Func = strings.Repeat("f", 31) }))
	add("func of 32 characters", with(func(t *codec.Task) { t.Func = strings.Repeat("f", 32) }))
	add("func of 128 characters", with(func(t *codec.Task) { t.Func = strings.Repeat("Aa0_-./z", 16) }))
	options := len(all)
	for name, change := range map[string]func(*codec.Task){
		"crashes":           func(t *codec.Task) { t.Crashes = 1 },
		"max_crashes":       func(t *codec.Task) { t.MaxCrashes = 1 << 20 },
		"errors":            func(t *codec.Task) { t.Errors = 2 },
		"max_errors":        func(t *codec.Task) { t.MaxErrors = 300 },
		"backoff":           func(t *codec.Task) { t.Backoff = 1500 * time.Millisecond },
		"deadline":          func(t *codec.Task) { t.Deadline = time.UnixMilli(1_900_000_000_123) },
		"deadline in 1969":  func(t *codec.Task) { t.Deadline = time.UnixMilli(-5) },
		"limit":             func(t *codec.Task) { t.Limit = 90 * time.Second },
		"limit of 365 days": func(t *codec.Task) { t.Limit = 365 * 24 * time.Hour },
		"depth":             func(t *codec.Task) { t.Depth = 2 },
		"retain":            func(t *codec.Task) { t.Retain = time.Hour },
		"key":               func(t *codec.Task) { t.Key = "nightly report ü" },
		"numbered":          func(t *codec.Task) { t.Numbered = true },
		"object":            func(t *codec.Task) { t.Object, t.Arg = "HX4ZK2", []byte{} },
		"header":            func(t *codec.Task) { t.Header = map[string]string{"traceparent": "00-4bf9-00f0-01"} },
	} {
		add("option "+name, with(change))
	}
	sortByName(all[options:])
	add("many options", fullTask)

	of := func(name, client string) {
		all = append(all, written(name, encodeBatchOf(client, plain), meaningOfBatch(client, false, []codec.Task{plain}), readBatch))
	}
	of("client of a group", "billing."+client)
	of("client of a group of 32 characters", strings.Repeat("g", 32)+".a")
	of("client of a group, with a name that none without may have", "billing.cron")
	of("client of 128 characters", strings.Repeat("a", 128))
	of("client of 128 characters with its group", "billing."+strings.Repeat("a", 120))

	reads := func(name string, data []byte, tasks ...codec.Task) {
		all = append(all, readable(name, data, meaningOfBatch(client, false, tasks), readBatch))
	}
	task := []any{int8(42), "is_prime", []byte{0x61}}
	reads("long numbers", pack(t, int64(1), uint32(1), client, []any{[]any{int64(42), "is_prime", []byte{0x61}}}), plain)
	reads("not a chunk", pack(t, 1, 1, client, []any{task}, false), plain)
	reads("more elements in the envelope", pack(t, 1, 1, client, []any{task}, false, "later", []any{1}), plain)
	reads("more elements in a task", pack(t, 1, 1, client, []any{append(task, map[string]any{}, "later")}), plain)
	reads("unknown option", pack(t, 1, 1, client, []any{append(task, map[string]any{"colour": []any{"red"}})}), plain)
	reads("limit of 400 days", pack(t, 1, 1, client, []any{append(task, map[string]any{"limit": 400 * 24 * 3600 * 1000})}),
		with(func(t *codec.Task) { t.Limit = 365 * 24 * time.Hour }))
	reads("crashes 0", pack(t, 1, 1, client, []any{append(task, map[string]any{"crashes": 0})}), plain)

	all = append(all, refusables(encodeBatch(plain), readBatch)...)
	refuse := func(name, why string, elements ...any) {
		all = append(all, refusable(name, pack(t, elements...), why, readBatch))
	}
	one := []any{task}
	refuse("no client", "a client has at least one character", 1, 1, "", one)
	refuse("client with two dots", "a client has at most a group before its name", 1, 1, "a.b.c", one)
	refuse("client of a group of 33 characters", "a group has at most 32", 1, 1, strings.Repeat("g", 33)+".a", one)
	refuse("client of a group without a name", "a name behind the dot", 1, 1, "billing.", one)
	refuse("client of no group behind a dot", "a group before the dot", 1, 1, ".a", one)
	refuse("client of 129 characters with its group", "at most 128, the group included", 1, 1, "billing."+strings.Repeat("a", 121), one)
	refuse("client of a reserved name", "cron and unread are no clients", 1, 1, "cron", one)
	refuse("client of a reserved group", "cron and unread are no groups", 1, 1, "unread.a", one)
	refuse("client with a star", "a client is a token of a subject: a-z 0-9", 1, 1, "*", one)
	refuse("client in upper case", "a client is a token of a subject: a-z 0-9", 1, 1, "K3XF", one)
	refuse("client of 129 characters", "at most 128", 1, 1, strings.Repeat("a", 129), one)
	refuse("client of bytes", "str, not bin", 1, 1, []byte(client), one)
	refuse("no task", "a batch has a task", 1, 1, client, []any{})
	refuse("tasks in a map", "an array", 1, 1, client, map[string]any{"a": 1})
	refuse("task of two elements", "a task has three", 1, 1, client, []any{[]any{42, "f"}})
	refuse("negative number", "uint", 1, 1, client, []any{[]any{-1, "f", []byte{}}})
	refuse("number as text", "uint", 1, 1, client, []any{[]any{"42", "f", []byte{}}})
	refuse("number as float", "uint", 1, 1, client, []any{[]any{42.0, "f", []byte{}}})
	refuse("func of 129 characters", "at most 128", 1, 1, client, []any{[]any{42, strings.Repeat("f", 129), []byte{}}})
	refuse("argument of text", "bin, not str", 1, 1, client, []any{[]any{42, "f", "a"}})
	refuse("no argument", "bin, not nil", 1, 1, client, []any{[]any{42, "f", nil}})
	refuse("options in an array", "a map", 1, 1, client, []any{append(task, []any{})})
	refuse("too many crashes", "at most 1,048,576", 1, 1, client, []any{append(task, map[string]any{"crashes": 1<<20 + 1})})
	refuse("negative limit", "uint", 1, 1, client, []any{append(task, map[string]any{"limit": -1})})
	refuse("key of bytes", "str, not bin", 1, 1, client, []any{append(task, map[string]any{"key": []byte("k")})})
	refuse("header value of 4,097 bytes", "at most 4,096", 1, 1, client, []any{append(task, map[string]any{"header": map[string]string{"k": strings.Repeat("v", 4097)}})})
	refuse("header that is not UTF-8", "UTF-8", 1, 1, client, []any{append(task, map[string]any{"header": map[string]string{"k": "\xff"}})})
	refuse("chunk as a number", "bool", 1, 1, client, one, 1)
	deep := append([]any{}, 1, 1, client, one, false)
	all = append(all,
		readable("unknown element nested 128 deep", packRaw(t, nested(128), deep...), meaningOfBatch(client, false, []codec.Task{plain}), readBatch),
		refusable("unknown element nested 1,000 deep", packRaw(t, nested(1000), deep...), "at most 128 arrays and maps within a message's own", readBatch))
	return all
}
