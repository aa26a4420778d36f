package broker

import (
	"crypto/sha256"
	"encoding/hex"
)

// MessageID returns the id for a message that stores again a part of what was
// delivered: it names what that is for, the delivery by its acknowledgement
// subject, and the content. So the same part is stored once however often that is
// tried, and another part never passes for it, even where a broker that was killed
// gives out the same delivery again.
func MessageID(use, ack string, data []byte) string {
	sum := sha256.Sum256(data)
	return use + "." + ack + "." + hex.EncodeToString(sum[:8])
}
