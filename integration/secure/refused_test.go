package secure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/login"
)

// What a role may not do, by what it would take.
func TestNoRoleCanDoAnothersJob(t *testing.T) {
	s := newStage(t, "one-node.conf", "")
	require.NoError(t, s.fleet().CreateQueue(s.ctx, "default"))
	for _, test := range []struct {
		who                login.Credentials
		what               string
		publish, subscribe string
	}{
		{who: s.billing, what: "read another's stored result", publish: "$JS.API.DIRECT.GET.RESULTS.muster.result.other.c.1"},
		{who: s.billing, what: "read any stored result", publish: "$JS.API.DIRECT.GET.RESULTS"},
		{who: s.billing, what: "read any stored result from the leader", publish: "$JS.API.STREAM.MSG.GET.RESULTS"},
		{who: s.billing, what: "list stored results", publish: "$JS.API.STREAM.INFO.RESULTS"},
		{who: s.billing, what: "consume others' results", publish: "$JS.API.CONSUMER.CREATE.RESULTS.x.muster.result.other.>"},
		{who: s.billing, what: "consume all results", publish: "$JS.API.CONSUMER.CREATE.RESULTS.x"},
		{who: s.billing, what: "consume durably", publish: "$JS.API.CONSUMER.DURABLE.CREATE.RESULTS.x"},
		{who: s.billing, what: "hear another's outcomes", subscribe: "muster.reply.other.c.>"},
		{who: s.billing, what: "hear all outcomes", subscribe: "muster.reply.>"},
		{who: s.billing, what: "hear another's stored outcomes", subscribe: "muster.live.other.>"},
		{who: s.billing, what: "hear another's answers", subscribe: "_INBOX_worker.>"},
		{who: s.billing, what: "hear tasks", subscribe: "muster.task.default.*"},
		{who: s.billing, what: "pull tasks", publish: "$JS.API.CONSUMER.MSG.NEXT.TASKS_default.workers_normal"},
		{who: s.billing, what: "read tasks", publish: "$JS.API.STREAM.MSG.GET.TASKS_default"},
		{who: s.billing, what: "remove tasks", publish: "$JS.API.STREAM.MSG.DELETE.TASKS_default"},
		{who: s.billing, what: "acknowledge a task", publish: "$JS.ACK.TASKS_default.workers_normal.1.1.1.1.0"},
		{who: s.billing, what: "submit to another queue", publish: "muster.task.other.normal"},
		{who: s.billing, what: "send an outcome", publish: "muster.reply.other.c.outcome"},
		{who: s.billing, what: "send itself an outcome", publish: "muster.reply.billing.c.outcome"},
		{who: s.billing, what: "store another's outcome", publish: "muster.result.other.c.1"},
		{who: s.billing, what: "write to a worker", publish: "_INBOX_worker.x"},
		{who: s.billing, what: "schedule", publish: "muster.sched.default.normal.other.c.1"},
		{who: s.billing, what: "bury", publish: "muster.dead.default.other.c.1"},
		{who: s.billing, what: "steer a host", publish: "muster.control.h"},
		{who: s.billing, what: "play a host", publish: "muster.host.h"},
		{who: s.billing, what: "create a stream", publish: "$JS.API.STREAM.CREATE.X"},
		{who: s.billing, what: "read large values", publish: "$JS.API.DIRECT.GET.OBJ_MUSTER.$O.MUSTER.M.x"},
		{who: s.worker, what: "purge a queue", publish: "$JS.API.STREAM.PURGE.TASKS_default"},
		{who: s.worker, what: "purge schedules", publish: "$JS.API.STREAM.PURGE.SCHED"},
		{who: s.worker, what: "delete a queue", publish: "$JS.API.STREAM.DELETE.TASKS_default"},
		{who: s.worker, what: "change a stream", publish: "$JS.API.STREAM.UPDATE.TASKS_default"},
		{who: s.worker, what: "create a stream", publish: "$JS.API.STREAM.CREATE.TASKS_x"},
		{who: s.worker, what: "pause a queue", publish: "$JS.API.CONSUMER.PAUSE.TASKS_default.workers_normal"},
		{who: s.worker, what: "pull another queue", publish: "$JS.API.CONSUMER.MSG.NEXT.TASKS_other.workers_normal"},
		{who: s.worker, what: "answer another queue's delivery", publish: "$JS.ACK.TASKS_other.workers_normal.1.1.1.1.0"},
		{who: s.worker, what: "read stored results", publish: "$JS.API.DIRECT.GET.RESULTS.muster.result.billing.c.1"},
		{who: s.worker, what: "consume stored results", publish: "$JS.API.CONSUMER.CREATE.RESULTS.x.muster.result.billing.>"},
		{who: s.worker, what: "hear outcomes", subscribe: "muster.reply.billing.>"},
		{who: s.worker, what: "hear stored outcomes", subscribe: "muster.live.>"},
		{who: s.worker, what: "remove dead letters", publish: "$JS.API.STREAM.MSG.DELETE.DEAD"},
		{who: s.worker, what: "read dead letters", publish: "$JS.API.STREAM.MSG.GET.DEAD"},
		{who: s.worker, what: "steer hosts", publish: "muster.control.h"},
		{who: s.worker, what: "hear operators' answers", subscribe: "_INBOX_operator.>"},
		{who: s.operator, what: "acknowledge a task", publish: "$JS.ACK.TASKS_default.workers_normal.1.1.1.1.0"},
		{who: s.operator, what: "play a host", publish: "muster.host.h"},
		{who: s.operator, what: "take clients' outcomes", subscribe: "muster.reply.billing.>"},
	} {
		t.Run(fmt.Sprintf("%s: %s", test.who.Group, test.what), func(t *testing.T) {
			nc := s.connect(test.who)
			if test.publish != "" {
				require.NoError(t, nc.Publish(test.publish, nil))
			} else {
				_, err := nc.SubscribeSync(test.subscribe)
				require.NoError(t, err)
			}
			require.NoError(t, nc.FlushTimeout(patience))
			require.ErrorIs(t, nc.LastError(), nats.ErrPermissionViolation)
		})
	}
}

// The right to make a consumer of one's own results is not one to make another.
func TestAConsumerOfResultsCannotBeBent(t *testing.T) {
	s := newStage(t, "one-node.conf", "")
	require.NoError(t, s.fleet().CreateQueue(s.ctx, "default"))
	nc := s.connect(s.billing)
	const subject = "$JS.API.CONSUMER.CREATE.RESULTS.x.muster.result.billing.c.>"
	for name, config := range map[string]jetstream.ConsumerConfig{
		"another filter": {FilterSubject: "muster.result.other.>"},
		"more filters":   {FilterSubject: "muster.result.billing.c.>", FilterSubjects: []string{"muster.result.other.>"}},
		"other filters":  {FilterSubjects: []string{"muster.result.other.>"}},
		"no filter":      {},
	} {
		config.AckPolicy = jetstream.AckNonePolicy
		config.Name = "x"
		request, err := json.Marshal(map[string]any{"stream_name": "RESULTS", "config": config})
		require.NoError(t, err)
		answer, err := nc.Request(subject, request, patience)
		require.NoError(t, err, name)
		var response struct {
			Error  *jetstream.APIError
			Config jetstream.ConsumerConfig
		}
		require.NoError(t, json.Unmarshal(answer.Data, &response))
		if response.Error == nil { // then it is one's own after all
			require.Equal(t, "muster.result.billing.c.>", response.Config.FilterSubject, name)
			require.Empty(t, response.Config.FilterSubjects, name)
		}
	}
}

// A receipt is an answer to what a client was sent; it can send no other.
func TestReceiptsAnswerOnly(t *testing.T) {
	s := newStage(t, "one-node.conf", "")
	client, worker := s.connect(s.billing), s.connect(s.worker)
	_, err := client.Subscribe("muster.reply.billing.c.outcome", func(msg *nats.Msg) {
		_ = msg.Respond([]byte("first"))
		_ = msg.Respond([]byte("second"))
	})
	require.NoError(t, err)
	require.NoError(t, client.FlushTimeout(patience))
	inbox := worker.NewInbox()
	receipts, err := worker.SubscribeSync(inbox)
	require.NoError(t, err)
	require.NoError(t, worker.PublishRequest("muster.reply.billing.c.outcome", inbox, nil))
	receipt, err := receipts.NextMsg(patience)
	require.NoError(t, err)
	require.Equal(t, "first", string(receipt.Data))
	require.Eventually(t, func() bool { return errors.Is(client.LastError(), nats.ErrPermissionViolation) }, patience, time.Millisecond)
}

// connect connects as anybody might who has a role's credential.
func (s *stage) connect(who login.Credentials) *nats.Conn {
	nc, err := broker.Connect(s.ctx, broker.Config{URL: s.url, Credentials: who})
	require.NoError(s.t, err)
	s.t.Cleanup(nc.Close)
	return nc
}

// collected returns what a client reads of its stored outcomes after a reconnect.
func collected(t *testing.T, s *stage, nc *nats.Conn, client string) (all []string) {
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	want := broker.Selection{Subjects: []string{broker.ResultWildcard(client)}}
	require.NoError(t, broker.Collect(ctx, js, broker.ResultsStream, want, func(msg jetstream.Msg) {
		all = append(all, string(msg.Data()))
	}))
	want.Subjects = []string{broker.ResultWildcard("other.b")}
	err = broker.Collect(ctx, js, broker.ResultsStream, want, func(jetstream.Msg) {})
	require.ErrorIs(t, err, broker.ErrPermission)
	return all
}
