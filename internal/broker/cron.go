package broker

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// cron is a schedule's expression as the server takes it.
type cron struct {
	text   string
	fields [6]uint64 // values that match, as bits: second, minute, hour, day, month, weekday; none of a period
	star   [6]bool   // the field matches everything because it says so
}

// Indexes of a cron's fields.
const (
	cronMinute = iota + 1
	cronHour
	cronDay
	cronMonth
	cronWeekday
)

// cronField says what one field of an expression may hold.
type cronField struct {
	name     string
	min, max uint64
	names    []string // of the values, from min on
}

var cronFields = [6]cronField{
	{name: "second", max: 59},
	{name: "minute", max: 59},
	{name: "hour", max: 23},
	{name: "day of the month", min: 1, max: 31},
	{name: "month", min: 1, max: 12, names: []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{name: "weekday", max: 6, names: []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

// namedCrons are the expressions that the server knows by a name.
var namedCrons = map[string]string{
	"@yearly": "0 0 0 1 1 *", "@annually": "0 0 0 1 1 *", "@monthly": "0 0 0 1 * *", "@weekly": "0 0 0 * * 0",
	"@daily": "0 0 0 * * *", "@midnight": "0 0 0 * * *", "@hourly": "0 0 * * * *",
}

// parseCron reads an expression, and writes it as the server reads it. The error wraps
// [ErrSchedule] and names the field.
func parseCron(expr string) (c cron, err error) {
	words := strings.Fields(expr)
	expr = strings.Join(words, " ")
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w %.80q: %w", ErrSchedule, expr, err)
		}
	}()
	if period, ok := strings.CutPrefix(expr, "@every "); ok {
		c.text = expr
		return c, checkEvery(period)
	}
	if len(words) == 1 && strings.HasPrefix(expr, "@") {
		fields, known := namedCrons[expr]
		if !known {
			return c, fmt.Errorf("use @yearly, @monthly, @weekly, @daily, @hourly or \"@every 90s\"")
		}
		c, err = parseCron(fields)
		c.text = expr
		return c, err
	}
	switch len(words) {
	case 5:
		words = append([]string{"0"}, words...)
	case 6:
	default:
		return c, fmt.Errorf("it has %d fields; use five (minute hour day month weekday), or six with seconds first", len(words))
	}
	for i, word := range words {
		if words[i], err = c.field(i, word); err != nil {
			return c, fmt.Errorf("the %s %.40q: %w", cronFields[i].name, word, err)
		}
	}
	c.text = strings.Join(words, " ")
	if c.never() {
		return c, fmt.Errorf("no such day exists, so it never fires")
	}
	return c, nil
}

// checkEvery refuses a period that the server would round, or for which its clock is too
// short.
func checkEvery(text string) error {
	period, err := time.ParseDuration(text)
	if err != nil || period < time.Second || period%time.Second != 0 || time.Now().Add(period).After(LatestTime) {
		return fmt.Errorf("use a period of whole seconds such as \"@every 90s\" or \"@every 12h\", at least 1s, that ends before the year %d", LatestTime.Year()+1)
	}
	return nil
}

// field reads a field, and returns it as the server reads it.
func (c *cron) field(i int, text string) (string, error) {
	parts := strings.Split(text, ",")
	for at, part := range parts {
		bits, star, err := cronFields[i].part(part)
		if err != nil {
			return "", err
		}
		if bits>>7 == 1 && i == cronWeekday { // Sunday, which is 0 at the server
			bits = bits&^(1<<7) | 1
			parts[at] = valuesOf(bits)
		}
		c.fields[i] |= bits
		c.star[i] = c.star[i] || star
	}
	return strings.Join(parts, ","), nil
}

// part reads one part of a field: a value or a range, each perhaps with a step.
func (f *cronField) part(text string) (bits uint64, star bool, err error) {
	base, stepText, stepped := strings.Cut(text, "/")
	step := uint64(1)
	if stepped {
		step, err = strconv.ParseUint(stepText, 10, 8)
		if err != nil || step < 1 || step > f.max+1 {
			return 0, false, fmt.Errorf("use a step of 1 to %d, or \"@every 90m\" for another period", f.max+1)
		}
	}
	low, high := f.min, f.max
	if star = base == "*" || base == "?"; !star {
		if low, high, err = f.bounds(base, stepped); err != nil {
			return 0, false, err
		}
	}
	for v := low; v <= high; v += step {
		bits |= 1 << v
	}
	return bits, star && step == 1, nil
}

// bounds reads a value or a range. A value with a step means from there to the end.
func (f *cronField) bounds(text string, stepped bool) (low, high uint64, err error) {
	from, to, ranged := strings.Cut(text, "-")
	if low, err = f.value(from); err != nil {
		return 0, 0, err
	}
	switch {
	case ranged:
		if high, err = f.value(to); err != nil {
			return 0, 0, err
		}
		if low > high && strings.EqualFold(to, "sun") {
			high = 7
		}
	case stepped:
		high = max(low, f.max)
	default:
		high = low
	}
	if low > high {
		return 0, 0, fmt.Errorf("the range runs backward; write it as two, with a comma")
	}
	return low, high, nil
}

// value reads a number or a name. 7 is Sunday, as 0 is.
func (f *cronField) value(text string) (uint64, error) {
	for i, name := range f.names {
		if strings.EqualFold(text, name) {
			return f.min + uint64(i), nil
		}
	}
	most := f.max
	if f.name == cronFields[cronWeekday].name {
		most = 7
	}
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil || v < f.min || v > most {
		named := ""
		if f.names != nil {
			named = fmt.Sprintf(" or %s to %s", f.names[0], f.names[len(f.names)-1])
		}
		return 0, fmt.Errorf("use %d to %d%s, with * , - and /", f.min, most, named)
	}
	return v, nil
}

// valuesOf lists the values of bits.
func valuesOf(bits uint64) string {
	var all []string
	for v := range 64 {
		if bits>>v&1 == 1 {
			all = append(all, strconv.Itoa(v))
		}
	}
	return strings.Join(all, ",")
}

// never reports whether there is no day that matches, such as February 31.
func (c *cron) never() bool {
	if !c.star[cronWeekday] {
		return false // some weekday matches, alone or on every day
	}
	for month := uint64(1); month <= 12; month++ {
		days := time.Date(2024, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day() // a leap year
		if c.fields[cronMonth]>>month&1 == 1 && c.fields[cronDay]&(1<<(days+1)-1) != 0 {
			return false
		}
	}
	return true
}

// zoneName is what a time zone's name looks like. Those that begin in lower case, such
// as localtime, are files of the server's and no zones.
var zoneName = regexp.MustCompile(`^[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$`)

// checkZone refuses what is no name of a time zone, or that of the server's own. Which
// zones exist the server knows.
func checkZone(zone string) error {
	if zone == "Local" || len(zone) > 64 || !zoneName.MatchString(zone) {
		return fmt.Errorf("%w: the time zone %.80q: use a name such as Europe/Berlin or UTC", ErrSchedule, zone)
	}
	return nil
}
