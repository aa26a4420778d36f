package codec

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// A sealed value is
//
//	kind (1 byte), length of the key's id (1 byte), key's id, nonce or none, the rest
//
// where the rest is the ciphertext with its tag, or the value behind its signature.
// Bound to it are all that comes before, the func's name, and whether the value is an
// argument, a result or an error.
const (
	kindEncrypted = 1
	kindSigned    = 2
)

// WithEncryption has a func's arguments, results and error values encrypted, so that
// neither the broker nor anybody who reads its disk or its network sees them, and so
// that what was not made with one of the keys is refused with [ErrDecode]. The first
// key seals; each opens. So a key is replaced in three steps: every program gets the
// new one as a further key, then as its first one, and then the old one is left out
// once nothing sealed with it waits.
//
// A value is bound to its func, and to being argument, result or error: it cannot
// stand in for another kind. It is not bound to its task, which has no number yet when
// its argument is sealed: whoever may write to the broker can replace a value with an
// earlier one of the same func and kind. The names of funcs and the message, type and
// stack of an error are sent as plain text. A value becomes 42 bytes longer, and the
// key's id.
//
// The cipher is XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha), with random nonces.
func WithEncryption(keys ...Key) FuncOption {
	return func(s *Spec) {
		ciphers := map[string]cipher.AEAD{}
		for _, k := range s.usable("encryption", keys) {
			c, err := chacha20poly1305.NewX(k.derive("muster: encryption"))
			if err != nil { // of the length alone, which is right
				panic(err)
			}
			ciphers[k.ID] = c
		}
		if len(ciphers) == 0 {
			return
		}
		first := keys[0].ID
		s.transforms = append(s.transforms, transform{
			seal: func(of purpose, data []byte) ([]byte, error) {
				c := ciphers[first]
				out := make([]byte, 0, 2+len(first)+c.NonceSize()+len(data)+c.Overhead())
				out = appendHead(out, kindEncrypted, first)
				head := len(out)
				out = out[:head+c.NonceSize()]
				rand.Read(out[head:]) // never fails since Go 1.24
				return c.Seal(out, out[head:], data, s.bound(of, out[:head])), nil
			},
			open: func(of purpose, data []byte) ([]byte, error) {
				id, head, rest, err := readHead(kindEncrypted, data)
				if err != nil {
					return nil, err
				}
				c, ok := ciphers[id]
				switch {
				case !ok:
					return nil, fmt.Errorf("no key with the id %q", id)
				case len(rest) < c.NonceSize():
					return nil, errCut
				}
				nonce, sealed := rest[:c.NonceSize()], rest[c.NonceSize():]
				plain, err := c.Open(sealed[:0], nonce, sealed, s.bound(of, head))
				if err != nil {
					return nil, fmt.Errorf("%w with key %q", errForged, id)
				}
				return plain, nil
			},
		})
	}
}

// WithSignature is [WithEncryption] without secrecy: values can be read by anybody,
// and made by whoever has one of the keys alone. The signature is HMAC-SHA256. A value
// becomes 34 bytes longer, and the key's id.
func WithSignature(keys ...Key) FuncOption {
	return func(s *Spec) {
		secrets := map[string][]byte{}
		for _, k := range s.usable("signature", keys) {
			secrets[k.ID] = k.derive("muster: signature")
		}
		if len(secrets) == 0 {
			return
		}
		first := keys[0].ID
		sign := func(of purpose, id string, head, data []byte) []byte {
			mac := hmac.New(sha256.New, secrets[id])
			mac.Write(s.bound(of, head))
			mac.Write(data)
			return mac.Sum(nil)
		}
		s.transforms = append(s.transforms, transform{
			seal: func(of purpose, data []byte) ([]byte, error) {
				out := make([]byte, 0, 2+len(first)+sha256.Size+len(data))
				out = appendHead(out, kindSigned, first)
				out = append(out, sign(of, first, out, data)...)
				return append(out, data...), nil
			},
			open: func(of purpose, data []byte) ([]byte, error) {
				id, head, rest, err := readHead(kindSigned, data)
				switch {
				case err != nil:
					return nil, err
				case secrets[id] == nil:
					return nil, fmt.Errorf("no key with the id %q", id)
				case len(rest) < sha256.Size:
					return nil, errCut
				}
				signature, data := rest[:sha256.Size], rest[sha256.Size:]
				if !hmac.Equal(signature, sign(of, id, head, data)) {
					return nil, fmt.Errorf("%w with key %q", errForged, id)
				}
				return data, nil
			},
		})
	}
}

var (
	errCut    = errors.New("the sealed value is cut short")
	errForged = errors.New("the value was changed, or is not one of this func's, or was not sealed")
)

// usable returns the keys, and none if one of them cannot be used.
func (s *Spec) usable(option string, keys []Key) []Key {
	if len(keys) == 0 {
		s.refuse("%s without a key", option)
	}
	seen := map[string]bool{}
	for _, k := range keys {
		if err := k.check(); err != nil {
			s.refuse("%s: %w", option, err)
			return nil
		}
		if seen[k.ID] {
			s.refuse("%s: two keys with the id %q", option, k.ID)
			return nil
		}
		seen[k.ID] = true
	}
	return keys
}

// bound is what a value is bound to. No func's name has a zero byte.
func (s *Spec) bound(of purpose, head []byte) []byte {
	out := make([]byte, 0, len(head)+len(s.name)+2)
	out = append(out, head...)
	out = append(out, s.name...)
	return append(out, 0, byte(of))
}

func appendHead(dst []byte, kind byte, id string) []byte {
	return append(append(dst, kind, byte(len(id))), id...)
}

func readHead(kind byte, data []byte) (id string, head, rest []byte, err error) {
	if len(data) < 2 || data[0] != kind {
		return "", nil, nil, errors.New("the value is not sealed, or otherwise than here")
	}
	n := 2 + int(data[1])
	if len(data) < n {
		return "", nil, nil, errCut
	}
	return string(data[2:n]), data[:n], data[n:], nil
}
