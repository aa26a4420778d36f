package relay

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever a process sends reads as commands up to some point, each within its bounds.
func FuzzCommands(f *testing.F) {
	for _, seed := range []string{
		"CONNECT {}\r\nPING\r\nPONG\r\n", "PUB a 1\r\nx\r\n", "PUB a b 0\r\n\r\n", "SUB a 1\r\nSUB a q 2\r\nUNSUB 1\r\nUNSUB 2 5\r\n",
		"HPUB a 17 18\r\nNATS/1.0\r\nA: b\r\n\r\nx\r\n", "HPUB a r 12 12\r\nNATS/1.0\r\n\r\n\r\n", "PUB a 99999999999\r\n",
	} {
		f.Add([]byte(seed))
	}
	const maxPayload = 1 << 10
	f.Fuzz(func(t *testing.T, data []byte) {
		r := newReader(bytes.NewReader(data), maxPayload)
		for {
			cmd, err := r.next()
			if err != nil {
				return
			}
			require.LessOrEqual(t, len(cmd.data), maxPayload)
			require.GreaterOrEqual(t, cmd.max, 0)
			for _, word := range []string{cmd.subject, cmd.reply, cmd.queue, cmd.sid} {
				require.NotContains(t, word, " ")
				require.NotContains(t, word, "\n")
			}
			require.Equal(t, cmd.verb == verbPublish || cmd.verb == verbSubscribe, cmd.subject != "")
		}
	})
}
