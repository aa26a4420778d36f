package builtin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/musterfleet/muster/codec"
)

// SHA256 returns the SHA-256 of a string's bytes, in hexadecimal.
var SHA256 = codec.NewFunc[string, string]("sha256")

func sum256(_ context.Context, s string) (string, error) {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:]), nil
}
