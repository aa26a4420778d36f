package doctor_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/broker/brokertest"
	"github.com/musterfleet/muster/internal/doctor"
)

func (b *bench) js() jetstream.JetStream {
	b.t.Helper()
	js, err := jetstream.New(b.connect())
	require.NoError(b.t, err)
	return js
}

func TestForeignStream(t *testing.T) {
	b := newBench(t).broker()
	b.client()
	js := b.js()
	stream, err := js.Stream(b.ctx, "TASKS_default")
	require.NoError(t, err)
	config := stream.CachedInfo().Config
	config.Discard = jetstream.DiscardOld
	_, err = js.UpdateStream(b.ctx, config)
	require.NoError(t, err)
	consumer, err := js.Consumer(b.ctx, "TASKS_default", "workers_low")
	require.NoError(t, err)
	workers := consumer.CachedInfo().Config
	workers.MaxDeliver = 3
	_, err = js.UpdateConsumer(b.ctx, "TASKS_default", workers)
	require.NoError(t, err)
	require.NoError(t, js.DeleteConsumer(b.ctx, "TASKS_default", "workers_high"))

	found := b.examine()
	found.requires(doctor.CheckStream, doctor.Problem, "TASKS_default", "foreign configuration: discard: want DiscardNew, have DiscardOld")
	found.requires(doctor.CheckStream, doctor.Problem, "TASKS_default", "consumer workers_low of TASKS_default: max_deliver: want -1, have 3")
	found.requires(doctor.CheckStream, doctor.Warning, "TASKS_default", "consumers are missing: workers_high of TASKS_default$")
	found.requires(doctor.CheckStream, doctor.OK, "DEAD", "as muster needs it")
}

func TestSubjectsTaken(t *testing.T) {
	b := newBench(t).broker()
	_, err := b.js().CreateStream(b.ctx, jetstream.StreamConfig{Name: "AUDIT", Subjects: []string{"muster.dead.>"}})
	require.NoError(t, err)
	b.examine().requires(doctor.CheckStream, doctor.Problem, "DEAD", "it is not there, and stream AUDIT takes its subjects")
}

func TestOneReplicaOnCluster(t *testing.T) {
	b := newBench(t)
	ports := brokertest.FreePorts(t, 2)
	for i, port := range ports {
		b.configured(fmt.Sprintf(`
			server_name: n%d
			jetstream {}
			cluster { name: c, listen: "127.0.0.1:%d", routes: ["nats://127.0.0.1:%d", "nats://127.0.0.1:%d"] }`, i, port, ports[0], ports[1]))
	}
	b.client() // which waits until a leader is chosen; of two there cannot be three replicas
	found := b.examine()
	found.requires(doctor.CheckServer, doctor.OK, "", "in cluster c")
	found.requires(doctor.CheckReplicas, doctor.Warning, "TASKS_default", `on one server of the cluster alone \(R1\)`)
	found.requires(doctor.CheckStorage, doctor.OK, "TASKS_default", "the server stored a few bytes, and removed them")
}

func TestFullServer(t *testing.T) {
	b := newBench(t).configured("jetstream { max_file_store: 1MB }")
	b.client()
	js := b.js()
	for range 100 { // until the server refuses
		if _, err := js.Publish(b.ctx, broker.TaskSubject("default", broker.Low), bytes.Repeat([]byte("x"), 64<<10), jetstream.WithRetryAttempts(0)); err != nil {
			require.ErrorContains(t, err, "insufficient resources")
			break
		}
	}
	found := b.examine()
	found.requires(doctor.CheckStorage, doctor.Problem, "TASKS_default", "full: the server takes no more tasks: insufficient resources")
}

func TestFullAccount(t *testing.T) {
	b := newBench(t).configured(`
		jetstream {}
		accounts { A { jetstream: { max_file: 1MB }, users: [{user: u, password: p}] } }`)
	b.url = strings.Replace(b.url, "//", "//u:p@", 1)
	b.client()
	js := b.js()
	fill := func(messages int) (err error) {
		for range messages {
			if _, err = js.Publish(b.ctx, broker.TaskSubject("default", broker.Low), bytes.Repeat([]byte("x"), 10_000)); err != nil {
				return err
			}
		}
		return nil
	}
	require.NoError(t, fill(90))
	b.examine().requires(doctor.CheckStorage, doctor.Warning, "account", "nearly full: disk: 9")
	require.ErrorContains(t, fill(100), "resource limits exceeded for account")
	b.examine().requires(doctor.CheckStorage, doctor.Problem, "account", "full: disk: ")
}

func TestFullStream(t *testing.T) {
	b := newBench(t).broker()
	js := b.js()
	require.NoError(t, broker.EnsureQueue(b.ctx, js, "small", broker.StreamOptions{MaxBytes: 100_000}))
	var err error
	for err == nil {
		_, err = js.Publish(b.ctx, broker.TaskSubject("small", broker.Low), make([]byte, 600))
	}
	require.ErrorContains(t, err, "maximum bytes exceeded")
	b.examine().requires(doctor.CheckStorage, doctor.Problem, "TASKS_small", "full: max_bytes: 9.* of 100000 used")
}

// A server whose store is gone keeps silent when it has to begin another file.
func TestStoreRemovedUnderTheBroker(t *testing.T) {
	b := newBench(t).broker()
	b.client()
	b.examine().requires(doctor.CheckStorage, doctor.OK, "TASKS_default", "the server stored a few bytes, and removed them")
	require.NoError(t, os.RemoveAll(b.dir))
	nc := b.connect()
	for range 100 { // until the server keeps silent
		ctx, cancel := context.WithTimeout(b.ctx, 3*time.Second)
		_, err := nc.RequestWithContext(ctx, broker.TaskSubject("default", broker.Low), make([]byte, 512<<10))
		cancel()
		if err != nil {
			require.ErrorIs(t, err, context.DeadlineExceeded)
			break
		}
	}
	b.examine().requires(doctor.CheckStorage, doctor.Problem, "TASKS_default", "the server does not store: it did not acknowledge")
}

func TestProbeLeavesNothing(t *testing.T) {
	b := newBench(t).broker()
	b.client()
	js := b.js()
	_, err := js.Publish(b.ctx, broker.KeySubject("default", ""), nil) // of one that was interrupted
	require.NoError(t, err)
	b.examine().requires(doctor.CheckStorage, doctor.OK, "TASKS_default", "the server stored a few bytes, and removed them")
	stream, err := js.Stream(b.ctx, "TASKS_default")
	require.NoError(t, err)
	require.Zero(t, stream.CachedInfo().State.Msgs)
}
