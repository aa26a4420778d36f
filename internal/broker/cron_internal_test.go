package broker

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// Sunday is 7 as well as 0, spaces do not matter, and what the server takes it gets.
func TestCronAsTheServerReadsIt(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]string{
		"30 2 * * *":                 "0 30 2 * * *",
		"15 30 2 * * *":              "15 30 2 * * *",
		"0 4 * * 7":                  "0 0 4 * * 0",
		"0 4 * * 1,7":                "0 0 4 * * 1,0",
		"0 4 * * 5-7":                "0 0 4 * * 0,5,6",
		"0 4 * * 0-7":                "0 0 4 * * 0,1,2,3,4,5,6",
		"0 4 * * 6-7/1":              "0 0 4 * * 0,6",
		"0 4 * * 1-7/2":              "0 0 4 * * 0,1,3,5",
		"0 4 * * 7-7":                "0 0 4 * * 0",
		"0 4 * * 7/2":                "0 0 4 * * 0",
		"0 4 * * fri-sun":            "0 0 4 * * 0,5,6",
		"0 4 * * FRI-7":              "0 0 4 * * 0,5,6",
		"0 4 * * Sun":                "0 0 4 * * Sun",
		"0 4 * * 5/1":                "0 0 4 * * 5/1",
		"0 4 * jan-MAR,Dec mon":      "0 0 4 * jan-MAR,Dec mon",
		" \t0\t4  *  *\u00a0*\n":     "0 0 4 * * *",
		"*/5  9-17 * * 1-5":          "0 */5 9-17 * * 1-5",
		"0 0 31 * *":                 "0 0 0 31 * *",
		"0 0 29 2 *":                 "0 0 0 29 2 *",
		"0 0 31 2 1":                 "0 0 0 31 2 1", // on the Mondays of February
		"0 0 ? * 1":                  "0 0 0 ? * 1",
		"*/60 */24 * * *":            "0 */60 */24 * * *",
		"@hourly":                    "@hourly",
		"@weekly":                    "@weekly",
		"@every   90s":               "@every 90s",
		"@every 1s":                  "@every 1s",
		"@every 1h30m":               "@every 1h30m",
		"@every 876000h":             "@every 876000h",
		"59 59 23 31 12 6":           "59 59 23 31 12 6",
		"007 04 * * *":               "0 007 04 * * *",
		"0-59/10,5 0-23/23 1-31 * ?": "0 0-59/10,5 0-23/23 1-31 * ?",
	} {
		msg := &nats.Msg{}
		require.NoError(t, ScheduleCron(msg, "q", Normal, expr, ""), "%q", expr)
		require.Equal(t, want, msg.Header.Get(jetstream.ScheduleHeader), "%q", expr)
	}
}

// What the server would refuse with a few words, or take and do otherwise, is refused
// with the field and what it may hold.
func TestCronNamesTheMistake(t *testing.T) {
	t.Parallel()
	for expr, text := range map[string]string{
		"":                             "it has 0 fields",
		"* * * *":                      "it has 4 fields",
		"* * * * * * *":                "it has 7 fields",
		"@at 2030-01-01":               "it has 2 fields",
		"daily":                        "it has 1 fields",
		"60 * * * *":                   `the minute "60": use 0 to 59`,
		"60 * * * * *":                 `the second "60": use 0 to 59`,
		"* 24 * * *":                   `the hour "24": use 0 to 23`,
		"* * 0 * *":                    `the day of the month "0": use 1 to 31`,
		"* * 32 * *":                   `the day of the month "32": use 1 to 31`,
		"* * L * *":                    `the day of the month "L": use 1 to 31`,
		"* * 15W * *":                  `the day of the month "15W"`,
		"* * * 13 *":                   `the month "13": use 1 to 12 or jan to dec`,
		"* * * januar *":               `the month "januar"`,
		"* * * * 8":                    `the weekday "8": use 0 to 7 or sun to sat`,
		"* * * * mon#2":                `the weekday "mon#2"`,
		"*/0 * * * *":                  `the minute "*/0": use a step of 1 to 60`,
		"*/90 * * * *":                 `the minute "*/90": use a step of 1 to 60, or "@every 90m"`,
		"*/-5 * * * *":                 `use a step`,
		"1/2/3 * * * *":                `use a step`,
		"30-10 * * * *":                `the minute "30-10": the range runs backward`,
		"* 22-2 * * *":                 `the hour "22-2": the range runs backward`,
		"* * * nov-feb *":              `the month "nov-feb": the range runs backward`,
		"* * * * sat-mon":              `the range runs backward`,
		"* * * * 5-0":                  `the range runs backward`,
		"1-2-3 * * * *":                `use 0 to 59`,
		"-5 * * * *":                   `use 0 to 59`,
		"+5 * * * *":                   `use 0 to 59`,
		"1,,2 * * * *":                 `use 0 to 59`,
		", * * * *":                    `use 0 to 59`,
		"1.5 * * * *":                  `use 0 to 59`,
		"٣ * * * *":                    `use 0 to 59`,
		"* * * * *x":                   `use 0 to 7`,
		"18446744073709551616 * * * *": `use 0 to 59`,
		"CRON_TZ=UTC 0 2 * * *":        `the second "CRON_TZ=UTC"`,
		"0 0 31 2 *":                   "never fires",
		"0 0 30-31 feb *":              "never fires",
		"0 0 31 4,6,9,11 ?":            "never fires",
		"@reboot":                      "use @yearly",
		"@Daily":                       "use @yearly",
		"@every":                       "use @yearly",
		"@every 0s":                    "whole seconds",
		"@every -1s":                   "whole seconds",
		"@every 1ms":                   "whole seconds",
		"@every 1.2s":                  "whole seconds",
		"@every day":                   "whole seconds",
		"@every 1e400s":                "whole seconds",
		"@every 2562047h":              "before the year 2262",
		"@every 99999999h":             "before the year 2262",
	} {
		err := ScheduleCron(&nats.Msg{}, "q", Normal, expr, "")
		require.ErrorIs(t, err, ErrSchedule, "%q", expr)
		require.ErrorContains(t, err, text, "%q", expr)
		require.NotContains(t, err.Error(), "strconv")
		require.NotContains(t, err.Error(), "\n")
	}
}

// A name that stands for the server's own zone, or is no name, is refused.
func TestCronZone(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "CET", "EST5EDT", "America/Port-au-Prince"} {
		msg := &nats.Msg{}
		require.NoError(t, ScheduleCron(msg, "q", Normal, "0 4 * * *", zone), zone)
		require.Equal(t, zone, msg.Header.Get(jetstream.ScheduleTimeZoneHeader))
	}
	for _, zone := range []string{
		"Local", "local", "localtime", "posixrules", "posix/Europe/Berlin", "right/UTC", "utc", "/etc/localtime", "../UTC", "Europe/../UTC",
		"Europe/", " ", "Europe/Berlin ", "UTC\nNats-Rollup: all", "+02:00", "GMT+2:00", "Z" + strings.Repeat("z", 64), "Zürich",
	} {
		err := ScheduleCron(&nats.Msg{}, "q", Normal, "0 4 * * *", zone)
		require.ErrorIs(t, err, ErrSchedule, "%q", zone)
		require.ErrorContains(t, err, "use a name such as Europe/Berlin")
	}
	require.ErrorContains(t, ScheduleCron(&nats.Msg{}, "q", Normal, "@every 1h", "UTC"), "a period has no time zone")
}

// The days on which a schedule fires twice or not at all are known.
func TestClockChanges(t *testing.T) {
	t.Parallel()
	if _, err := time.LoadLocation("Europe/Berlin"); err != nil {
		t.Fatal("needs the time zones of the system or the Go installation:", err)
	}
	from := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		expr, zone string
		want       []string
	}{
		{"30 2 * * *", "Europe/Berlin", []string{
			"skips 2027-03-28 02:00-03:00", "repeats 2027-10-31 02:00-03:00", "skips 2028-03-26 02:00-03:00", "repeats 2028-10-29 02:00-03:00",
		}},
		{"0 3 * * *", "Europe/Berlin", nil},
		{"0 2 * * *", "Europe/Berlin", []string{
			"skips 2027-03-28 02:00-03:00", "repeats 2027-10-31 02:00-03:00", "skips 2028-03-26 02:00-03:00", "repeats 2028-10-29 02:00-03:00",
		}},
		{"59 1 * * *", "Europe/Berlin", nil},
		{"30 2 * 10 *", "Europe/Berlin", []string{"repeats 2027-10-31 02:00-03:00", "repeats 2028-10-29 02:00-03:00"}},
		{"30 2 * * 1-5", "Europe/Berlin", nil}, // the clock changes on Sundays
		{"30 2 31 * 1", "Europe/Berlin", []string{"repeats 2027-10-31 02:00-03:00"}},
		{"*/10 * * * *", "Europe/Berlin", nil},
		{"@hourly", "Europe/Berlin", nil},
		{"@daily", "Europe/Berlin", nil},
		{"@every 1h", "", nil},
		{"30 2 * * *", "UTC", nil},
		{"30 2 * * *", "", nil},
		{"30 2 * * *", "Asia/Tokyo", nil},
		{"30 2 * * *", "Atlantis/Capital", nil},
		{"30 1 * 11 *", "America/New_York", []string{"repeats 2027-11-07 01:00-02:00", "repeats 2028-11-05 01:00-02:00"}},
		{"0 12 * 4 *", "Australia/Lord_Howe", []string{ // by half an hour
			"repeats 2027-04-04 01:30-02:00 uneven", "skips 2027-10-03 02:00-02:30 uneven",
			"repeats 2028-04-02 01:30-02:00 uneven", "skips 2028-10-01 02:00-02:30 uneven",
		}},
		{"@daily", "Africa/Cairo", []string{ // at midnight
			"skips 2027-04-30 00:00-01:00 uneven", "repeats 2027-10-28 23:00-00:00 uneven",
			"skips 2028-04-28 00:00-01:00 uneven", "repeats 2028-10-26 23:00-00:00 uneven",
		}},
	} {
		var got []string
		for _, c := range ClockChanges(test.expr, test.zone, from) {
			text := "repeats "
			if c.Skips {
				text = "skips "
			}
			text += c.From.Format("2006-01-02 15:04-") + c.To.Format("15:04")
			if c.Uneven {
				text += " uneven"
			}
			got = append(got, text)
		}
		require.Equal(t, test.want, got, "%s %s", test.expr, test.zone)
	}
}
