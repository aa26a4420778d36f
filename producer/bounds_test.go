package producer_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

// latest is the last instant that an option takes.
var latest = time.Date(2261, 12, 31, 23, 59, 59, 999_999_999, time.UTC)

// A time, a period or a count that the wire or the server cannot carry is refused with
// the range, and everything within the range is taken.
func TestOptionsOutOfRange(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for name, test := range map[string]struct {
		option producer.CallOption
		text   string // empty: it is taken
	}{
		"at the last instant":          {producer.At(latest), ""},
		"at after the last instant":    {producer.At(latest.Add(1)), "2261-12-31"},
		"at where nanoseconds end":     {producer.At(time.Unix(0, math.MaxInt64)), "2261-12-31"},
		"at past nanoseconds":          {producer.At(time.Date(2262, 4, 12, 0, 0, 0, 0, time.UTC)), "2261-12-31"},
		"at in the year 9999":          {producer.At(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)), "2261-12-31"},
		"at in the year 10000":         {producer.At(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)), "2261-12-31"},
		"at a far zone's last instant": {producer.At(latest.In(time.FixedZone("", 14*3600))), ""},
		"at no time":                   {producer.At(time.Time{}), "zero time"},
		"at long past":                 {producer.At(time.Date(-5000, 1, 1, 0, 0, 0, 0, time.UTC)), ""},
		"at the beginning of Unix":     {producer.At(time.Unix(0, 0)), ""},

		"no delay":          {producer.Delay(0), ""},
		"negative delay":    {producer.Delay(-1), "0s or more"},
		"least delay":       {producer.Delay(math.MinInt64), "0s or more"},
		"delay of 200 y":    {producer.Delay(200 * 365 * day), ""},
		"delay past 2262":   {producer.Delay(2_064_500 * time.Hour), "2261-12-31"},
		"the longest delay": {producer.Delay(math.MaxInt64), "2261-12-31"},

		"deadline at the last instant":    {producer.Deadline(latest), ""},
		"deadline after the last instant": {producer.Deadline(latest.Add(1)), "2261-12-31"},
		"deadline in the far future":      {producer.Deadline(time.Unix(1<<55, 0)), "2261-12-31"},
		"deadline that has passed":        {producer.Deadline(time.Unix(-1<<55, 0)), ""},
		"no deadline":                     {producer.Deadline(time.Time{}), ""},

		"no limit":          {producer.Limit(0), "at most 8760h0m0s"},
		"negative limit":    {producer.Limit(-1), "at most 8760h0m0s"},
		"the least limit":   {producer.Limit(1), ""},
		"the longest limit": {producer.Limit(codec.MaxLimit), ""},
		"limit too long":    {producer.Limit(codec.MaxLimit + 1), "at most 8760h0m0s"},
		"limit far too long": {producer.Limit(math.MaxInt64),
			"at most 8760h0m0s"},

		"no backoff":          {producer.Backoff(0), "at most 10m0s"},
		"negative backoff":    {producer.Backoff(math.MinInt64), "at most 10m0s"},
		"the least backoff":   {producer.Backoff(1), ""},
		"the longest backoff": {producer.Backoff(10 * time.Minute), ""},
		"backoff too long":    {producer.Backoff(10*time.Minute + 1), "at most 10m0s"},

		"retained for less than a second": {producer.Retain(time.Second - 1), "1s to 168h0m0s"},
		"retained for a second and a bit": {producer.Retain(1500 * time.Millisecond), ""},
		"retained for a week":             {producer.Retain(producer.MaxRetain), ""},
		"retained for more than a week":   {producer.Retain(producer.MaxRetain + 1), "1s to 168h0m0s"},
		"retained without end":            {producer.Retain(math.MaxInt64), "1s to 168h0m0s"},

		"no attempts":        {producer.Attempts(0), "1 to 1048576"},
		"negative attempts":  {producer.Attempts(math.MinInt), "1 to 1048576"},
		"most attempts":      {producer.Attempts(codec.MaxAttempts), ""},
		"too many attempts":  {producer.Attempts(codec.MaxAttempts + 1), "1 to 1048576"},
		"countless attempts": {producer.Attempts(math.MaxInt), "1 to 1048576"},
		"no crashes":         {producer.Crashes(0), "1 to 1048576"},
		"most crashes":       {producer.Crashes(codec.MaxAttempts), ""},
		"too many crashes":   {producer.Crashes(codec.MaxAttempts + 1), "1 to 1048576"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broker := &fake{}
			c := connect(t, broker)
			require.Equal(t, test.text == "", producer.CheckOptions(test.option) == nil)
			_, err := producer.Submit(t.Context(), c, double, 1, test.option)
			if test.text == "" {
				require.NoError(t, err)
				require.Len(t, broker.sent(), 1)
				return
			}
			require.ErrorIs(t, err, producer.ErrOption)
			require.ErrorContains(t, err, test.text)
			require.Empty(t, broker.sent())
		})
	}
}

// A deadline that no wire can carry has passed, and stays passed.
func TestDeadlineLongPast(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	c := connect(t, broker)
	submit(t, c, 1, producer.Deadline(time.Unix(-1<<55, 0)))
	deadline := broker.sent()[0].tasks[0].Deadline
	require.False(t, deadline.IsZero())
	require.True(t, deadline.Before(time.Now()))
}
