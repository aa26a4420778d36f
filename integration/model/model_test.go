// Package model_test checks a formal model of the hand-off and of the crash
// accounting with the model checker spin: every order in which the steps of
// clients, supervisors, worker processes and the broker can follow each other,
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
	{name: "hand-off, deaths", model: "handoff", define: "DEATHS=2 LOST=1 HOST_DEATHS=0 CUTS=1"},
	{name: "hand-off, hosts", model: "handoff", define: "DEATHS=1 LOST=1 HOST_DEATHS=1 CUTS=1"},
	{name: "hand-off, given back", model: "handoff", define: "DEATHS=1 LOST=0 HOST_DEATHS=1 CUTS=1 RETURNS=1"},
	{name: "hand-off, client dies", model: "handoff", define: "DEATHS=1 LOST=0 HOST_DEATHS=1 CUTS=0 CLIENT_DEATHS=1"},
	{name: "durable, losses", model: "handoff", define: "DURABLE=1 DEATHS=2 LOST=1 HOST_DEATHS=0 CUTS=1 CLIENT_DEATHS=1"},
	{name: "durable, hosts", model: "handoff", define: "DURABLE=1 DEATHS=1 LOST=0 HOST_DEATHS=1 CUTS=1 CLIENT_DEATHS=1"},
	{name: "future settles", model: "handoff", define: "DEATHS=2 LOST=0 HOST_DEATHS=1 CUTS=1", eventual: "ExactlyOneOutcome"},
	{name: "durable future settles", model: "handoff", define: "DURABLE=1 DEATHS=2 LOST=0 HOST_DEATHS=0 CUTS=1 CLIENT_DEATHS=1", eventual: "ExactlyOneOutcome"},
	{name: "queue empties", model: "handoff", define: "DEATHS=1 LOST=1 HOST_DEATHS=0 CUTS=1 RETURNS=1", eventual: "EveryTaskLeavesItsQueue"},

	{name: "crashes, deaths", model: "crash", define: "DEATHS=2 TAKEN_BACK=2 GIVEN_BACK=1"},
	{name: "crashes, losses", model: "crash", define: "DEATHS=1 LOST=1 TAKEN_BACK=1 GIVEN_BACK=1"},
	{name: "crashes, two hosts", model: "crash", define: "HOSTS=2 DEATHS=2 TAKEN_BACK=1"},
	{name: "crashes, hosts", model: "crash", define: "HOSTS=2 DEATHS=1 HOST_DEATHS=1 TAKEN_BACK=1"},
	{name: "crashes, leases", model: "crash", define: "HOSTS=2 DEATHS=1 LOST=1"},
	{name: "crashes, leases of what is given back", model: "crash", define: "HOSTS=2 DEATHS=0 LOST=1 GIVEN_BACK=1"},
	{name: "crashes, budget", model: "crash", define: "DEATHS=3 LOST=1"},
	{name: "crashes, refused", model: "crash", define: "HELD=2 SINGLE=1 DEATHS=1 REFUSED=1"},
	{name: "crashes, two deliveries", model: "crash", define: "HELD=2 SINGLE=1 DEATHS=1 TAKEN_BACK=1"},
	{name: "crashes, broker killed", model: "crash", define: "DEATHS=1 KILLS=1 GIVEN_BACK=1"},
	{name: "crashes, broker killed between deaths", model: "crash", define: "DEATHS=2 KILLS=1"},
	{name: "crashes, tasks end", model: "crash", define: "DEATHS=2 TAKEN_BACK=1 GIVEN_BACK=1", eventual: "EveryTaskEnds"},
	{name: "crashes, tasks end with hosts", model: "crash", define: "HOSTS=2 DEATHS=1 HOST_DEATHS=1", eventual: "EveryTaskEnds"},

	// What would be wrong is found to be wrong.
	{name: "acknowledged before hand-off", model: "handoff", define: "DEATHS=1 LOST=0 HOST_DEATHS=0 CUTS=0 ACK_BEFORE_HANDOFF", broken: "NeverRemovedTooEarly"},
	{name: "acknowledged before put back", model: "handoff", define: "DEATHS=1 LOST=0 HOST_DEATHS=0 CUTS=0 ACK_BEFORE_PUT_BACK", broken: "NeverRemovedTooEarly"},
	{name: "stored without fence", model: "handoff", define: "DEATHS=0 LOST=1 HOST_DEATHS=0 CUTS=0 DURABLE=1 STORE_WITHOUT_FENCE", broken: "StoredOutcomeStands"},
	{name: "settled twice", model: "handoff", define: "DEATHS=0 LOST=1 HOST_DEATHS=0 CUTS=0 SETTLE_TWICE", broken: "OneOutcome"},
	{name: "no dead letter before the failure", model: "handoff", define: "DEATHS=2 LOST=0 HOST_DEATHS=0 CUTS=0 HAND_OFF_BEFORE_DEAD", broken: "DeadLetterFirst"},
	{name: "accepted before stored", model: "handoff", define: "DEATHS=0 LOST=1 HOST_DEATHS=0 CUTS=0 ACCEPT_BEFORE_STORED", broken: "AcceptedMeansStored"},
	{name: "never collected", model: "handoff", define: "DEATHS=0 LOST=0 HOST_DEATHS=0 CUTS=1 NEVER_COLLECT", eventual: "ExactlyOneOutcome", broken: "ExactlyOneOutcome"},

	{name: "acknowledged before hand-off of a batch", model: "crash", define: "DEATHS=0 ACK_BEFORE_HANDOFF", broken: "NeverRemovedTooEarly"},
	{name: "charged task counted before it is stored", model: "crash", define: "DEATHS=1 COUNT_BEFORE_STORED", broken: "NeverRemovedTooEarly"},
	{name: "rest counted before it is stored", model: "crash", define: "DEATHS=0 GIVEN_BACK=1 COUNT_BEFORE_STORED", broken: "NeverRemovedTooEarly"},
	{name: "taken back without compare-and-swap", model: "crash", define: "DEATHS=0 TAKEN_BACK=1 TAKE_BACK_WITHOUT_SWAP", broken: "RunsAgainOnlyForCause"},
	{name: "begun without compare-and-swap", model: "crash", define: "DEATHS=0 TAKEN_BACK=1 BEGIN_WITHOUT_SWAP", broken: "TakenBackIsNotBegun"},
	{name: "word that does not name its run", model: "crash", define: "DEATHS=0 TAKEN_BACK=3 WORD_WITHOUT_RUN", broken: "TakenBackIsNotBegun"},
	{name: "judged before the link is read", model: "crash", define: "DEATHS=1 JUDGE_UNREAD", broken: "RunsAgainOnlyForCause"},
	{name: "finished task charged", model: "crash", define: "DEATHS=1 CHARGE_FINISHED", broken: "OnlyTheRunningTaskIsCharged"},
	{name: "task charged that has not begun", model: "crash", define: "DEATHS=1 CHARGE_NOT_BEGUN", broken: "OnlyTheRunningTaskIsCharged"},
	{name: "charged since it comes again", model: "crash", define: "DEATHS=0 HOST_DEATHS=1 CHARGE_AGAIN", broken: "OnlyDeathsAreCharged"},
	{name: "charge forgotten", model: "crash", define: "DEATHS=3 CHARGE_FORGOTTEN", broken: "CrashBudgetKept"},
	{name: "put back without id", model: "crash", define: "DEATHS=1 LOST=1 STORE_WITHOUT_ID", broken: "RunsAgainOnlyForCause"},
	{name: "id that does not name its content", model: "crash", define: "DEATHS=1 GIVEN_BACK=2 ID_WITHOUT_CONTENT", broken: "NeverRemovedTooEarly"},
	{name: "id that changes with the delivery", model: "crash", define: "DEATHS=0 LOST=2 GIVEN_BACK=1 NAME_THE_LATEST", broken: "RunsAgainOnlyForCause"},
	{name: "held twice", model: "crash", define: "HELD=2 DEATHS=0 LOST=1 HOLD_TWICE", broken: "RunsAgainOnlyForCause"},
	{name: "given back while a task runs", model: "crash", define: "HELD=2 DEATHS=0 REFUSED=1 GIVE_BACK_RUNNING", broken: "RunsAgainOnlyForCause"},
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

// tools finds what the check needs, and returns the C compiler.
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

// run generates the checker of a model, compiles and runs it, and returns its report.
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
	sources, err := filepath.Glob("*.pml") // a model may have parts
	require.NoError(t, err)
	for _, name := range sources {
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), source, 0o600))
	}

	generate := []string{"-a"}
	for define := range strings.FieldsSeq(c.define) {
		generate = append(generate, "-D"+define)
	}
	compile := []string{"-O0", "-w", "-DCOLLAPSE", "-DMEMLIM=2000", "-o", "pan", "pan.c"}
	search := []string{"-E", "-m100000", "-w22"} // waiting without end is no error of a process's
	if c.eventual == "" {
		compile = append(compile, "-DSAFETY", "-DNOCLAIM")
	} else {
		search = append(search, "-a", "-N", c.eventual)
	}
	command("spin", append(generate, c.model+".pml")...)
	command(compiler, compile...)
	return command("./pan", search...)
}

// first returns what the expression's group matches first, or nothing.
func first(s, expression string) string {
	if found := regexp.MustCompile(expression).FindStringSubmatch(s); found != nil {
		return found[1]
	}
	return ""
}
