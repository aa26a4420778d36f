package broker

import (
	"cmp"
	"slices"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/login"
)

// clientPublishes lists what package producer publishes to, beside receipts. It is what a
// producer may by deploy/nats/permissions.conf, of any group and queue, and what it needs
// to create streams where nobody else has.
var clientPublishes = []string{
	apiPrefix + "INFO",
	apiPrefix + "STREAM.INFO.*",
	apiPrefix + "STREAM.CREATE.*",
	apiPrefix + "CONSUMER.INFO.*.*",
	apiPrefix + "CONSUMER.CREATE.>",
	// Stored outcomes.
	apiPrefix + "CONSUMER.MSG.NEXT." + ResultsStream + ".*",
	apiPrefix + "DIRECT.GET." + ResultsStream + ".>",
	// Unique keys, and tasks that wait for their time.
	apiPrefix + "STREAM.MSG.GET.*",
	apiPrefix + "STREAM.MSG.DELETE.*",
	apiPrefix + "STREAM.PURGE." + ScheduleStream,
	// Large values.
	apiPrefix + "STREAM.PURGE." + ObjectStreamName,
	apiPrefix + "DIRECT.GET." + ObjectStreamName + ".>",
	apiPrefix + "CONSUMER.DELETE." + ObjectStreamName + ".*",
	"$JS.FC." + ObjectStreamName + ".>",
	"$O." + ObjectBucket + ".>",
	// Tasks.
	taskPrefix + "*.*",
	keyPrefix + "*.*",
	schedPrefix + ">",
	resultPrefix + ">",
	cancelPrefix + "*",
	CancelAnySubject,
}

// clientSubscribes lists what package producer subscribes to, beside its inbox.
var clientSubscribes = []string{replyPrefix + ">", livePrefix + ">"}

// ClientMayPublish reports whether a client has reason to publish to a subject, other
// than to answer a message.
func ClientMayPublish(subject string) bool {
	// A subject of the API may end with another one, which may be a wildcard.
	return server.IsValidSubject(subject) && matchesAny(subject, clientPublishes)
}

// ClientMaySubscribe reports whether a client with an inbox as the credentials say has
// reason to subscribe to a subject.
func ClientMaySubscribe(subject string, who login.Credentials) bool {
	inbox := cmp.Or(inboxPrefix(who), strings.TrimSuffix(nats.InboxPrefix, "."))
	return server.IsValidSubject(subject) && (strings.HasPrefix(subject, inbox+".") || matchesAny(subject, clientSubscribes))
}

func matchesAny(subject string, filters []string) bool {
	return slices.ContainsFunc(filters, func(filter string) bool { return server.SubjectMatchesFilter(subject, filter) })
}
