package broker

import (
	"fmt"
	"strings"
	"time"
)

// AckInfo is what the acknowledgement subject of a delivery tells about it.
type AckInfo struct {
	Stream, Consumer string
	Delivered        uint64    // deliveries of this message so far, this one included
	StreamSeq        uint64    // the message's place in the stream
	ConsumerSeq      uint64    // the delivery's number at the consumer
	Stored           time.Time // when the stream stored the message
	Pending          uint64    // messages waiting behind this one, when it was sent
}

// ParseAck reads the acknowledgement subject of a delivery, its reply subject,
// in both forms that servers use:
//
//	$JS.ACK.<stream>.<consumer>.<delivered>.<sseq>.<cseq>.<time>.<pending>
//	$JS.ACK.<domain>.<account>.<stream>.<consumer>.<delivered>.<sseq>.<cseq>.<time>.<pending>[.<random>]
//
// It allocates nothing; the strings share subject's memory. The error is
// [ErrAckSubject].
func ParseAck(subject string) (AckInfo, error) {
	rest, ok := strings.CutPrefix(subject, "$JS.ACK.")
	if !ok {
		return AckInfo{}, badAck(subject)
	}
	switch tokens := strings.Count(rest, ".") + 1; {
	case tokens == 7:
	case tokens >= 9: // later servers may append more
		_, rest, _ = strings.Cut(rest, ".")
		_, rest, _ = strings.Cut(rest, ".")
	default:
		return AckInfo{}, badAck(subject)
	}
	var info AckInfo
	info.Stream, rest, _ = strings.Cut(rest, ".")
	info.Consumer, rest, _ = strings.Cut(rest, ".")
	ok = info.Stream != "" && info.Consumer != ""
	var stored uint64
	for _, field := range [...]*uint64{&info.Delivered, &info.StreamSeq, &info.ConsumerSeq, &stored, &info.Pending} {
		var token string
		token, rest, _ = strings.Cut(rest, ".")
		n, digits := parseDigits(token)
		*field, ok = n, ok && digits
	}
	if !ok {
		return AckInfo{}, badAck(subject)
	}
	info.Stored = time.Unix(0, int64(stored))
	return info, nil
}

func badAck(subject string) error { return fmt.Errorf("%w: %.200q", ErrAckSubject, subject) }

// parseDigits reads a decimal number of at most 20 digits. Unlike strconv it
// neither allocates nor accepts signs.
func parseDigits(s string) (n uint64, ok bool) {
	if s == "" || len(s) > 20 {
		return 0, false
	}
	for i := 0; i < len(s); i++ {
		d := s[i] - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + uint64(d)
	}
	return n, true
}
