package broker

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// The streams every queue shares.
const (
	ResultsStream  = "RESULTS" // outcomes not handed off at once, or asked to be durable
	DeadStream     = "DEAD"    // tasks given up, kept for a person to look at
	ScheduleStream = "SCHED"   // tasks whose time has not come, and cron schedules
	CancelStream   = "CANCELS" // requests to cancel, for hosts that come later
)

const (
	taskPrefix    = "muster.task."
	keyPrefix     = "muster.key."
	schedPrefix   = "muster.sched."
	duePrefix     = "muster.due."
	feedPrefix    = "muster.feed."
	replyPrefix   = "muster.reply."
	resultPrefix  = "muster.result."
	livePrefix    = "muster.live."
	deadPrefix    = "muster.dead."
	cancelPrefix  = "muster.cancel."
	hostPrefix    = "muster.host."
	controlPrefix = "muster.control."
	streamPrefix  = "TASKS_"
	maxQueueName  = 64
	resultsSource = resultPrefix + ">"
	resultsLive   = livePrefix + ">"
)

// cronToken stands where other schedules have the client's name.
const cronToken = "cron"

// unreadToken stands where other dead letters have the client's name.
const unreadToken = "unread"

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
func TaskStream(queue string) string { return streamPrefix + queue }

// TaskSubject is where tasks of a queue's lane are published.
func TaskSubject(queue string, lane Lane) string { return taskPrefix + queue + "." + lane.String() }

// TaskWildcard is every lane of a queue.
func TaskWildcard(queue string) string { return taskPrefix + queue + ".*" }

// KeySubject is where a unique key of a queue is held: by its hash, so that any
// text may be a key.
func KeySubject(queue, key string) string {
	sum := sha256.Sum256([]byte(key))
	return keyPrefix + queue + "." + hex.EncodeToString(sum[:16])
}

// KeyWildcard is every unique key of a queue.
func KeyWildcard(queue string) string { return keyPrefix + queue + ".*" }

// Wherever a subject has a client's name, that is two tokens if the client is of a
// group: see codec.ValidGroup.

// SchedSubject is where a client's n-th task waits for its time. A subject
// keeps one schedule: publishing again replaces it.
func SchedSubject(queue string, lane Lane, client string, n uint64) string {
	return schedPrefix + queue + "." + lane.String() + "." + client + "." + strconv.FormatUint(n, 10)
}

// CronSubject is where a cron schedule is kept. Its name is one that
// [ValidQueue] would take.
func CronSubject(queue string, lane Lane, name string) string {
	return schedPrefix + queue + "." + lane.String() + "." + cronToken + "." + name
}

// SchedAnywhere is [SchedSubject] in any lane of any queue.
func SchedAnywhere(client string, n uint64) string {
	return schedPrefix + "*.*." + client + "." + strconv.FormatUint(n, 10)
}

// CronAnywhere is [CronSubject] in any lane of any queue.
func CronAnywhere(name string) string { return schedPrefix + "*.*." + cronToken + "." + name }

// SchedWildcard is every schedule of a queue.
func SchedWildcard(queue string) string { return schedPrefix + queue + ".>" }

// DueSubject is where the server puts a scheduled task when its time has come,
// for the queue's stream to fetch.
func DueSubject(queue string, lane Lane) string { return duePrefix + queue + "." + lane.String() }

// DueWildcard is every lane's due tasks of a queue.
func DueWildcard(queue string) string { return duePrefix + queue + ".*" }

// WorkersConsumer is the durable consumer, in the queue's stream, that the
// worker processes share to pull a lane.
func WorkersConsumer(lane Lane) string { return "workers_" + lane.String() }

// ReplySubject is where outcomes are handed directly to a client.
func ReplySubject(client string) string { return replyPrefix + client + ".outcome" }

// StartedSubject is where a client hears that its tasks have been started.
func StartedSubject(client string) string { return replyPrefix + client + ".started" }

// ProgressSubject is where a client hears how far its tasks have come.
func ProgressSubject(client string) string { return replyPrefix + client + ".progress" }

// RunningSubject is where a client that asks to cancel tasks of any client hears
// which of them run: its request names the client in the header [AskerHeader].
func RunningSubject(client string) string { return replyPrefix + client + ".running" }

// AskerHeader is the header of a cancel request that names the client to be told of
// tasks that run.
const AskerHeader = "Muster-Asker"

// ReplyWildcard is what is sent to a client directly: outcomes, and notices of
// starts and progress. No other client may listen to it: the server would take
// that one for the receiver of an outcome.
func ReplyWildcard(client string) string { return replyPrefix + client + ".>" }

// ResultSubject is where the outcome of a client's n-th task is stored. The
// server republishes what it stores there to [LiveResultSubject].
func ResultSubject(client string, n uint64) string {
	return resultPrefix + client + "." + strconv.FormatUint(n, 10)
}

// ResultWildcard is every stored outcome of a client.
func ResultWildcard(client string) string { return resultPrefix + client + ".>" }

// LiveResultSubject is where a stored outcome is heard of, by its client or by
// whoever else waits for it.
func LiveResultSubject(client string, n uint64) string {
	return livePrefix + client + "." + strconv.FormatUint(n, 10)
}

// LiveWildcard is the live copies of all outcomes stored for a client.
func LiveWildcard(client string) string { return livePrefix + client + ".*" }

// DeadSubject is where the dead letter of a client's n-th task is stored. A
// subject keeps one letter: of two hosts that both give the task up, the later
// one replaces what the earlier has stored.
func DeadSubject(queue, client string, n uint64) string {
	return deadPrefix + queue + "." + client + "." + strconv.FormatUint(n, 10)
}

// UnreadSubject is where a message that is not a batch of tasks is put aside.
// It has no client, but a place in the queue's stream.
func UnreadSubject(queue string, seq uint64) string {
	return deadPrefix + queue + "." + unreadToken + "." + strconv.FormatUint(seq, 10)
}

// DeadWildcard is every dead letter of a queue.
func DeadWildcard(queue string) string { return deadPrefix + queue + ".>" }

// CancelSubject is where cancel requests for a queue are heard by its hosts.
func CancelSubject(queue string) string { return cancelPrefix + queue }

// CancelAnySubject is where every host hears cancel requests from those who do
// not know the task's queue.
const CancelAnySubject = "muster.cancelany"

// HostSubject is where a host's heartbeats are published: host is the id of this
// run of its supervisor, since a name may be several hosts'.
func HostSubject(host string) string { return hostPrefix + host }

// ControlSubject is where a host is asked for something, by its id.
func ControlSubject(host string) string { return controlPrefix + host }

// HostOf returns whose heartbeats are published to a subject of [HostWildcard].
func HostOf(subject string) string { return strings.TrimPrefix(subject, hostPrefix) }

// WatchSubject is where those who watch the fleet say so, without words. Every
// host answers with a heartbeat at once, and tells more in the next ones.
const WatchSubject = "muster.watch"

// HostWildcard is every host's heartbeats.
const HostWildcard = hostPrefix + "*"
