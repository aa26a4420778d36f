package compose

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// The image holds a program that needs nothing else.
func TestImage(t *testing.T) {
	s := newStand(t)
	inspect := func(image, format string) string {
		return s.run("docker", "inspect", "--format", format, image)
	}
	require.Contains(t, s.run("docker", "run", "--rm", s.image, "--version"), "muster test (go")
	require.Equal(t, "65532:65532", inspect(s.image, "{{.Config.User}}"))

	s.sub("demo", func(t *testing.T, s *stand) {
		out := s.run("docker", "run", "--rm", "--network=none", s.image, "demo")
		require.Contains(t, out, "664579")
	})
	s.sub("built again", func(t *testing.T, s *stand) {
		again := fmt.Sprintf("%s-again:test", s.name)
		s.build(again)
		const layers = "{{.RootFS.Layers}}"
		require.Equal(t, inspect(s.image, layers), inspect(again, layers), "not the same")
	})
	s.sub("status", func(t *testing.T, s *stand) {
		err := s.command("docker", "run", "--rm", s.image, "serve", "--listen", "nowhere").Run()
		require.EqualError(t, err, "exit status 2")
	})
	// Process 1 gets no signal that it does not handle.
	s.sub("TERM", func(t *testing.T, s *stand) {
		broker := s.run("docker", "run", "--detach", "--read-only", "--tmpfs=/var/lib/muster:uid=65532", s.image, "serve")
		s.cleanup(func(s *stand) { s.run("docker", "rm", "--force", "--volumes", broker) })
		s.awaitLog(broker, "broker ready")
		worker := s.run("docker", "run", "--detach", "--read-only", "--network=container:"+broker, s.image, "worker", "--processes=2")
		s.cleanup(func(s *stand) { s.run("docker", "rm", "--force", worker) })
		s.awaitLog(worker, "2 worker processes ready")
		for _, container := range []string{worker, broker} {
			s.run("docker", "kill", "--signal=TERM", container)
			require.Equal(t, "0", s.run("docker", "wait", container), "status of an orderly end")
		}
	})
}
