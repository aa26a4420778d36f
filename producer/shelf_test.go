package producer_test

import (
	"context"
	"sync"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/transport"
)

// shelf is what a fake stores, which may be shared between several.
type shelf struct {
	mu      sync.Mutex
	err     error // of every question
	kept    map[codec.ID][]byte
	retain  map[codec.ID]time.Duration
	gets    int
	keys    map[string]transport.KeyHolder
	crons   map[string]cron
	delayed map[codec.ID]bool
	removed []codec.ID // from the schedules
	watched map[string]int
}

type cron struct {
	expr, zone string
	batch      transport.Batch
}

func (f *fake) Results() transport.Results { return &f.shelf }
func (f *fake) Crons() transport.Crons     { return (*cronShelf)(&f.shelf) }

// keep stores an outcome as a worker would, with its live copy if wanted.
func (f *fake) keep(id codec.ID, o codec.Outcome, live bool) {
	o.N = id.N
	message := codec.NewOutcomes(id.Client, nil)
	message.Add(&o)
	if _, err := f.shelf.Keep(context.Background(), id, message.Bytes(), time.Hour); err != nil {
		panic(err)
	}
	if live {
		f.receiving.RLock()
		defer f.receiving.RUnlock()
		f.must(0, f.to.Kept(message.Bytes()))
	}
}

func (s *shelf) Get(_ context.Context, id codec.ID) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gets++
	return s.kept[id], s.err
}

func (s *shelf) Keep(_ context.Context, id codec.ID, outcome []byte, retain time.Duration) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept, s.retain = map[codec.ID][]byte{}, map[codec.ID]time.Duration{}
	}
	if s.kept[id] == nil && s.err == nil {
		s.kept[id], s.retain[id] = outcome, retain
	}
	return s.kept[id], s.err
}

func (s *shelf) Watch(client string) (func(), error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watched == nil {
		s.watched = map[string]int{}
	}
	s.watched[client]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.watched[client]--
	}, nil
}

func (s *shelf) watching(client string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.watched[client]
}

func (f *fake) SendUnique(ctx context.Context, b transport.Batch) (transport.KeyHolder, error) {
	f.shelf.mu.Lock()
	defer f.shelf.mu.Unlock()
	if f.shelf.err != nil {
		return transport.KeyHolder{}, f.shelf.err
	}
	if f.shelf.keys == nil {
		f.shelf.keys = map[string]transport.KeyHolder{}
	}
	key := b.Queue + "/" + b.Key
	if holder, held := f.shelf.keys[key]; held {
		return holder, nil
	}
	holder := transport.KeyHolder{ID: b.ID, Func: b.Func}
	f.shelf.keys[key] = holder
	f.Send(b, func(error) {})
	return holder, nil
}

func (f *fake) Release(_ context.Context, queue, key string, id codec.ID) error {
	f.shelf.mu.Lock()
	defer f.shelf.mu.Unlock()
	if f.shelf.keys[queue+"/"+key].ID == id {
		delete(f.shelf.keys, queue+"/"+key)
	}
	return f.shelf.err
}

func (f *fake) Scheduled(_ context.Context, id codec.ID) ([]byte, error) {
	f.shelf.mu.Lock()
	defer f.shelf.mu.Unlock()
	if !f.shelf.delayed[id] {
		return nil, f.shelf.err
	}
	batch := codec.NewBatch(id.Client, nil)
	batch.Add(&codec.Task{N: id.N, Func: "f"})
	return batch.Bytes(), f.shelf.err
}

func (f *fake) Unschedule(_ context.Context, id codec.ID) error {
	f.shelf.mu.Lock()
	defer f.shelf.mu.Unlock()
	f.shelf.removed = append(f.shelf.removed, id)
	return f.shelf.err
}

func (f *fake) unscheduled() []codec.ID {
	f.shelf.mu.Lock()
	defer f.shelf.mu.Unlock()
	return append([]codec.ID(nil), f.shelf.removed...)
}

// cronShelf is the crons of a shelf.
type cronShelf shelf

func (s *cronShelf) Set(_ context.Context, name, expr, zone string, b transport.Batch) error {
	if s.crons == nil {
		s.crons = map[string]cron{}
	}
	s.crons[name] = cron{expr, zone, b}
	return s.err
}

func (s *cronShelf) Remove(_ context.Context, name string) error {
	delete(s.crons, name)
	return s.err
}
