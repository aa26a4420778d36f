package command

import (
	"encoding/base64"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/musterfleet/muster/consumer"
)

// offerEnv carries an Offer to worker processes. It is not JSON, since words need
// not be UTF-8.
const offerEnv = "MUSTER_COMMANDS"

// Offer is what a worker host offers of commands.
type Offer struct {
	Commands []Command
	// MaxOutput is the largest output of a command, in bytes.
	MaxOutput int64
}

// Env returns the environment entry by which worker processes learn of the offer.
// The error wraps [ErrDefinition] if two funcs, those with a handler included,
// have the same name.
func (o Offer) Env() (string, error) {
	names := consumer.Handled()
	for _, c := range o.Commands {
		if slices.Contains(names, c.Name) {
			return "", fmt.Errorf("%w: there is another func %s", ErrDefinition, c.Name)
		}
		names = append(names, c.Name)
	}
	encoded, err := msgpack.Marshal(o)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrDefinition, err)
	}
	return offerEnv + "=" + base64.StdEncoding.EncodeToString(encoded), nil
}

// Inherit registers the handlers of the offer that the environment holds, if it
// does, and starts its servers. Call it once, before pool.Main. It returns when
// the servers are ready, or with an error that wraps [ErrServer].
func Inherit() error {
	entry, ok := os.LookupEnv(offerEnv)
	if !ok {
		return nil
	}
	if err := os.Unsetenv(offerEnv); err != nil {
		return err
	}
	var o Offer
	encoded, err := base64.StdEncoding.DecodeString(entry)
	if err == nil {
		err = msgpack.Unmarshal(encoded, &o)
	}
	if err != nil {
		return fmt.Errorf("%w: %s in the environment: %w", ErrDefinition, offerEnv, err)
	}
	return o.register()
}

func (o Offer) register() error {
	env := environ()
	var servers []*server
	pids := func() (pids []int) {
		for _, s := range servers {
			pids = append(pids, s.process.pid())
		}
		return pids
	}
	for _, c := range o.Commands {
		if !c.Server {
			continue
		}
		s, err := startServer(c, o.MaxOutput, env, pids)
		if err != nil {
			return err
		}
		servers = append(servers, s)
		consumer.Handle(c.remote(), s.call)
	}
	late := time.After(readyTimeout)
	for _, s := range servers {
		if err := s.awaitReady(late); err != nil {
			return err
		}
	}
	if len(servers) == len(o.Commands) {
		return nil
	}
	for _, c := range o.Commands {
		if !c.Server {
			r := &runner{Command: c, most: o.MaxOutput, env: env, servers: pids}
			consumer.Handle(c.remote(), r.run)
		}
	}
	return adoptOrphans()
}
