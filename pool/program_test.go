package pool_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/login"
	"github.com/musterfleet/muster/pool"
)

func TestArgumentsOfWorkerProcessesHoldNoSecret(t *testing.T) {
	t.Parallel()
	args := []string{
		"prog", "--url", "nats://joe:hush@one:4222,nats://joe:hush@two:4222", "--url=tls://t0k3n@three",
		"--token=t0k3n", "-password", "hush", "hush hush", "rest", "--at=joe@example.org", "",
	}
	url := "nats://joe:hush@one:4222,nats://joe:hush@two:4222,tls://t0k3n@three"
	require.Equal(t, []string{
		"prog", "--url", "nats://***@one:4222,nats://***@two:4222", "--url=tls://***@three",
		"--token=***", "-password", "***", "hush hush", "rest", "--at=joe@example.org", "",
	}, pool.ConcealArgs(args, url, login.Credentials{Password: "hush", Token: "t0k3n"}))
	require.Contains(t, args, "--token=t0k3n", "the program's own stay")
	require.Equal(t, args, pool.ConcealArgs(args, "", login.Credentials{}))
}
