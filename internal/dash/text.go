package dash

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/jsonvalue"
	"github.com/musterfleet/muster/internal/text"
)

// maxText bounds what is shown of one text, in bytes.
const maxText = 8 << 10

// plain makes a text from anywhere fit to be shown: what would not be seen, or would
// turn the order of letters around, is replaced.
func plain(shown string) string {
	if len(shown) > maxText {
		cut := shown[:maxText]
		for len(cut) > 0 && !utf8.RuneStart(shown[len(cut)]) {
			cut = cut[:len(cut)-1]
		}
		shown = cut + "… (" + text.Bytes(uint64(len(shown))) + " in all)"
	}
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && text.Hidden(r) {
			return utf8.RuneError
		}
		return r
	}, shown)
}

// short returns the first line of a text, of at most most characters.
func short(long string, most int) string { return plain(text.Short(long, most)) }

// value returns an encoded argument or result as JSON; what is none in base64.
func value(encoded []byte) string {
	if len(encoded) == 0 {
		return ""
	}
	if raw, err := codec.Value[msgpack.RawMessage](encoded); err == nil {
		if shown, err := jsonvalue.Append(nil, raw); err == nil {
			return string(shown)
		}
	}
	return "base64: " + base64.StdEncoding.EncodeToString(encoded[:min(len(encoded), maxText)])
}

// duration returns a duration with as many digits as matter.
func duration(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < 10*time.Microsecond:
		return fmt.Sprintf("%.1f µs", float64(d)/float64(time.Microsecond))
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d/time.Microsecond)
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d/time.Millisecond)
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

// age returns the time since t in its largest unit, and "–" of the zero time.
func age(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return text.Age(t, time.Now())
}

// words makes of a code such as "worker_died" what a reader reads.
func words[T ~string](code T) string { return strings.ReplaceAll(plain(string(code)), "_", " ") }
