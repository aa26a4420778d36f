package metrics_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// families returns the metrics of a live scrape, with their help texts.
func families(t *testing.T) map[string]string {
	s := newScene(t)
	s.handler.Started(s.pool.Supervisor())
	s.work()
	_, page := s.get("/metrics")
	all := map[string]string{}
	for _, match := range regexp.MustCompile(`(?m)^# HELP (muster_\w+) (.*)$`).FindAllStringSubmatch(page, -1) {
		all[match[1]] = match[2]
	}
	require.Greater(t, len(all), 20)
	return all
}

var metricName = regexp.MustCompile(`\bmuster_\w+`)

// What rules and dashboard ask for exists in a live scrape, or is recorded.
func TestDeployedNamesExist(t *testing.T) {
	known := families(t)
	rules, err := os.ReadFile("../deploy/prometheus/rules.yml")
	require.NoError(t, err)
	dashboard, err := os.ReadFile("../deploy/grafana/muster.json")
	require.NoError(t, err)
	recorded := map[string]bool{}
	for _, match := range regexp.MustCompile(`record: (muster:\S+)`).FindAllStringSubmatch(string(rules), -1) {
		recorded[match[1]] = true
	}
	for _, text := range []string{string(rules), string(dashboard)} {
		names := metricName.FindAllString(text, -1)
		require.NotEmpty(t, names)
		for _, name := range names {
			base := name
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				base = strings.TrimSuffix(base, suffix)
			}
			require.Contains(t, known, base)
		}
		for _, name := range regexp.MustCompile(`\bmuster:[\w:]+`).FindAllString(text, -1) {
			require.True(t, recorded[name], "%s is not recorded", name)
		}
	}
}

// The table of the manual has every metric with its help text, and no other.
func TestTableOfMetrics(t *testing.T) {
	text, err := os.ReadFile("../docs/operations.md")
	require.NoError(t, err)
	documented := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(muster_\\w+)` \\| .* \\| (.*) \\|$").FindAllStringSubmatch(string(text), -1) {
		documented[row[1]] = row[2]
	}
	require.Equal(t, families(t), documented)
}

// The dashboard is one that Grafana can import: every panel has an id of its own, a
// place that no other has, and asks the data source that was chosen.
func TestDashboard(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../deploy/grafana/muster.json")
	require.NoError(t, err)
	var board struct {
		UID, Title    string
		SchemaVersion int
		Panels        []struct {
			ID         int
			Type       string
			Title      string
			Datasource struct{ Type, UID string }
			GridPos    struct{ H, W, X, Y int }
			Targets    []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &board))
	require.Equal(t, "muster", board.UID)
	require.Positive(t, board.SchemaVersion)
	var rows []string
	ids, cells := map[int]bool{}, map[[2]int]string{}
	for _, p := range board.Panels {
		require.False(t, ids[p.ID], p.Title)
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			require.Less(t, x, 24, p.Title)
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				require.Empty(t, cells[[2]int{x, y}], p.Title)
				cells[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			rows = append(rows, p.Title)
			continue
		}
		require.Equal(t, "${datasource}", p.Datasource.UID, p.Title)
		require.NotEmpty(t, p.Targets, p.Title)
	}
	require.Equal(t, []string{"Queues", "Hosts", "Funcs", "Deaths"}, rows)
}

// Prometheus takes the configuration and the rules, its checker agrees with a live
// scrape, the alerts come when they should, and the dashboard's queries parse.
func TestPromtool(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		const missing = "rules are not checked: promtool is missing, which Debian has in its package prometheus"
		if slices.Contains(strings.Split(os.Getenv("MUSTER_REQUIRE"), ","), "promtool") {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	run := func(dir, stdin string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	const dir = "../deploy/prometheus"
	run(dir, "", "check", "config", "prometheus.yml")
	run(dir, "", "test", "rules", "rules_test.yml")
	run(t.TempDir(), "", "check", "rules", dashboardRules(t))

	s := newScene(t)
	s.work()
	s.handler.Started(s.pool.Supervisor())
	_, page := s.get("/metrics")
	var ours strings.Builder // what others count of this process is theirs to name
	for line := range strings.Lines(page) {
		if strings.Contains(line, "muster_") {
			ours.WriteString(line)
		}
	}
	run(dir, ours.String(), "check", "metrics")
}

// dashboardRules writes the dashboard's queries as rules, which promtool parses.
func dashboardRules(t *testing.T) string {
	text, err := os.ReadFile("../deploy/grafana/muster.json")
	require.NoError(t, err)
	var rules strings.Builder
	rules.WriteString("groups:\n- name: dashboard\n  rules:\n")
	queries := regexp.MustCompile(`"expr": ("(?:[^"\\]|\\.)*")`).FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, queries)
	for i, query := range queries {
		rules.WriteString("  - record: query" + strings.Repeat("x", i) + "\n    expr: " + query[1] + "\n")
	}
	name := filepath.Join(t.TempDir(), "dashboard.yml")
	require.NoError(t, os.WriteFile(name, []byte(rules.String()), 0o600))
	return name
}
