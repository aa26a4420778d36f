package secure

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// What deploy/ has in the environment of a worker host is enough for it to serve, by
// the permissions of deploy/nats.
func TestHostsAsTheyAreDeployed(t *testing.T) {
	for file, variable := range map[string]string{
		"../../deploy/systemd/muster-worker.service.d/credentials.conf": `\b(MUSTER_\w+)=(\S+)`,
		"../../deploy/kubernetes/worker.yaml":                           `- name: (MUSTER_\w+)\s+value: (\S+)`,
	} {
		t.Run(file, func(t *testing.T) {
			s := newStage(t, "one-node.conf", "")
			require.NoError(t, s.fleet().CreateQueue(s.ctx, "default"))
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			seen := map[string]string{}
			for _, found := range regexp.MustCompile(variable).FindAllStringSubmatch(string(text), -1) {
				seen[found[1]] = found[2]
			}
			// Only the place of the broker and of the files is the test's.
			for name, here := range map[string]string{"MUSTER_URL": s.url, "MUSTER_NKEY": s.worker.NKey, "MUSTER_CA": s.worker.CA} {
				if name != "MUSTER_URL" { // a drop-in leaves it to worker.env
					require.Contains(t, seen, name)
				}
				seen[name] = here
			}
			for name, value := range seen {
				t.Setenv(name, value)
			}
			host, err := pool.Start(s.ctx, pool.Config{Processes: 1, Logger: s.logger, Stdout: t.Output(), Stderr: t.Output()})
			require.NoError(t, err)
			defer host.Kill()
			f, err := producer.Submit(s.ctx, s.client(s.billing), double, 21)
			require.NoError(t, err)
			n, err := f.Result(s.ctx)
			require.NoError(t, err)
			require.Equal(t, 42, n)
			require.NoError(t, host.Drain(s.ctx))
		})
	}
}
