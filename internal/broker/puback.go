package broker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// verdict is what an answer says of a message's fate.
type verdict uint8

const (
	stored   verdict = iota // by this message or an earlier one with the same id
	refused                 // for good
	tryAgain                // the stream cannot store anything at the moment
	full                    // the stream has no room at the moment
	noStream                // nobody takes the subject, at the moment or at all
)

// Error codes of the JetStream API that the client library does not name.
const (
	errCodeAccountResources    jetstream.ErrorCode = 10002
	errCodeClusterNotAssigned  jetstream.ErrorCode = 10007
	errCodeClusterNotAvail     jetstream.ErrorCode = 10008
	errCodeClusterNotLeader    jetstream.ErrorCode = 10009
	errCodeInsufficient        jetstream.ErrorCode = 10023
	errCodeMemoryResources     jetstream.ErrorCode = 10028
	errCodeStorageResources    jetstream.ErrorCode = 10047
	errCodeStoreFailed         jetstream.ErrorCode = 10077
	errCodeHeaderTooLarge      jetstream.ErrorCode = 10097
	errCodeStreamOffline       jetstream.ErrorCode = 10118
	errCodeDuplicateInProcess  jetstream.ErrorCode = 10158
	errCodeTooManyRequests     jetstream.ErrorCode = 10167
	errCodeBatchIncomplete     jetstream.ErrorCode = 10176
	errCodeBatchDuplicate      jetstream.ErrorCode = 10201
	errCodeTooManyBatches      jetstream.ErrorCode = 10210
	errCodeStreamOfflineReason jetstream.ErrorCode = 10194
)

// readPubAck reads the answer to a publish. err is set when it was refused, or
// the stream is full.
func readPubAck(m *nats.Msg) (v verdict, seq uint64, err error) {
	if seq, ok := storedSeq(m.Data); ok {
		return stored, seq, nil
	}
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		return noStream, 0, nil
	}
	var ack struct {
		Stream string              `json:"stream"`
		Seq    uint64              `json:"seq"`
		Error  *jetstream.APIError `json:"error"`
	}
	switch err := json.Unmarshal(m.Data, &ack); {
	case err != nil:
		// Whatever answered, it was not a stream.
		return refused, 0, fmt.Errorf("%w: the answer is not an acknowledgement: %w", ErrNoStream, err)
	case ack.Error != nil:
		return judge(ack.Error)
	case ack.Stream == "" || ack.Seq == 0:
		return refused, 0, fmt.Errorf("%w: the answer is not an acknowledgement: %.100q", ErrNoStream, m.Data)
	}
	return stored, ack.Seq, nil
}

// storedSeq reads {"stream":"NAME","seq":N and a comma or brace, as servers
// write it, without the cost of encoding/json. Anything else is not ok.
func storedSeq(data []byte) (seq uint64, ok bool) {
	const head, middle = `{"stream":"`, `","seq":`
	rest, ok := bytes.CutPrefix(data, []byte(head))
	if !ok {
		return 0, false
	}
	_, rest, ok = bytes.Cut(rest, []byte(middle))
	if !ok {
		return 0, false
	}
	for i, c := range rest {
		switch {
		case c >= '0' && c <= '9' && i < 20:
			seq = seq*10 + uint64(c-'0')
		case c == '}' || c == ',':
			return seq, seq > 0
		default:
			return 0, false
		}
	}
	return 0, false
}

// judge says whether the same message may be stored later, and returns the
// errors worth telling apart their names.
func judge(api *jetstream.APIError) (verdict, uint64, error) {
	name := func(sentinel error) (verdict, uint64, error) {
		return refused, 0, fmt.Errorf("%w: %w", sentinel, api)
	}
	switch api.ErrorCode {
	case errCodeClusterNotAssigned, errCodeClusterNotAvail, errCodeClusterNotLeader,
		errCodeStreamOffline, errCodeStreamOfflineReason, errCodeDuplicateInProcess, errCodeTooManyRequests,
		errCodeBatchIncomplete, errCodeTooManyBatches:
		return tryAgain, 0, nil
	case jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant:
		return name(ErrWrongLastSequence)
	case jetstream.JSErrCodeStreamMessageExceedsMaximum, errCodeHeaderTooLarge:
		return name(ErrTooLarge)
	case jetstream.JSErrCodeStreamNotFound:
		return name(ErrNoStream)
	case errCodeAccountResources, errCodeInsufficient, errCodeMemoryResources, errCodeStorageResources:
		return noRoom(api)
	case errCodeStoreFailed:
		// One code for everything the store says; only "maximum bytes
		// exceeded" and its like mean that there is no room.
		if strings.Contains(api.Description, "maximum") && strings.Contains(api.Description, "exceeded") {
			return noRoom(api)
		}
		if strings.Contains(api.Description, "too large") {
			return name(ErrTooLarge)
		}
	}
	return refused, 0, api
}

func noRoom(api *jetstream.APIError) (verdict, uint64, error) {
	return full, 0, fmt.Errorf("%w: %w", ErrStreamFull, api)
}
