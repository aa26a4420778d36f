package broker_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/login"
)

func TestWhatAClientMayPublish(t *testing.T) {
	t.Parallel()
	for _, subject := range []string{
		"$JS.API.INFO", "$JS.API.STREAM.INFO.TASKS_default", "$JS.API.CONSUMER.CREATE.RESULTS.x.muster.result.me.>",
		"$JS.API.DIRECT.GET.RESULTS.muster.result.me.1", "$O.MUSTER.C.x", "muster.task.default.high", "muster.cancel.default", "muster.cancelany",
	} {
		require.True(t, broker.ClientMayPublish(subject), subject)
	}
	for _, subject := range []string{
		"", "muster", "muster.task.default", "muster.task..high", "muster.reply.other.outcome", "muster.host.x", "muster.control.x", "muster.watch", "muster.dead.default.x.1",
		"$JS.ACK.TASKS_default.workers_high.1.1.1.1.0", "$JS.API.CONSUMER.MSG.NEXT.TASKS_default.workers_high", "$JS.API.STREAM.DELETE.TASKS_default",
		"$JS.API.STREAM.PURGE.TASKS_default", "$JS.API.STREAM.UPDATE.TASKS_default", "$SYS.REQ.USER.INFO", "orders", "_INBOX.x",
	} {
		require.False(t, broker.ClientMayPublish(subject), subject)
	}
}

func TestWhatAClientMaySubscribeTo(t *testing.T) {
	t.Parallel()
	nobody, group, own := login.Credentials{}, login.Credentials{Group: "billing"}, login.Credentials{Group: "billing", InboxPrefix: "answers.here"}
	for _, c := range []struct {
		subject string
		who     login.Credentials
		may     bool
	}{
		{"_INBOX.x.*", nobody, true}, {"_INBOX.>", nobody, true}, {"_INBOX_billing.x", nobody, false}, {"_INBOX_billing.x", group, true},
		{"_INBOX.x", group, false}, {"answers.here.x", own, true}, {"_INBOX_billing.x", own, false},
		{"muster.reply.me.>", nobody, true}, {"muster.live.me.*", nobody, true},
		{">", nobody, false}, {"muster.>", nobody, false}, {"muster.task.default.*", nobody, false}, {"muster.control.*", nobody, false}, {"", nobody, false},
	} {
		require.Equal(t, c.may, broker.ClientMaySubscribe(c.subject, c.who), c.subject)
	}
}
