package compose

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds a whole test, the build of the image and elections included.
const patience = 5 * time.Minute

// cleanupTime bounds one step of taking down what a test has put up.
const cleanupTime = time.Minute

const (
	buildScript  = "../../deploy/container/build"
	upScript     = "../../deploy/compose/up"
	clientScript = "../../deploy/compose/client"
	downScript   = "../../deploy/compose/down"
)

// stand is what a test uses of the engine. Everything it makes carries a name that
// no other run has.
type stand struct {
	t           *testing.T
	ctx         context.Context
	name        string
	image       string
	environment []string
}

// newStand builds the image by its script.
func newStand(t *testing.T) *stand {
	requireEngine(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	name := fmt.Sprintf("muster-%s-%d", strings.ToLower(t.Name()), os.Getpid())
	s := &stand{t: t, ctx: ctx, name: name, image: name + ":test"}
	s.environment = append(os.Environ(),
		"COMPOSE_PROJECT_NAME="+s.name, "MUSTER_IMAGE="+s.image, "VERSION=test",
		"MUSTER_CLIENT_PASSWORD=letmein", "MUSTER_ROUTE_PASSWORD=letthemin")
	s.build(s.image)
	return s
}

// sub is a test of its own on the same image.
func (s *stand) sub(name string, f func(t *testing.T, s *stand)) {
	s.t.Run(name, func(t *testing.T) {
		own := *s
		own.t = t
		f(t, &own)
	})
}

func (s *stand) build(image string) {
	s.t.Helper()
	s.run(buildScript, image)
	s.cleanup(func(s *stand) { s.run("docker", "rmi", image) })
}

// cleanup runs f at the end of the test, with time of its own.
func (s *stand) cleanup(f func(s *stand)) {
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanupTime)
		defer cancel()
		late := *s
		late.ctx = ctx
		f(&late)
	})
}

func requireEngine(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := exec.CommandContext(ctx, "docker", "info").Run()
	if err == nil {
		err = exec.CommandContext(ctx, "../../deploy/compose/compose", "version").Run()
	}
	if err == nil {
		return
	}
	const missing = "the containers are not tested: that needs Docker, running, and Docker Compose (apt-get install docker.io docker-compose): %v"
	if slices.Contains(strings.Split(os.Getenv("MUSTER_REQUIRE"), ","), "docker") {
		t.Fatalf(missing, err)
	}
	t.Skipf(missing, err)
}

func (s *stand) command(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(s.ctx, name, args...)
	cmd.Env, cmd.WaitDelay = s.environment, 5*time.Second
	return cmd
}

// run returns what a command writes to stdout. It must succeed.
func (s *stand) run(name string, args ...string) string {
	s.t.Helper()
	cmd := s.command(name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(s.t, err, "%s %s: %s", name, strings.Join(args, " "), stderr.String())
	return strings.TrimSpace(string(out))
}

// up starts the fleet. At the end of the test nothing of it is left.
func (s *stand) up() {
	s.t.Helper()
	s.cleanup(func(s *stand) {
		if s.t.Failed() {
			logs, _ := s.command("../../deploy/compose/compose", "logs", "--no-color", "--tail=40").CombinedOutput()
			s.t.Logf("%s", logs)
		}
		s.run(downScript)
		mine := "label=com.docker.compose.project=" + s.name
		require.Empty(s.t, s.run("docker", "ps", "--all", "--quiet", "--filter", mine), "containers are left")
		require.Empty(s.t, s.run("docker", "network", "ls", "--quiet", "--filter", mine), "networks are left")
		require.Empty(s.t, s.run("docker", "volume", "ls", "--quiet", "--filter", mine), "volumes are left")
	})
	s.run(upScript)
}

// container returns the id of a service's container.
func (s *stand) container(service string) string {
	s.t.Helper()
	id := s.run("docker", "ps", "--all", "--quiet",
		"--filter", "label=com.docker.compose.project="+s.name,
		"--filter", "label=com.docker.compose.service="+service)
	require.NotEmpty(s.t, id, service)
	return id
}

// kill ends containers by SIGKILL, all at once.
func (s *stand) kill(services ...string) {
	s.t.Helper()
	args := []string{"kill"}
	for _, service := range services {
		args = append(args, s.container(service))
	}
	s.run("docker", args...)
}

func (s *stand) start(services ...string) {
	s.t.Helper()
	for _, service := range services {
		s.run("docker", "start", s.container(service))
	}
}

// awaitHealthy waits until brokers serve, with a leader.
func (s *stand) awaitHealthy(brokers ...string) {
	s.t.Helper()
	for _, service := range brokers {
		id := s.container(service)
		s.await("a healthy "+service, func() bool {
			return s.run("docker", "inspect", "--format", "{{.State.Health.Status}}", id) == "healthy"
		})
	}
}

// awaitLog waits until a container has said something.
func (s *stand) awaitLog(container, text string) {
	s.t.Helper()
	s.await(text, func() bool {
		said, err := s.command("docker", "logs", container).CombinedOutput()
		return err == nil && bytes.Contains(said, []byte(text))
	})
}

// await asks until the answer is yes, in the test's own goroutine, where run may
// end the test.
func (s *stand) await(what string, yes func() bool) {
	s.t.Helper()
	for !yes() {
		select {
		case <-time.After(200 * time.Millisecond):
		case <-s.ctx.Done():
			s.t.Fatalf("waiting for %s: %v", what, s.ctx.Err())
		}
	}
}
