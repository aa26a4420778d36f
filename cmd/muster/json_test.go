package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

// jsonCommands are the commands that print JSON, each with the table of
// docs/json.md that tells what. LETTER and HOST are replaced.
var jsonCommands = map[string]string{
	"queue ls":           "queue",
	"queue info default": "queue",
	"schedule ls":        "schedule",
	"dead ls":            "dead letter",
	"dead show LETTER":   "dead letter",
	"host ls":            "host",
	"host info HOST":     "host",
	"top --once":         "snapshot",
	"bench --for 100ms":  "bench report",
	"doctor":             "finding",
}

// Each command prints what docs/json.md says, and nothing else.
func TestJSONDocument(t *testing.T) {
	t.Parallel()
	tables := jsonTables(t)
	for _, cmd := range documented(root()) {
		if cmd.Flags().Lookup("json") != nil {
			require.True(t, hasJSONCommand(cmd), "%s is not in jsonCommands", cmd.CommandPath())
		}
	}
	url := startBroker(t)
	mustRun(t, "schedule", "set", "--url", url, "--zone", "Europe/Berlin", "nightly", "30 4 * * *", "echo", "1")
	letter, host := startEventfulFleet(t, url)
	for command, table := range jsonCommands {
		t.Run(command, func(t *testing.T) {
			args := strings.Fields(strings.NewReplacer("LETTER", letter, "HOST", host).Replace(command))
			requireJSON(t, tables[table], run(t, nil, append(args, "--json", "--url", url)...).stdout)
		})
	}
}

func hasJSONCommand(cmd *cobra.Command) bool {
	name := strings.TrimPrefix(cmd.CommandPath(), "muster ")
	for command := range jsonCommands {
		if strings.HasPrefix(command+" ", name+" ") {
			return true
		}
	}
	return false
}

// startEventfulFleet starts a worker host that has most to tell: a process that died, one
// that runs a task, and a dead letter with most that a letter may have.
func startEventfulFleet(t *testing.T, url string) (letter, host string) {
	t.Helper()
	worker := startWorker(t, url, "--processes", "2", "--memory-limit", "8GiB")
	run(t, nil, "submit", "--attempts", "2", "--backoff", "1ms", "sleep", "--url", url, "--", "-1").
		requireFailure(t, 1, "cannot sleep")
	letter = startSleeper(t, url)
	for _, pid := range strings.Fields(worker.ready[1]) { // one of them runs it
		number, err := strconv.Atoi(pid)
		require.NoError(t, err)
		require.NoError(t, syscall.Kill(number, syscall.SIGKILL))
	}
	died := run(t, nil, "result", letter, "--url", url)
	require.Equal(t, 1, died.status)
	require.Contains(t, died.stderr, "SIGKILL")
	running := mustRun(t, "submit", "--detach", "--limit", "10m", "sleep", "600", "--url", url)[0]
	t.Cleanup(func() { mustRun(t, "cancel", "--kill", running, "--url", url) }) // or the host drains for long
	require.Eventually(t, func() bool {
		hosts := mustRunJSON[[]codec.HostStatus](t, "host", "ls", "--json", "--url", url)
		if len(hosts) != 1 || len(hosts[0].Counts) == 0 || len(hosts[0].Deaths) == 0 {
			return false
		}
		host = hosts[0].ID
		for _, p := range hosts[0].Processes {
			if p.Task != "" {
				return true
			}
		}
		return false
	}, patience, patience/1000)
	return letter, host
}

// shape is what a table says of a value.
type shape struct {
	kind     string
	optional bool
	fields   map[string]*shape // of an object
	each     *shape            // element of an array, or value of an object whatever its key
}

// at returns the shape at a path, such as lanes[].name or counts.FUNC.run.
func (s *shape) at(path string) *shape {
	for part := range strings.SplitSeq(path, ".") {
		name, elements := strings.CutSuffix(part, "[]")
		if name == strings.ToUpper(name) {
			s = s.eachOf()
		} else {
			if s.fields == nil {
				s.fields = map[string]*shape{}
			}
			if s.fields[name] == nil {
				s.fields[name] = &shape{}
			}
			s = s.fields[name]
		}
		if elements {
			s = s.eachOf()
		}
	}
	return s
}

func (s *shape) eachOf() *shape {
	if s.each == nil {
		s.each = &shape{kind: "object"}
	}
	return s.each
}

var jsonRow = regexp.MustCompile("^\\| `([^`]+)` \\| (\\w+)(, optional)? \\|")

func jsonTables(t *testing.T) map[string]*shape {
	t.Helper()
	text, err := os.ReadFile("../../docs/json.md")
	require.NoError(t, err)
	tables, section := map[string]*shape{}, ""
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "## "); ok {
			section = strings.TrimSpace(name)
			tables[section] = &shape{kind: "object"}
		}
		if row := jsonRow.FindStringSubmatch(line); row != nil {
			field := tables[section].at(row[1])
			field.kind, field.optional = row[2], row[3] != ""
		}
	}
	return tables
}

// requireJSON compares a document, or each element of a list, with a table.
func requireJSON(t *testing.T, table *shape, text string) {
	t.Helper()
	require.NotNil(t, table, "there is no such table")
	var document any
	require.NoError(t, json.Unmarshal([]byte(text), &document), text)
	list, isList := document.([]any)
	if !isList {
		list = []any{document}
	}
	require.NotEmpty(t, list)
	for _, element := range list {
		table.require(t, "it", element)
	}
}

func (s *shape) require(t *testing.T, where string, value any) {
	t.Helper()
	if s.kind == "any" {
		return
	}
	require.Contains(t, strings.Replace(s.kind, "time", "string", 1), kindOf(value), where)
	switch value := value.(type) {
	case []any:
		for _, element := range value {
			if s.each != nil {
				s.each.require(t, where+"[]", element)
			}
		}
	case map[string]any:
		for key, inner := range value {
			field := s.fields[key]
			if field == nil {
				field = s.each
			}
			require.NotNil(t, field, "%s.%s is not documented", where, key)
			field.require(t, where+"."+key, inner)
		}
		for key, field := range s.fields {
			require.True(t, field.optional || value[key] != nil, "%s.%s is not printed", where, key)
		}
	}
}

func kindOf(value any) string {
	switch value.(type) {
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "bool"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return "null"
}
