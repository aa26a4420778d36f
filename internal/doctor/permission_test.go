package doctor_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/doctor"
	"github.com/musterfleet/muster/login"
)

// restricted starts a broker with a user u that has permissions, and one that may do
// anything, who makes the queue.
func restricted(t *testing.T, permissions string) *bench {
	b := newBench(t).configured(`
		jetstream {}
		accounts { A { jetstream: enabled, users: [{user: all, password: p}, {user: u, password: p, permissions: ` + permissions + `}] } }`)
	plain := b.url
	b.url = strings.Replace(plain, "//", "//all:p@", 1)
	b.client()
	b.host()
	b.url = strings.Replace(plain, "//", "//u:p@", 1)
	return b
}

func TestMissingPermission(t *testing.T) {
	b := restricted(t, `{ publish: { deny: ["muster.task.>", "$JS.ACK.>"] } }`)
	found := b.examine()
	found.requires(doctor.CheckPermission, doctor.Problem, "producer", "this user, u, may not publish to muster.task.default.normal$")
	found.requires(doctor.CheckPermission, doctor.Warning, "worker", `may not publish to \$JS.ACK.TASKS_default.>, nor muster.task.default.normal`)
	found.requires(doctor.CheckWorkers, doctor.OK, "default", "") // it goes on
}

func TestMissingPermissionOfJetStream(t *testing.T) {
	b := restricted(t, `{ publish: { allow: ["$SYS.REQ.USER.INFO", "muster.>"] } }`)
	found := b.examine()
	found.requires(doctor.CheckPermission, doctor.Problem, "", `may not publish to \$JS.API.INFO`)
	found.requires(doctor.CheckPermission, doctor.Problem, "producer", `may not publish to \$JS.API.INFO, nor \$JS.API.STREAM.INFO.TASKS_default$`)
}

func TestRole(t *testing.T) {
	b := restricted(t, `{
		publish: { allow: ["$SYS.REQ.USER.INFO", "$JS.API.INFO", "$JS.API.STREAM.INFO.TASKS_default", "muster.task.default.*", "muster.cancel.default"] }
		subscribe: { allow: ["_INBOX.>", "muster.reply.*.>", "muster.live.*.>"] } }`)
	found := b.examine()
	found.requires(doctor.CheckPermission, doctor.OK, "producer", "may do what a producer does")
	found.requires(doctor.CheckPermission, doctor.OK, "worker", "it is no worker")
	found.requires(doctor.CheckHost, doctor.Warning, "", `not checked: this user may not use muster.(host.\*|watch)`)
	found.requires(doctor.CheckWorkers, doctor.Warning, "", `not checked: this user may not use \$JS.API.STREAM.LIST`)
	found.requiresNo(doctor.Problem)
}

func TestNothingPermitted(t *testing.T) {
	b := restricted(t, `{ publish: { allow: ["muster.>"] } }`)
	found := b.examine()
	found.requires(doctor.CheckPermission, doctor.Warning, "", `does not tell what this user may do: .*\$SYS.REQ.USER.INFO`)
	found.requires(doctor.CheckClock, doctor.Warning, "broker", "does not tell its time")
}

// The permissions of deploy/nats are enough for the roles, as the doctor sees them.
func TestShippedPermissions(t *testing.T) {
	permissions, err := os.ReadFile("../../deploy/nats/permissions.conf")
	require.NoError(t, err)
	b := newBench(t).configured("jetstream {}\n" + string(permissions) + `
		accounts { A { jetstream: enabled, users: [
			{ user: all, password: p }
			{ user: producer, password: p, permissions: $ROLE_PRODUCER }
			{ user: worker, password: p, permissions: $ROLE_WORKER }
			{ user: operator, password: p, permissions: $ROLE_OPERATOR } ] } }`)
	plain := b.url
	b.url = strings.Replace(plain, "//", "//all:p@", 1)
	b.client()
	b.host()
	b.url = plain
	for role, group := range map[string]string{"producer": "billing", "worker": "worker", "operator": "operator"} {
		found := b.examineWith(doctor.Config{Who: login.Credentials{User: role, Password: "p", Group: group}})
		found.requires(doctor.CheckPermission, doctor.OK, role, "this user may do what a "+role)
		found.requiresNo(doctor.Problem)
		if role == "operator" {
			found.requiresNo(doctor.Warning)
			found.requires(doctor.CheckWorkers, doctor.OK, "default", "hosts that serve it: 1")
		}
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pattern, subject string
		some, all        bool
	}{
		{"a.b", "a.b", true, true},
		{"a.b", "a.c", false, false},
		{"a.*", "a.b", true, true},
		{"a.>", "a.b.c", true, true},
		{"a.>", "a", false, false},
		{">", "a.>", true, true},
		{"a.b.>", "a.*.>", true, false},
		{"a.b.c", "a.>", true, false},
		{"a.*", "a.>", true, false},
		{"a.b group", "a.b", true, true},
		{"a.b.c", "a.b", false, false},
	} {
		require.Equal(t, test.some, doctor.Matches(test.pattern, test.subject, true), test)
		require.Equal(t, test.all, doctor.Matches(test.pattern, test.subject, false), test)
	}
}
