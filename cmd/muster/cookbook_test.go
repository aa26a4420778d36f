package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// recipe is a section of docs/cookbook.md.
type recipe struct {
	name    string
	files   map[string]string
	first   string // what has to be done before a worker host starts
	worker  string // the command of each worker host, or empty
	session string
	prints  string
}

// cookbookNeeds are the programs that a recipe's test is left out without.
var cookbookNeeds = map[string][]string{
	"Thumbnails":                            {"convert", "identify"},
	"A Python function over a million rows": {"python3"},
	"Map, then reduce":                      {"python3", "jq"},
	"What fails now and then":               {"jq"},
	"A new version while work goes on":      {"jq"},
}

// rowsEnv sets how many rows the recipe of a million of them has in its test, such
// as a million.
const rowsEnv = "MUSTER_TEST_ROWS"

// Each recipe of the cookbook does what it says, as it stands there.
func TestCookbook(t *testing.T) {
	t.Parallel()
	recipes := readCookbook(t)
	require.Greater(t, len(recipes), 5)
	for _, r := range recipes {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			r.cook(t)
		})
	}
}

var fence = regexp.MustCompile("(?s)\n```([a-z]+) ?([a-z.]*)\n(.*?)```\n")

func readCookbook(t *testing.T) (recipes []recipe) {
	t.Helper()
	text, err := os.ReadFile("../../docs/cookbook.md")
	require.NoError(t, err)
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		r := recipe{files: map[string]string{}}
		r.name, _, _ = strings.Cut(section, "\n")
		for _, block := range fence.FindAllStringSubmatch(section, -1) {
			switch language, role, content := block[1], block[2], block[3]; {
			case role == "first":
				r.first = content
			case role == "worker":
				r.worker = strings.TrimSpace(content)
			case role != "":
				r.files[role] = content
			case language == "sh":
				r.session = content
			case language == "text":
				r.prints = content
			}
		}
		require.NotEmpty(t, r.session, r.name)
		require.NotEmpty(t, r.prints, r.name)
		recipes = append(recipes, r)
	}
	return recipes
}

func (r recipe) cook(t *testing.T) {
	dir, bin := t.TempDir(), t.TempDir()
	self, err := filepath.Abs(os.Args[0])
	require.NoError(t, err)
	require.NoError(t, os.Symlink(self, filepath.Join(bin, "muster")))
	for _, program := range cookbookNeeds[r.name] {
		file, err := findProgram(program)
		if err != nil && slices.Contains(strings.Split(os.Getenv("MUSTER_REQUIRE"), ","), program) {
			t.Fatal(err)
		} else if err != nil {
			t.Skipf("the recipe is left out: %v", err)
		}
		if file != "" {
			require.NoError(t, os.Symlink(file, filepath.Join(bin, program)))
		}
	}
	for name, content := range r.files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	rows, err := strconv.Atoi(cmp.Or(os.Getenv(rowsEnv), "20000"))
	require.NoError(t, err)
	url := startBroker(t)
	shell := func(script string) *exec.Cmd {
		cmd := muster(t)
		cmd.Path, cmd.Args, cmd.Dir = "/bin/sh", []string{"sh", "-euc", script}, dir
		cmd.Env = append(cmd.Env, "MUSTER_URL="+url, "PATH="+bin+":"+os.Getenv("PATH"), fmt.Sprint("ROWS=", rows),
			"GOCACHE="+goEnv(t, "GOCACHE"), "PYENV_VERSION="+os.Getenv("PYENV_VERSION"))
		return cmd
	}
	if r.first != "" {
		got := runCommand(t, nil, shell(r.first))
		require.Zero(t, got.status, got.stderr)
	}
	if r.worker != "" {
		for range 2 {
			startService(t, workerReady, shell("exec "+r.worker))
		}
	}
	began := time.Now()
	got := runCommand(t, nil, shell(r.session))
	took := time.Since(began)
	t.Logf("took %v; stderr:\n%s", took.Round(time.Millisecond), got.stderr)
	if strings.Contains(r.session, "ROWS") {
		t.Logf("%.0f rows a second, with the check", float64(rows)/took.Seconds())
	}
	require.Zero(t, got.status, got.stdout)
	require.Regexp(t, "^"+strings.ReplaceAll(regexp.QuoteMeta(r.prints), "…", "(?s:.+?)")+"$", got.stdout)
}

// findProgram returns where a program is that has to be put into the PATH first, if
// any. Some machines have something else by the name of ImageMagick's programs.
func findProgram(name string) (file string, err error) {
	if name != "convert" && name != "identify" {
		_, err := exec.LookPath(name)
		return "", err
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		file := filepath.Join(dir, name)
		if out, err := exec.Command(file, "-version").Output(); err == nil && strings.HasPrefix(string(out), "Version: ImageMagick") {
			return file, nil
		}
	}
	return "", errors.New("ImageMagick's " + name + " is not installed")
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	value, err := exec.Command("go", "env", name).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(value))
}
