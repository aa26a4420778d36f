package main

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/internal/jsonvalue"
)

func deadCommand() *cobra.Command {
	return group("dead", "Look at dead letters, retry and remove them",
		deadListCommand(), deadShowCommand(), deadRetryCommand(), deadRemoveCommand())
}

// letters says which dead letters a command is for.
type letters struct {
	all   bool
	queue string
	consent
}

func (l *letters) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&l.all, "all", false, "all dead letters of the --queue, in place of their ids")
	cmd.Flags().StringVar(&l.queue, "queue", "", "queue that --all is about")
	l.consent.add(cmd)
}

func (l *letters) check(ids []string) error {
	switch {
	case l.all && l.queue == "":
		return usage("--all needs a --queue")
	case l.all && len(ids) > 0:
		return usage("--all stands for all ids; leave them out")
	case !l.all && l.queue != "":
		return usage("--queue is for --all")
	case !l.all && len(ids) == 0:
		return usage("which dead letters? give their ids, or --all --queue NAME")
	}
	return nil
}

// agreed asks before something is done to all letters of a queue. Letters that are named
// by their ids need no question. do is a verb.
func (l *letters) agreed(ctx context.Context, f *fleet.Fleet, do string) error {
	if !l.all || l.yes {
		return nil
	}
	n, err := f.CountDead(ctx, l.queue)
	if err != nil {
		return err
	}
	return l.get(ctx, "%s %s of queue %s", do, count(n, "dead letter"), l.queue)
}

// each does something with each of the letters. If there are several, what fails
// is reported, and the others are done all the same.
func (l *letters) each(ctx context.Context, f *fleet.Fleet, ids []string, do func(id string) error) error {
	if len(ids) == 1 {
		return do(ids[0])
	}
	var failed error
	for id, err := range l.chosen(ctx, f, ids) {
		if err == nil {
			err = do(id)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case id == "":
			return err
		case err != nil:
			report("muster: %s: %s", id, oneLine(err))
			failed = errReported
		}
	}
	return failed
}

// chosen returns the ids of the letters, or an error without one.
func (l *letters) chosen(ctx context.Context, f *fleet.Fleet, ids []string) iter.Seq2[string, error] {
	if !l.all {
		return withoutErrors(ids)
	}
	return func(yield func(string, error) bool) {
		for letter, err := range f.DeadLetters(ctx, l.queue) {
			if !yield(letter.ID, err) {
				return
			}
		}
	}
}

// letterJSON is a dead letter with its argument as JSON, or what there was in its
// place in base64.
type letterJSON struct {
	fleet.DeadLetter
	Arg json.RawMessage `json:"arg,omitempty"`
}

func newLetterJSON(letter fleet.DeadLetter) letterJSON {
	return letterJSON{letter, argument(letter)}
}

// argument returns a dead letter's argument as JSON, and nil if there is none.
func argument(letter fleet.DeadLetter) json.RawMessage {
	if len(letter.Arg) == 0 {
		return nil
	}
	if letter.Func != "" {
		if value, err := codec.Value[result](letter.Arg); err == nil {
			if text, err := jsonvalue.Append(nil, value); err == nil {
				return text
			}
		}
	}
	return jsonvalue.AppendGo(nil, letter.Arg)
}
