package main

import (
	"strings"
	"testing"
)

// A time, a period or a count out of range is bad usage, named by its flag and without
// the parser's own words, before a broker is asked.
func TestFlagsOutOfRange(t *testing.T) {
	t.Parallel()
	for line, text := range map[string]string{
		"submit echo --delay 2064500h":              "--delay 2064500h0m0s: a delay of 2064500h0m0s ends in the year 2262; the latest time is 2261-12-31",
		"submit echo --delay 2562047h47m16s":        "the latest time is 2261-12-31",
		"submit echo --delay 0s":                    "--delay 0s",
		"submit echo --delay -1s":                   "--delay -1s",
		"submit echo --delay 1e400":                 `--delay "1e400": use a time such as 90s`,
		"submit echo --delay 9999999h":              `--delay "9999999h": use a time such as 90s or 1h30m, at most 2562047h`,
		"submit echo --delay NaN":                   `--delay "NaN": use a time such as 90s`,
		"submit echo --delay 5":                     `--delay "5": use a time such as 90s`,
		"submit echo --deadline 2562047h":           "the latest time is 2261-12-31",
		"submit echo --deadline 0s":                 "--deadline 0s",
		"submit echo --limit 8761h":                 "--limit 8761h0m0s: a time limit of 8761h0m0s; use more than 0s and at most 8760h0m0s",
		"map echo --timeout 2562047h":               "--timeout 2562047h0m0s: a time limit",
		"submit echo --retries 9223372036854775807": "--retries 9223372036854775807: use 0 to 1048575",
		"submit echo --retries 9223372036854775808": `--retries "9223372036854775808": use a whole number`,
		"submit echo --retries 1048576":             "use 0 to 1048575",
		"submit echo --retries 1e400":               `--retries "1e400": use a whole number`,
		"submit echo --retries -1":                  "--retries -1: use 0 to 1048575",
		"submit echo --attempts 1048577":            "--attempts 1048577: an error budget of 1048577 attempts; use 1 to 1048576",
		"submit echo --attempts 1.5":                `--attempts "1.5": use a whole number`,
		"map echo --crashes 9223372036854775807":    "--crashes 9223372036854775807: a crash budget",
		"submit echo --attempts 2 --backoff 11m":    "--backoff 11m0s: a backoff of 11m0s; use more than 0s and at most 10m0s",
		"submit echo --backoff 0s":                  "--backoff 0s",
		"submit echo --retain 999ms":                "--retain 999ms: an outcome kept for 999ms; use 1s to 168h0m0s",
		"submit echo --retain 169h":                 "use 1s to 168h0m0s",
		"submit echo --detach --retain 0s":          "--retain 0s",
		"submit echo --detach --retain -1h":         "--retain -1h0m0s",
		"result a-1 --timeout -1s":                  "--timeout -1s",
		"result a-1 --timeout x":                    `--timeout "x": use a time such as 90s`,
		"worker --processes 9223372036854775807":    "9223372036854775807 worker processes",
		"worker --processes 1e3":                    `--processes "1e3": use a whole number`,
		"worker --max-tasks many":                   `--max-tasks "many": use a whole number`,
		"worker --idle-timeout -1s":                 "may be negative",
		"worker --max-memory 1e400":                 "bytes like 512MiB",
		"worker --max-memory NaN":                   "bytes like 512MiB",
		"worker --memory-limit -1":                  "bytes like 512MiB",
		"worker --max-value 9223372036854775808":    "bytes like 512MiB",
		"bench --for 9999999h":                      `--for "9999999h": use a time`,
		"bench --for -1s":                           "--for -1s",
		"queue purge q --yes=perhaps":               `--yes "perhaps": use true or false`,
		"host resize h 9223372036854775808":         "use 1 or more",
		"host kill h 9223372036854775808":           "is not a process id",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			run(t, nil, strings.Fields(line)...).requireFailure(t, 2, text)
		})
	}
}
