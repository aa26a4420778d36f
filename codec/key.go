package codec

import (
	"bufio"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
)

// KeySize is the length of a key's secret, in bytes.
const KeySize = 32

// Key is a secret that clients and worker hosts share, and that the broker does not
// know. Its id goes with each value, so that several keys can be in use while one
// replaces another. It prints without its secret, as JSON too, which logs are made of.
type Key struct {
	ID     string // 1 to 64 bytes
	Secret []byte `json:"-"` // KeySize random bytes
}

// NewKey makes a key with a random secret.
func NewKey(id string) Key {
	k := Key{ID: id, Secret: make([]byte, KeySize)}
	rand.Read(k.Secret) // never fails since Go 1.24
	return k
}

// ParseKeys reads keys, as they may stand in a file: each on a line of its own, its
// id, a space, and its secret in base64. Empty lines and those that begin with # do
// not count. The error wraps [ErrOption], and does not tell what stands in the line.
func ParseKeys(text string) ([]Key, error) {
	var keys []Key
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, encoded, _ := strings.Cut(line, " ")
		secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
		key := Key{ID: id, Secret: secret}
		if err == nil {
			err = key.check()
		}
		if err != nil {
			return nil, fmt.Errorf("%w: line %d is no key: use an id and %d bytes in base64", ErrOption, n, KeySize)
		}
		keys = append(keys, key)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: reading keys: %w", ErrOption, err)
	}
	return keys, nil
}

// Text returns the key as ParseKeys reads it, secret and all.
func (k Key) Text() string { return k.ID + " " + base64.StdEncoding.EncodeToString(k.Secret) }

// String returns the key's id.
func (k Key) String() string { return "key " + k.ID }

// GoString is String, so that no way of printing shows the secret.
func (k Key) GoString() string { return k.String() }

const maxKeyID = 64

func (k Key) check() error {
	switch {
	case k.ID == "" || len(k.ID) > maxKeyID:
		return fmt.Errorf("a key's id has 1 to %d bytes, not %d", maxKeyID, len(k.ID))
	case len(k.Secret) != KeySize:
		return fmt.Errorf("the secret of %v has %d bytes; use %d", k, len(k.Secret), KeySize)
	}
	return nil
}

// derive makes the key for one use of k, so that no secret serves two.
func (k Key) derive(use string) []byte {
	derived, err := hkdf.Key(sha256.New, k.Secret, nil, use, KeySize)
	if err != nil { // of lengths alone, which are right
		panic(err)
	}
	return derived
}
