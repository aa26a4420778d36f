package broker

import (
	"fmt"
	"strconv"
)

// The streams every queue shares.
const (
	ResultsStream = "RESULTS" // outcomes not handed off at once, or asked to be durable
	DeadStream    = "DEAD"    // tasks given up, kept for a person to look at
)

const (
	taskPrefix    = "muster.task."
	replyPrefix   = "muster.reply."
	resultPrefix  = "muster.result."
	deadPrefix    = "muster.dead."
	cancelPrefix  = "muster.cancel."
	hostPrefix    = "muster.host."
	maxQueueName  = 64
	resultsSource = resultPrefix + ">"
	resultsLive   = replyPrefix + ">"
)

// Lane is one of the priorities of a queue.
type Lane uint8

// The lanes, most urgent first.
const (
	High Lane = iota
	Normal
	Low
)

// Lanes lists the lanes, most urgent first.
var Lanes = [...]Lane{High, Normal, Low}

// String is the lane's token in subjects and consumer names.
func (l Lane) String() string {
	switch l {
	case High:
		return "high"
	case Normal:
		return "normal"
	case Low:
		return "low"
	}
	return "lane" + strconv.Itoa(int(l))
}

// ValidQueue returns nil if name may name a queue: 1 to 64 of A–Z a–z 0–9 _ -,
// so that it is one token of a subject and part of a stream's name. Otherwise
// it returns [ErrQueueName].
func ValidQueue(name string) error {
	ok := name != "" && len(name) <= maxQueueName
	for i := 0; ok && i < len(name); i++ {
		c := name[i]
		ok = c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-'
	}
	if !ok {
		return fmt.Errorf("%w %.80q: use 1 to %d of A-Z a-z 0-9 _ -", ErrQueueName, name, maxQueueName)
	}
	return nil
}

// TaskStream is the stream that keeps a queue's tasks.
func TaskStream(queue string) string { return "TASKS_" + queue }

// TaskSubject is where tasks of a queue's lane are published.
func TaskSubject(queue string, lane Lane) string { return taskPrefix + queue + "." + lane.String() }

// TaskWildcard is every lane of a queue.
func TaskWildcard(queue string) string { return taskPrefix + queue + ".*" }

// WorkersConsumer is the durable consumer, in the queue's stream, that the
// worker processes share to pull a lane.
func WorkersConsumer(lane Lane) string { return "workers_" + lane.String() }

// ReplySubject is where outcomes are handed directly to a client.
func ReplySubject(client string) string { return replyPrefix + client + ".outcome" }

// StartedSubject is where a client hears that its tasks have been started.
func StartedSubject(client string) string { return replyPrefix + client + ".started" }

// ReplyWildcard is what a client subscribes to: direct outcomes, started
// notices, and the live copies of its outcomes in the results stream.
func ReplyWildcard(client string) string { return replyPrefix + client + ".>" }

// ResultSubject is where the outcome of a client's n-th task is stored. The
// server republishes what it stores there to [LiveResultSubject].
func ResultSubject(client string, n uint64) string {
	return resultPrefix + client + "." + strconv.FormatUint(n, 10)
}

// ResultWildcard is every stored outcome of a client.
func ResultWildcard(client string) string { return resultPrefix + client + ".>" }

// LiveResultSubject is where a client hears of a stored outcome. The last
// token is a number, which tells it from the other replies.
func LiveResultSubject(client string, n uint64) string {
	return replyPrefix + client + "." + strconv.FormatUint(n, 10)
}

// DeadSubject is where a queue's dead letters are stored.
func DeadSubject(queue string) string { return deadPrefix + queue }

// CancelSubject is where cancel requests for a queue are heard by its hosts.
func CancelSubject(queue string) string { return cancelPrefix + queue }

// HostSubject is where a host's heartbeats are published.
func HostSubject(host string) string { return hostPrefix + host }

// HostWildcard is every host's heartbeats.
const HostWildcard = hostPrefix + "*"
