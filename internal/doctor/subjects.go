package doctor

import "strings"

// defaultQueue is the one whose permissions are checked when none is named.
const defaultQueue = "default"

// role is what somebody must be permitted. QUEUE stands for the queue; where a
// subject has a wildcard it is enough that some of what it stands for is permitted,
// such as one client's.
type role struct {
	name               string
	publish, subscribe []string
}

var roles = []role{
	{
		name: "producer",
		publish: []string{
			"$JS.API.INFO", "$JS.API.STREAM.INFO.TASKS_QUEUE",
			"muster.task.QUEUE.normal", "muster.cancel.QUEUE",
		},
		subscribe: []string{"muster.reply.*.>", "muster.live.*.>"},
	},
	{
		name: "worker",
		publish: []string{
			"$JS.API.INFO", "$JS.API.STREAM.INFO.TASKS_QUEUE",
			"$JS.API.CONSUMER.MSG.NEXT.TASKS_QUEUE.workers_high",
			"$JS.API.CONSUMER.MSG.NEXT.TASKS_QUEUE.workers_normal",
			"$JS.API.CONSUMER.MSG.NEXT.TASKS_QUEUE.workers_low",
			"$JS.ACK.TASKS_QUEUE.>", "$JS.API.STREAM.MSG.GET.TASKS_QUEUE", "$JS.API.STREAM.MSG.DELETE.TASKS_QUEUE",
			"muster.task.QUEUE.normal", "muster.reply.>", "muster.result.>", "muster.sched.QUEUE.>", "muster.dead.QUEUE.>",
			"muster.host.*",
		},
		subscribe: []string{"muster.cancel.QUEUE", "muster.cancelany", "muster.watch"},
	},
	{
		name: "operator",
		publish: []string{
			"$JS.API.INFO", "$JS.API.STREAM.LIST", "$JS.API.STREAM.CREATE.TASKS_QUEUE", "$JS.API.STREAM.INFO.TASKS_QUEUE",
			"$JS.API.CONSUMER.PAUSE.TASKS_QUEUE.workers_normal",
			"$JS.API.STREAM.MSG.GET.DEAD", "$JS.API.STREAM.MSG.DELETE.DEAD",
			"muster.task.QUEUE.normal", "muster.watch",
		},
		subscribe: []string{"muster.host.*"},
	},
}

// rule is a permission to publish, or to subscribe.
type rule struct {
	Allow []string `json:"allow"`
	Deny  []string `json:"deny"`
}

// allows reports whether some of what a subject stands for is permitted. An empty
// list of what is allowed allows anything.
func (r rule) allows(subject string) bool {
	for _, pattern := range r.Deny {
		if matches(pattern, subject, false) {
			return false
		}
	}
	if len(r.Allow) == 0 {
		return true
	}
	for _, pattern := range r.Allow {
		if matches(pattern, subject, true) {
			return true
		}
	}
	return false
}

// matches reports whether a pattern stands for all of a subject, or for some of it
// at least. A pattern may have a queue group, which does not matter here.
func matches(pattern, subject string, some bool) bool {
	pattern, _, _ = strings.Cut(pattern, " ")
	p, s := strings.Split(pattern, "."), strings.Split(subject, ".")
	for i := range p {
		switch {
		case p[i] == ">":
			return i < len(s)
		case i >= len(s):
			return false
		case s[i] == ">":
			return some
		case p[i] == s[i]:
		case p[i] == "*" && (some || s[i] != ">"):
		case some && s[i] == "*":
		default:
			return false
		}
	}
	return len(p) == len(s)
}
