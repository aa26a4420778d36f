package broker

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the configurations in docs/protocol.md")

const document = "../../docs/protocol.md"

// documentedConfigs returns every configuration that docs/protocol.md shows.
func documentedConfigs() map[string]any {
	opts := StreamOptions{}
	return map[string]any{
		"stream TASKS_default":    taskStream("default", opts),
		"stream SCHED":            scheduleStream(opts),
		"stream RESULTS":          resultsStream(opts),
		"stream DEAD":             deadStream(opts),
		"stream CANCELS":          cancelStream(opts),
		"consumer workers_normal": workersConsumer("default", Normal),
		"consumer feed_default":   feedConsumer("default"),
		"stream OBJ_MUSTER":       ObjectStream(opts),
	}
}

// The document's configurations are those that this package creates.
func TestProtocolDocumentHasTheConfigurations(t *testing.T) {
	t.Parallel()
	before, err := os.ReadFile(document)
	require.NoError(t, err)
	missing := documentedConfigs()
	block := regexp.MustCompile("(?ms)^```json ((?:stream|consumer) \\w+)\n(.*?)^```$")
	after := block.ReplaceAllFunc(before, func(found []byte) []byte {
		name := string(block.FindSubmatch(found)[1])
		config, ok := missing[name]
		require.True(t, ok, "%s is shown twice, or nothing checks it", name)
		delete(missing, name)
		return []byte("```json " + name + "\n" + shown(t, config) + "\n```")
	})
	require.Empty(t, missing, "configurations that the document does not show")
	if *update {
		require.NoError(t, os.WriteFile(document, after, 0o644))
		return
	}
	require.Equal(t, string(after), string(before), "go test ./internal/broker -run ProtocolDocument -update rewrites them")
}

// defaults are the values that a configuration need not name.
var defaults = map[string]bool{"": true, "0": true, "false": true, "<nil>": true, "map[]": true, "none": true, "instant": true}

// shown is a configuration as JSON, without what the server takes as its default.
func shown(t *testing.T, config any) string {
	data, err := json.Marshal(config)
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(data, &fields))
	for name, value := range fields {
		if defaults[fmt.Sprint(value)] {
			delete(fields, name)
		}
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(fields))
	return strings.TrimSuffix(text.String(), "\n")
}
