package codec

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"strconv"
	"strings"
)

// ID names one task: the client that submitted it, and the client's own number
// for it. It is unique among all clients that ever were.
type ID struct {
	Client string
	N      uint64
}

var clientEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewClientID makes a client's name: 80 random bits as 16 lower-case letters
// and digits, fit for a token of a NATS subject.
func NewClientID() string {
	var b [10]byte
	rand.Read(b[:]) // never fails since Go 1.24
	return clientEncoding.EncodeToString(b[:])
}

// maxGroup bounds a group's name, in bytes.
const maxGroup = 32

// ValidGroup reports whether name may name a group of clients: 1 to 32 lower-case
// letters and digits. The names of a group's clients begin with it and a dot, as
// "billing.k3xf9mq2l7zt4b6c" does, so that it is a token of its own in their
// subjects, for which a broker's permissions can be given. A few words that stand
// there for something else name no group.
func ValidGroup(name string) bool {
	return len(name) <= maxGroup && validToken(name) && !reserved(name)
}

// NewClientIDIn makes the name of a client of a group; of none if that is empty.
func NewClientIDIn(group string) string {
	if group == "" {
		return NewClientID()
	}
	return group + "." + NewClientID()
}

// String returns the id as text, such as "k3xf9mq2l7zt4b6c-42".
func (id ID) String() string { return id.Client + "-" + strconv.FormatUint(id.N, 10) }

// ParseID reads what String wrote. Its error wraps [ErrMalformed].
func ParseID(s string) (ID, error) {
	client, number, ok := strings.Cut(s, "-")
	n, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil || !validClient(client) {
		return ID{}, fmt.Errorf("%w: %.160q is not a task id such as k3xf9mq2l7zt4b6c-42", ErrMalformed, s)
	}
	return ID{Client: client, N: n}, nil
}

// validClient reports whether a client's name can be a token of a subject, or two
// if it has a group, so that a hostile message cannot direct an outcome to somebody
// else's.
func validClient(s string) bool {
	if len(s) > MaxName {
		return false
	}
	if group, name, ok := strings.Cut(s, "."); ok {
		return ValidGroup(group) && validToken(name)
	}
	return validToken(s) && !reserved(s)
}

// reserved reports whether a token stands for something else in subjects where
// others have a client's name.
func reserved(token string) bool { return token == "cron" || token == "unread" }

func validToken(s string) bool {
	if s == "" {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
