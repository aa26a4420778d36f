package docs_test

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

var (
	fence  = regexp.MustCompile("(?ms)^```(\\w*)[^\n]*\n(.*?)^```$")
	inline = regexp.MustCompile("`((?:\\./)?muster(?:[ \n][^`]+)?)`")
	// What may stand before a command's name: an assignment, or one of the shell's words.
	prefix = regexp.MustCompile(`^(\w+=.*|!|if|then|do|while|time)$`)
	listed = regexp.MustCompile(`(?m)^  ([a-z]+)  `)
	flag   = regexp.MustCompile(`(?m)^  +(?:-\w, )?(--[a-z-]+)`)
)

// hidden are commands that the program has and does not list.
var hidden = map[string]bool{"man": true}

// Every command line of muster in a document is one that the program has, with
// flags that it has.
func TestCommandLines(t *testing.T) {
	t.Parallel()
	program := newHelp(t)
	t.Run("at fault", func(t *testing.T) { testFaults(t, program) })
	seen := 0
	for _, document := range documents(t) {
		text, err := os.ReadFile(document)
		require.NoError(t, err)
		for _, line := range commandLines(string(text)) {
			seen++
			if fault := program.fault(line); fault != "" {
				t.Errorf("%s: muster %s: %s", document, strings.Join(line, " "), fault)
			}
		}
	}
	require.Greater(t, seen, 50)
}

// What the test looks for, it finds.
func testFaults(t *testing.T, program help) {
	for text, fault := range map[string]string{
		"`muster queue ls --json`":                            "",
		"`muster worker [--queue NAME] --exec 'x=y --zip'`":   "",
		"`muster nosuch`":                                     "no command nosuch",
		"`./muster nosuch`":                                   "no command nosuch",
		"`muster queue nosuch`":                               "no command nosuch",
		"`muster queue ls --nosuch=1`":                        "no flag --nosuch",
		"```sh\nid=$(A=b muster submit --nosuch x)\n```\n":    "no flag --nosuch",
		"```sh\nseq 9 | muster map --nosuch \\\n echo\n```\n": "no flag --nosuch",
		"```\nmuster host ls   # --nosuch\n```\n":             "",
		"```sh worker\nmuster nosuch\n```\n":                  "no command nosuch",
		"```hex one\n00\n```\nmuster nosuch, `muster host`\n": "",
		"```sh\n./muster worker --nosuch &\n```\n":            "no flag --nosuch",
		"```\ngo run ./cmd/muster nosuch\n```\n":              "no command nosuch",
		"```sh\nmuster submit sleep -- --nosuch\n```\n":       "",
	} {
		lines := commandLines(text)
		require.Len(t, lines, 1, text)
		require.Equal(t, fault, program.fault(lines[0]), text)
	}
}

func documents(t *testing.T) (all []string) {
	for _, pattern := range []string{"*.md", "*/*.md", "../*.md", "../deploy/*.md", "../deploy/*/*.md", "../examples/*/*.md", "../codec/testdata/*/*.md"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, found, pattern)
		all = append(all, found...)
	}
	return all
}

func newHelp(t *testing.T) help {
	t.Helper()
	program := filepath.Join(t.TempDir(), "muster")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "../cmd/muster")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return help{t: t, program: program, known: map[string]string{}}
}

// commandLines returns the arguments of each call of muster in a document's
// inline code and in its blocks of shell commands.
func commandLines(text string) (lines [][]string) {
	for _, block := range fence.FindAllStringSubmatch(text, -1) {
		if block[1] == "sh" || block[1] == "" {
			script := strings.ReplaceAll(block[2], "\\\n", " ")
			for line := range strings.Lines(script) {
				lines = append(lines, calls(line)...)
			}
		}
	}
	for _, code := range inline.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		lines = append(lines, calls(strings.NewReplacer("[", "", "]", "", "\n", " ").Replace(code[1]))...)
	}
	return lines
}

// calls returns the arguments of each call of muster in a line of shell.
func calls(line string) (found [][]string) {
	for _, command := range split(line) {
		for len(command) > 0 && prefix.MatchString(command[0]) {
			command = command[1:]
		}
		for _, program := range [][]string{{"muster"}, {"./muster"}, {"go", "run", "./cmd/muster"}} {
			if n := len(program); len(command) > n && slices.Equal(command[:n], program) {
				found = append(found, command[n:])
			}
		}
	}
	return found
}

// split returns the words of each command in a line of shell, which it knows as far
// as the documents need it.
func split(line string) (commands [][]string) {
	var words []string
	var word strings.Builder
	var quote rune
	endWord := func() {
		if word.Len() > 0 {
			words = append(words, word.String())
		}
		word.Reset()
	}
	endCommand := func() {
		endWord()
		commands = append(commands, words)
		words = nil
	}
	for _, r := range line {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			} else {
				word.WriteRune(r)
			}
		case r == '\'' || r == '"':
			quote = r
			word.WriteRune('\u200b') // a quoted word is never a flag
		case r == '#' && word.Len() == 0:
			endCommand()
			return commands
		case strings.ContainsRune("|&;()<>", r):
			endCommand()
		case r == ' ' || r == '\t' || r == '\n':
			endWord()
		default:
			word.WriteRune(r)
		}
	}
	endCommand()
	return commands
}

// help is what the program says of its commands.
type help struct {
	t       *testing.T
	program string
	known   map[string]string // by command
}

func (h help) of(command []string) string {
	h.t.Helper()
	name := strings.Join(command, " ")
	if text, ok := h.known[name]; ok {
		return text
	}
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, h.program, append(command, "--help")...).CombinedOutput()
	require.NoError(h.t, err, "%s", out)
	h.known[name] = string(out)
	return string(out)
}

// fault tells what the program does not know of a command line, or "".
func (h help) fault(line []string) string {
	h.t.Helper()
	var command []string
	for _, word := range line {
		if _, list, found := strings.Cut(h.of(command), "Available Commands:\n"); found && !strings.HasPrefix(word, "-") {
			list, _, _ = strings.Cut(list, "\n\n")
			if !has(listed, list, word) && (command != nil || !hidden[word]) {
				return "no command " + word
			}
			command = append(command, word)
			continue
		}
		if word == "--" {
			break
		}
		if name, _, _ := strings.Cut(word, "="); strings.HasPrefix(name, "--") && !has(flag, h.of(command), name) {
			return "no flag " + name
		}
	}
	return ""
}

func has(pattern *regexp.Regexp, text, name string) bool {
	for _, found := range pattern.FindAllStringSubmatch(text, -1) {
		if found[1] == name {
			return true
		}
	}
	return false
}
