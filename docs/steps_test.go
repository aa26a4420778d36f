package docs_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// CONTRIBUTING.md names the steps of .ci/run, in their order.
func TestSteps(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("../.ci/run")
	require.NoError(t, err)
	var steps []string
	for _, step := range regexp.MustCompile(`(?m)^step \d+ (\w+)$`).FindAllStringSubmatch(string(script), -1) {
		steps = append(steps, step[1])
	}
	require.NotEmpty(t, steps)
	contributing, err := os.ReadFile("../CONTRIBUTING.md")
	require.NoError(t, err)
	_, list, found := strings.Cut(string(contributing), "one of its steps: ")
	require.True(t, found)
	list, _, _ = strings.Cut(list, "```")
	require.Equal(t, steps, strings.Fields(strings.ReplaceAll(list, "#", "")))
}
