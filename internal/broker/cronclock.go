package broker

import "time"

// ClockChange is a change of a time zone's clock, as in spring and autumn, that a
// schedule meets.
type ClockChange struct {
	At       time.Time // when it is, in the zone
	From, To time.Time // the local times that the clock skips or repeats, as if in UTC
	Skips    bool      // else it repeats
	// Uneven says that the clock changes at midnight, or not by whole hours: the server
	// may then skip the whole day, or fire a day early.
	Uneven bool
}

// clockYears is how far [ClockChanges] looks ahead.
const clockYears = 2

// ClockChanges returns the changes of a zone's clock, in the two years from a time on,
// by which a schedule fires twice or not at all: those of a local time at which it
// fires. The server looks for the next local time that matches, so it passes over one
// that the clock skips, and meets one twice that the clock repeats. A schedule that
// fires in every hour has none: it goes on every hour.
//
// A zone that is not known on this machine has none, and so has an expression that is
// not one.
func ClockChanges(expr, zone string, from time.Time) (all []ClockChange) {
	c, err := parseCron(expr)
	if err != nil || c.fields[cronHour] == 0 || c.fields[cronHour] == 1<<24-1 || checkZone(zone) != nil {
		return nil
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		return nil
	}
	for at := from.In(location); ; {
		_, end := at.ZoneBounds()
		if end.IsZero() || end.After(from.AddDate(clockYears, 0, 0)) {
			return all
		}
		change := clockChange(end)
		if change.From.Before(change.To) && (change.Uneven || c.firesWithin(change.From, change.To)) {
			all = append(all, change)
		}
		at = end
	}
}

// clockChange describes the change at a time in its zone.
func clockChange(at time.Time) ClockChange {
	_, before := at.Add(-1).Zone()
	_, after := at.Zone()
	local := func(offset int) time.Time { return at.UTC().Add(time.Duration(offset) * time.Second) }
	c := ClockChange{At: at, From: local(min(before, after)), To: local(max(before, after)), Skips: after > before}
	midnight := c.From.Truncate(24*time.Hour).Equal(c.From) || !c.To.Truncate(24*time.Hour).Equal(c.From.Truncate(24*time.Hour))
	c.Uneven = midnight || c.To.Sub(c.From)%time.Hour != 0
	return c
}

// firesWithin reports whether the schedule fires at a local time between two, which are
// written as if in UTC.
func (c *cron) firesWithin(from, to time.Time) bool {
	for t := from.Truncate(time.Minute); t.Before(to); t = t.Add(time.Minute) {
		if c.has(cronMinute, t.Minute()) && c.has(cronHour, t.Hour()) && c.has(cronMonth, int(t.Month())) && c.onDay(t) {
			return true
		}
	}
	return false
}

// onDay reports whether a day matches: where both day and weekday are restricted, either
// is enough.
func (c *cron) onDay(t time.Time) bool {
	day, weekday := c.has(cronDay, t.Day()), c.has(cronWeekday, int(t.Weekday()))
	if c.star[cronDay] || c.star[cronWeekday] {
		return day && weekday
	}
	return day || weekday
}

func (c *cron) has(field, value int) bool { return c.fields[field]>>value&1 == 1 }
