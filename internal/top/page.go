package top

import (
	"time"

	"github.com/musterfleet/muster/fleet"
)

// page is something to look at.
type page interface {
	name() string
	// sections returns what there is to see. Where what it is about is gone, it says so.
	sections(*state) []section
	// target is what keys act on that no chosen row tells.
	target(*state) target
}

// lettered is a page that shows dead letters.
type lettered interface {
	// letters names the queue whose dead letters they are, or "" for all.
	letters() string
}

// state is what pages show.
type state struct {
	Snapshot
	letters letterList
}

// letterList is what was read of the dead letters last.
type letterList struct {
	queue   string // whose they are, "" for all
	list    []fleet.DeadLetter
	more    bool // there are more
	read    time.Time
	reading bool
	stale   bool // they may have changed since
}

// target is what a key can act on, each empty if there is none.
type target struct {
	queue    string
	host     string // the id
	hostName string
	pid      int
	letter   string
}

// or fills in what is missing.
func (t target) or(other target) target {
	if t.queue == "" {
		t.queue = other.queue
	}
	if t.host == "" {
		t.host, t.hostName = other.host, other.hostName
	}
	if t.pid == 0 {
		t.pid = other.pid
	}
	if t.letter == "" {
		t.letter = other.letter
	}
	return t
}

// tabs returns the pages that Tab goes through.
func tabs() []page {
	return []page{queuesPage{}, hostsPage{}, processesPage{}, funcsPage{}, deathsPage{}, lettersPage{}}
}
