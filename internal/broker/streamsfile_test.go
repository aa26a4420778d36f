package broker_test

import (
	"encoding/json"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/objects"
)

// streamsFile is docs/streams.json: the requests that make what Muster needs, for
// programs in other languages.
type streamsFile struct {
	Requests []struct {
		Create, Info string
		Body         map[string]any
	}
	Missing  []jetstream.ErrorCode
	Exists   []jetstream.ErrorCode
	Replicas struct {
		Cluster int
		TooFew  []jetstream.ErrorCode `json:"too_few"`
	}
	MayDiffer   []string `json:"may_differ"`
	MayBeLarger []string `json:"may_be_larger"`
}

func readStreamsFile(t testing.TB, queue string) (f streamsFile) {
	t.Helper()
	text, err := os.ReadFile("../../docs/streams.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal([]byte(strings.ReplaceAll(string(text), "<queue>", queue)), &f))
	return f
}

// ask makes a request of the JetStream API, and returns the configuration in its
// answer, without what the server adds for itself, and its error code.
func ask(t testing.TB, nc *nats.Conn, subject string, body any) (config map[string]any, code jetstream.ErrorCode) {
	t.Helper()
	var data []byte
	if body != nil {
		var err error
		data, err = json.Marshal(body)
		require.NoError(t, err)
	}
	msg, err := nc.Request(subject, data, 20*time.Second)
	require.NoError(t, err, subject)
	var answer struct {
		Config map[string]any
		Error  struct {
			Code jetstream.ErrorCode `json:"err_code"`
		}
	}
	require.NoError(t, json.Unmarshal(msg.Data, &answer))
	delete(answer.Config, "metadata")
	return answer.Config, answer.Error.Code
}

// makeEverything makes with this project's code what the file's requests make.
func makeEverything(t testing.TB, nc *nats.Conn, queue string) {
	t.Helper()
	js := jetStream(t, nc)
	require.NoError(t, broker.EnsureShared(t.Context(), js, broker.StreamOptions{}))
	require.NoError(t, broker.EnsureQueue(t.Context(), js, queue, broker.StreamOptions{}))
	require.NoError(t, objects.New(nc, slog.Default()).Ensure(t.Context()))
}

// everything lists the streams and consumers of a server.
func everything(t testing.TB, nc *nats.Conn) (names []string) {
	t.Helper()
	js := jetStream(t, nc)
	streams := js.ListStreams(t.Context())
	for s := range streams.Info() {
		names = append(names, "$JS.API.STREAM.INFO."+s.Config.Name)
		stream, err := js.Stream(t.Context(), s.Config.Name)
		require.NoError(t, err)
		consumers := stream.ListConsumers(t.Context())
		for c := range consumers.Info() {
			names = append(names, "$JS.API.CONSUMER.INFO."+c.Stream+"."+c.Name)
		}
		require.NoError(t, consumers.Err())
	}
	require.NoError(t, streams.Err())
	slices.Sort(names)
	return names
}

// What the file's requests make is what this project makes, field by field, and all of
// it: each is at home where the other came first.
func TestStreamsFileMakesWhatTheCodeMakes(t *testing.T) {
	t.Parallel()
	ours := connect(t, startServer(t, broker.ServerConfig{}).URL())
	theirs := connect(t, startServer(t, broker.ServerConfig{}).URL())
	file := readStreamsFile(t, "q")
	makeEverything(t, ours, "q")
	var made []string
	for _, request := range file.Requests {
		_, code := ask(t, theirs, request.Create, request.Body)
		require.Zero(t, code, request.Create)
		_, code = ask(t, ours, request.Create, request.Body)
		require.Zero(t, code, "%s: another configuration than the code's", request.Create)
		want, _ := ask(t, ours, request.Info, nil)
		have, _ := ask(t, theirs, request.Info, nil)
		require.NotEmpty(t, want, request.Info)
		require.Equal(t, want, have, "%s: the file is wrong", request.Info)
		made = append(made, request.Info)
	}
	slices.Sort(made)
	require.Equal(t, everything(t, ours), made, "what the code makes, and the file does not, or the reverse")
	makeEverything(t, theirs, "q")
}

// What the file lets an operator choose, the code takes, and the server's answers to
// the file's own requests, before and after, are the codes that the file names.
func TestStreamsFileNamesWhatMayDiffer(t *testing.T) {
	t.Parallel()
	nc := connect(t, startServer(t, broker.ServerConfig{}).URL())
	file, chosen := readStreamsFile(t, "q"), readStreamsFile(t, "q")
	for i, request := range chosen.Requests {
		config, ok := request.Body["config"].(map[string]any)
		if !ok {
			config = request.Body
		}
		for _, field := range file.MayDiffer {
			switch n := config[field].(type) {
			case string:
				config[field] = "an operator's own"
			case float64:
				config[field] = max(2*n, 1<<20)
			}
		}
		for _, field := range file.MayBeLarger {
			if n, ok := config[field].(float64); ok {
				config[field] = 2 * n
			}
		}
		if _, ok := config["num_replicas"]; ok {
			config["num_replicas"] = 1 // of one server
		}
		_, code := ask(t, nc, request.Info, nil)
		require.Contains(t, file.Missing, code, request.Info)
		_, code = ask(t, nc, request.Create, request.Body)
		require.Zero(t, code, request.Create)
		_, code = ask(t, nc, request.Create, file.Requests[i].Body)
		require.Contains(t, file.Exists, code, request.Create)
	}
	makeEverything(t, nc, "q")
}

// On a cluster the replicas that the file names are those that the code asks for.
func TestStreamsFileOnACluster(t *testing.T) {
	t.Parallel()
	nc := connect(t, startCluster(t, 3)[0].URL())
	file := readStreamsFile(t, "q")
	makeEverything(t, nc, "q")
	for _, request := range file.Requests {
		if _, ok := request.Body["num_replicas"]; ok {
			request.Body["num_replicas"] = file.Replicas.Cluster
		}
		_, code := ask(t, nc, request.Create, request.Body)
		require.Zero(t, code, "%s: another configuration than the code's", request.Create)
	}
}
