package peer

import (
	"encoding/binary"
	"errors"
	"time"
)

// Task is what worker processes run. It says nothing to the peer that carries
// it.
type Task struct {
	N      uint64        `msgpack:"n"`
	Client uint64        `msgpack:"c"` // who waits for the outcome, where the peer does not know
	Spin   uint64        `msgpack:"s"` // iterations
	Sleep  time.Duration `msgpack:"w"`
	Data   []byte        `msgpack:"d"`
}

// run does the task and returns its outcome.
func (t Task) run() uint64 {
	spin(t.Spin)
	if t.Sleep > 0 {
		time.Sleep(t.Sleep)
	}
	return t.outcome()
}

func (t Task) outcome() uint64 { return t.N + uint64(len(t.Data)) }

const taskHeader = 4 * 8

// encode is for the peers that carry bytes.
func (t Task) encode() []byte {
	b := make([]byte, 0, taskHeader+len(t.Data))
	b = binary.LittleEndian.AppendUint64(b, t.N)
	b = binary.LittleEndian.AppendUint64(b, t.Client)
	b = binary.LittleEndian.AppendUint64(b, t.Spin)
	b = binary.LittleEndian.AppendUint64(b, uint64(t.Sleep))
	return append(b, t.Data...)
}

func decodeTask(b []byte) (Task, error) {
	if len(b) < taskHeader {
		return Task{}, errors.New("peer: short task")
	}
	return Task{
		N:      binary.LittleEndian.Uint64(b),
		Client: binary.LittleEndian.Uint64(b[8:]),
		Spin:   binary.LittleEndian.Uint64(b[16:]),
		Sleep:  time.Duration(binary.LittleEndian.Uint64(b[24:])),
		Data:   b[taskHeader:],
	}, nil
}
