package examples_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// exact holds what those programs print that print the same each time.
var exact = map[string]string{
	"primes": `112272535095293 true
112582705942171 true
115280095190773 true
115797848077099 true
1099726899285419 false
`,
	"divide": `the quotient is 5
the handler failed: cannot divide by zero
0.5 <nil>
0 cannot divide by zero
1.5 <nil>
`,
	"crash": `never dies: done in attempt 1
dies once: done in attempt 2
dies once, one attempt allowed: exit status 42 in attempt 1; its last words: out of luck
dies always: exit status 42 in attempt 3; its last words: out of luck
`,
	"retry": `fails once, one attempt: the shop is busy, in attempt 1
fails twice, three attempts: done in attempt 3
fails always, three attempts: the shop is busy, in attempt 3
makes no sense, three attempts: no such order, in attempt 1
`,
	"durable": `the client has ended: signal: killed
0
1
4
9
16
`,
	"counter": `counter of this process: 0
sum of the results: 10
`,
	"lazy": "1\n3\n6\n10\n15\n21\n28\n36\n45\n",
	"chunks": `by hand:   100 items, the last 198
by option: 100 items, the last 198
equal: true
`,
	"primerange": `25 primes below 100, the last of them 97
9592 primes below 100000, the last of them 99991
`,
}

// pattern holds expressions that match the whole of what the others print.
var pattern = map[string]string{
	"square": `\[1 4 9 16 25 36 49 64 81 100\]
took [0-9.]+(µs|ms|s)
`,
	"factorial": `5! = 120
10! = 3628800
15! = 1307674368000
20! = 2432902008176640000
25! = 15511210043330985984000000
30! = 265252859812191058636308480000000
took [0-9.]+(µs|ms|s)
`,
	"future": `too early: true
cancelled: true cancelled
as an error: true
the future: Future\[int\]\([a-z0-9]{16}-0 (pending|running)\)
the result: 5 finished
after Close: finished
too late: true
`,
	"sum": `in the order of the calls:
2
4
6
8
as they are done:
((1 \+ 1 = 2|2 \+ 2 = 4|3 \+ 3 = 6|4 \+ 4 = 8)
){4}`,
	"errors": `([0-9]: ([0-9]+|failed with OW!!|panicked: handler panicked: OUCH!!)
){10}`,
	"pids": `(I am process [0-9]+ working on task [0-9]
){10}The main process [0-9]+ is done after [0-9.]+m?s; [1-4] processes did the work
`,
	"block": `mistake: at most 1 at a time: 0 1 4 9 16 25 36 49 64 81
fixed: at most [2-4] at a time: 0 1 4 9 16 25 36 49 64 81
`,
	"chunksize": ` chunk   primes       time    items/s  busiest share
( +(1|10|100|1000|10000|auto) +1229 +[0-9.]+(ms|s) +[0-9]+ +[0-9]+%
){6}`,
}

// further holds what no pattern can say.
var further = map[string]func(t *testing.T, lines []string){
	"sum": func(t *testing.T, lines []string) {
		require.ElementsMatch(t, []string{"1 + 1 = 2", "2 + 2 = 4", "3 + 3 = 6", "4 + 4 = 8"}, lines[6:])
	},
	"errors": func(t *testing.T, lines []string) {
		for n, line := range lines {
			number, rest, _ := strings.Cut(line, ": ")
			require.Equal(t, strconv.Itoa(n), number, "the order of the calls")
			if square, err := strconv.Atoi(rest); err == nil {
				require.Equal(t, n*n, square)
			}
		}
	},
	"pids": func(t *testing.T, lines []string) {
		pids, tasks := map[string]bool{}, map[string]bool{}
		for _, line := range lines[:10] {
			words := strings.Fields(line)
			pids[words[3]], tasks[words[7]] = true, true
		}
		require.Len(t, tasks, 10, "each task once")
		main := strings.Fields(lines[10])
		require.NotContains(t, pids, main[3], "the main process does no task")
		require.Contains(t, lines[10], strconv.Itoa(len(pids))+" processes")
	},
	"chunksize": func(t *testing.T, lines []string) {
		require.Regexp(t, `^ 10000 .* 100%$`, lines[5], "one chunk is one process's")
	},
}

func TestExamples(t *testing.T) {
	t.Parallel()
	for _, name := range programs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := run(t, name)
			if want, ok := exact[name]; ok {
				require.Equal(t, want, out)
			} else {
				require.Contains(t, pattern, name, "no expectation for this program")
				require.Regexp(t, `\A`+pattern[name]+`\z`, out)
			}
			if check := further[name]; check != nil {
				check(t, strings.Split(strings.TrimSuffix(out, "\n"), "\n"))
			}
		})
	}
}

func TestDocListsEveryProgram(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	var listed []string
	for _, match := range regexp.MustCompile(`(?m)^//\t(\w+) {2,}\S`).FindAllSubmatch(doc, -1) {
		listed = append(listed, string(match[1]))
	}
	require.ElementsMatch(t, programs(t), listed)
}
