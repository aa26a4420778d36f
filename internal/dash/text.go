package dash

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/jsonvalue"
)

// mostText bounds what is shown of one text, in bytes.
const mostText = 8 << 10

// plain makes a text from anywhere fit to be shown: what would not be seen, or would
// turn the order of letters around, is replaced.
func plain(text string) string {
	if len(text) > mostText {
		cut := text[:mostText]
		for len(cut) > 0 && !utf8.RuneStart(text[len(cut)]) {
			cut = cut[:len(cut)-1]
		}
		text = cut + "… (" + bytesOf(uint64(len(text))) + " in all)"
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == '\u2028', r == '\u2029':
			return utf8.RuneError
		}
		return r
	}, text)
}

// short gives the first line of a text, of at most most characters.
func short(most int, text string) string {
	line, _, more := strings.Cut(strings.TrimSpace(text), "\n")
	if runes := []rune(line[:min(len(line), 4*most)]); len(runes) > most {
		line, more = string(runes[:most]), true
	}
	if more {
		line += "…"
	}
	return plain(line)
}

// value gives an encoded argument or result as JSON; what is none in base64.
func value(encoded []byte) string {
	if len(encoded) == 0 {
		return ""
	}
	if raw, err := codec.Value[msgpack.RawMessage](encoded); err == nil {
		if text, err := jsonvalue.Append(nil, raw); err == nil {
			return string(text)
		}
	}
	return "base64: " + base64.StdEncoding.EncodeToString(encoded[:min(len(encoded), mostText)])
}

// count gives a number with commas.
func count[T int | int64 | uint64](n T) string {
	digits := strconv.FormatInt(int64(n), 10)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// duration gives a duration with as many digits as matter.
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

// age gives the time since t in its largest unit, and "–" of the zero time.
func age(t time.Time) string {
	d := max(time.Since(t), 0)
	switch {
	case t.IsZero():
		return "–"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d d", d/(24*time.Hour))
}

// bytesOf gives a size in its largest unit.
func bytesOf(n uint64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	size, units := float64(n)/1024, []string{"KiB", "MiB", "GiB", "TiB"}
	for size >= 1024 && len(units) > 1 {
		size, units = size/1024, units[1:]
	}
	return fmt.Sprintf("%.1f %s", size, units[0])
}

// words makes of a code such as "worker_died" what a reader reads.
func words[T ~string](code T) string { return strings.ReplaceAll(plain(string(code)), "_", " ") }
