// Package model_test checks a formal model of the hand-off and of the crash
// accounting with the model checker spin: every order in which the steps of
// clients, worker processes, supervisors and the broker can follow each other,
// with a crash between any two of them, for small numbers of each.
//
//	apt-get install spin gcc
//	go test -v ./integration/model
//
// handoff.pml and crash.pml are the models; each says which code it follows.
// Where that changes the order of its steps, the model has to follow.
package model_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// check is a model with its constants, and what spin must find.
type check struct {
	name     string
	model    string
	define   string // constants, and the mutation if it is one
	eventual string // what must come to pass in the end; else the assertions are checked
	broken   string // the promise that must be found broken; none if empty
}

// The constants are such that each search ends in seconds. Together they have
// every fault meet every other that the same promise depends on.
var checks = []check{
	{name: "hand-off, deaths", model: "handoff", define: "DEATHS=2 LOST=0 HOST_DEATHS=0 CUTS=1"},
	{name: "hand-off, losses", model: "handoff", define: "DEATHS=1 LOST=1 HOST_DEATHS=0 CUTS=1"},
	{name: "hand-off, hosts", model: "handoff", define: "DEATHS=1 LOST=0 HOST_DEATHS=1 CUTS=1"},
	{name: "hand-off, client dies", model: "handoff", define: "DEATHS=1 LOST=0 HOST_DEATHS=1 CUTS=0 CLIENT_DEATHS=1"},
	{name: "durable, deaths", model: "handoff", define: "DURABLE=1 DEATHS=2 LOST=0 HOST_DEATHS=0 CUTS=1 CLIENT_DEATHS=1"},
	{name: "durable, losses", model: "handoff", define: "DURABLE=1 DEATHS=1 LOST=1 HOST_DEATHS=0 CUTS=0 CLIENT_DEATHS=1"},
	{name: "future settles", model: "handoff", define: "DEATHS=2 LOST=0 HOST_DEATHS=0 CUTS=1", eventual: "ExactlyOneOutcome"},
	{name: "durable future settles", model: "handoff", define: "DURABLE=1 DEATHS=2 LOST=0 HOST_DEATHS=0 CUTS=1 CLIENT_DEATHS=1", eventual: "ExactlyOneOutcome"},
	{name: "queue empties", model: "handoff", define: "DEATHS=1 LOST=1 HOST_DEATHS=0 CUTS=1", eventual: "EveryTaskLeavesItsQueue"},

	{name: "crashes, deaths", model: "crash", define: "DEATHS=2 LOST=0 HOST_DEATHS=0"},
	{name: "crashes, losses", model: "crash", define: "DEATHS=1 LOST=1 HOST_DEATHS=0"},
	{name: "crashes, hosts", model: "crash", define: "DEATHS=1 LOST=0 HOST_DEATHS=1"},
	{name: "crashes, budget", model: "crash", define: "HOSTS=1 DEATHS=3 LOST=1 HOST_DEATHS=0"},
	{name: "crashes, prefetched", model: "crash", define: "HOSTS=1 SINGLE=1 DEATHS=1 LOST=0 HOST_DEATHS=0 REFUSED=1"},
	{name: "crashes, broker killed", model: "crash", define: "HOSTS=1 DEATHS=2 LOST=0 HOST_DEATHS=0 GIVE_UP=1 KILLS=1"},
	{name: "crashes, tasks end", model: "crash", define: "DEATHS=2 LOST=0 HOST_DEATHS=0", eventual: "EveryTaskEnds"},

	// What would be wrong is found to be wrong.
	{name: "acknowledged before hand-off", model: "handoff", define: "DEATHS=1 LOST=0 HOST_DEATHS=0 CUTS=0 ACK_BEFORE_HANDOFF", broken: "NeverRemovedTooEarly"},
	{name: "acknowledged before put back", model: "handoff", define: "DEATHS=1 LOST=0 HOST_DEATHS=0 CUTS=0 ACK_BEFORE_PUT_BACK", broken: "NeverRemovedTooEarly"},
	{name: "acknowledged before hand-off of a batch", model: "crash", define: "DEATHS=1 LOST=0 HOST_DEATHS=0 ACK_BEFORE_HANDOFF", broken: "NeverRemovedTooEarly"},
	{name: "stored without fence", model: "handoff", define: "DEATHS=0 LOST=1 HOST_DEATHS=0 CUTS=0 DURABLE=1 STORE_WITHOUT_FENCE", broken: "StoredOutcomeStands"},
	{name: "settled twice", model: "handoff", define: "DEATHS=0 LOST=1 HOST_DEATHS=0 CUTS=0 SETTLE_TWICE", broken: "OneOutcome"},
	{name: "no dead letter before the failure", model: "handoff", define: "DEATHS=2 LOST=0 HOST_DEATHS=0 CUTS=0 HAND_OFF_BEFORE_DEAD", broken: "DeadLetterFirst"},
	{name: "accepted before stored", model: "handoff", define: "DEATHS=0 LOST=1 HOST_DEATHS=0 CUTS=0 ACCEPT_BEFORE_STORED", broken: "AcceptedMeansStored"},
	{name: "never collected", model: "handoff", define: "DEATHS=0 LOST=0 HOST_DEATHS=0 CUTS=1 NEVER_COLLECT", eventual: "ExactlyOneOutcome", broken: "ExactlyOneOutcome"},
	{name: "put back without id", model: "crash", define: "HOSTS=1 DEATHS=3 LOST=1 HOST_DEATHS=0 STORE_WITHOUT_ID", broken: "CrashBudgetKept"},
	{name: "id that does not name its content", model: "crash", define: "HOSTS=1 DEATHS=2 LOST=0 HOST_DEATHS=0 GIVE_UP=1 KILLS=1 ID_WITHOUT_CONTENT", broken: "NeverRemovedTooEarly"},
	{name: "prefetched task charged", model: "crash", define: "HOSTS=1 SINGLE=1 DEATHS=1 LOST=0 HOST_DEATHS=0 CHARGE_PREFETCHED", broken: "OnlyTheRunningTaskIsCharged"},
	{name: "slot released under the executor", model: "crash", define: "HOSTS=1 SINGLE=1 DEATHS=1 LOST=0 HOST_DEATHS=0 REFUSED=1 RELEASE_EARLY", broken: "OnlyTheRunningTaskIsCharged"},
}

func TestModel(t *testing.T) {
	compiler := tools(t)
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			report := c.run(t, compiler)
			t.Logf("%s: %s states", c.name, first(report, `(?m)^\s*([\d.e+]+) states, stored`))
			require.NotContains(t, report, "max search depth too small")
			failed := first(report, `(?m)^pan:\d+: (.*) \(at depth`)
			switch {
			case c.broken == "":
				require.Empty(t, failed, "%s", report)
				require.Contains(t, report, "errors: 0")
				require.NotContains(t, report, "Search not completed")
			case c.eventual != "":
				require.Equal(t, "acceptance cycle", failed, "%s", report)
			default:
				require.Regexp(t, `^assertion violated .*\b`+c.broken+`\)$`, failed, "%s", report)
			}
		})
	}
}

// tools finds what the check needs, and gives the C compiler.
func tools(t *testing.T) (compiler string) {
	_, err := exec.LookPath("spin")
	if err == nil {
		for _, name := range []string{"cc", "gcc", "clang"} {
			if compiler, err = exec.LookPath(name); err == nil {
				return compiler
			}
		}
	}
	const missing = "the formal model is not checked: it needs spin and a C compiler (apt-get install spin gcc libc6-dev): %v"
	if slices.Contains(strings.Split(os.Getenv("MUSTER_REQUIRE"), ","), "spin") {
		t.Fatalf(missing, err)
	}
	t.Skipf(missing, err)
	return ""
}

// run generates the checker of a model, compiles and runs it, and gives its report.
func (c check) run(t *testing.T, compiler string) string {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // that it ends; seconds are usual
	defer cancel()
	dir := t.TempDir()
	command := func(name string, args ...string) string {
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Dir, cmd.WaitDelay = dir, time.Second
		out, err := cmd.CombinedOutput()
		if name != "./pan" || ctx.Err() != nil { // the checker's status tells what its report does
			require.NoError(t, err, "%s %v:\n%s", name, args, out)
		}
		return string(out)
	}
	source, err := os.ReadFile(c.model + ".pml")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "model.pml"), source, 0o600))

	generate := []string{"-a"}
	for define := range strings.FieldsSeq(c.define) {
		generate = append(generate, "-D"+define)
	}
	compile := []string{"-O0", "-w", "-DCOLLAPSE", "-DMEMLIM=2000", "-o", "pan", "pan.c"}
	search := []string{"-E", "-m100000", "-w22"} // waiting for ever is no error of a process's
	if c.eventual == "" {
		compile = append(compile, "-DSAFETY", "-DNOCLAIM")
	} else {
		search = append(search, "-a", "-N", c.eventual)
	}
	command("spin", append(generate, "model.pml")...)
	command(compiler, compile...)
	return command("./pan", search...)
}

// first gives what the expression's group matches first, or nothing.
func first(s, expression string) string {
	if found := regexp.MustCompile(expression).FindStringSubmatch(s); found != nil {
		return found[1]
	}
	return ""
}
