package login_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/login"
)

func TestCredentialsPrintWithoutTheirSecrets(t *testing.T) {
	t.Parallel()
	c := login.Credentials{User: "joe", Password: "hush", Token: "hush", NKey: "/joe.nk"}
	holder := struct{ Login login.Credentials }{c}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("hello", "login", c, "holder", holder)
	for _, text := range []string{
		fmt.Sprint(c), fmt.Sprintf("%+v %#v %s %v", c, c, c, &c), fmt.Sprintf("%+v %#v", holder, holder), log.String(),
	} {
		require.NotContains(t, text, "hush")
		require.Contains(t, text, "/joe.nk")
	}
}

func TestConceal(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"PATH=/bin", "MUSTER_TEST_MAIN=1", "NATS_KEYS=1", "MY_NATS_URL=1", "MUSTER_GROUP=g"}, login.Conceal([]string{
		"PATH=/bin", "MUSTER_URL=nats://u:p@h", "NATS_URL=x", "MUSTER_TEST_MAIN=1", "NATS_PASSWORD=p", "MUSTER_TOKEN=t",
		"NATS_KEYS=1", "MY_NATS_URL=1", "MUSTER_GROUP=g", "NATS_CREDS=/x", "MUSTER_NKEY=/x", "NATS_KEY=/x", "NATS_CONTEXT=x", "MUSTER_USER=u",
	}))
}
