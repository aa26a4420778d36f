package broker

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/musterfleet/muster/internal/flock"
)

const (
	// lockFile is in the store directory, and has the pid of the broker that runs there.
	lockFile = "muster.lock"
	// storeInterval is how often a broker checks that its store is still there.
	storeInterval = time.Second
)

// store is a store directory, held against other brokers until it is closed.
type store struct {
	dir     string     // as configured
	data    string     // where nats-server keeps its files: below dir
	locks   []*os.File // of data, lockFile, and dir if another could have its files there
	closing sync.Once
	opened  os.FileInfo // data as it was
}

// storeDir returns the directory below which nats-server stores.
func storeDir(opts *server.Options) string {
	switch {
	case opts.StoreDir != "":
		return opts.StoreDir
	case opts.JetStreamMaxMemory <= 0 || opts.JetStreamMaxStore <= 0:
		return filepath.Join(os.TempDir(), "nats")
	}
	return os.TempDir()
}

// holdStore makes a store directory if it is missing, and holds it. Two brokers in
// one directory overwrite each other's files. The error wraps [ErrStoreHeld] if
// another broker has it, and then no file has changed.
func holdStore(dir string) (_ *store, err error) {
	s := &store{dir: filepath.Clean(dir), data: filepath.Join(dir, server.JetStreamStoreDir)}
	defer func() {
		switch {
		case errors.Is(err, flock.ErrHeld):
			err = s.held()
		case err != nil:
			err = fmt.Errorf("store directory %s cannot be used: %w", s.dir, err)
		}
		if err != nil {
			s.close()
		}
	}()
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	// The directories themselves, so that a link or another path to them makes no
	// difference. This one may be where a broker of the directory above has its files.
	dirs := []string{s.data}
	if real, err := filepath.EvalSymlinks(s.dir); err == nil && filepath.Base(real) == server.JetStreamStoreDir {
		dirs = []string{s.dir, s.data}
	}
	for _, dir := range dirs {
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		// Some network file systems lock files alone.
		if err := s.lock(os.Open(dir)); errors.Is(err, flock.ErrHeld) {
			return nil, err
		}
	}
	if s.opened, err = os.Stat(s.data); err != nil {
		return nil, err
	}
	// The file's lock holds on network file systems too, between machines.
	if err := s.lock(os.OpenFile(filepath.Join(s.dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)); err != nil {
		return nil, err
	}
	file := s.locks[len(s.locks)-1]
	err = file.Truncate(0)
	if err == nil {
		_, err = fmt.Fprintln(file, os.Getpid())
	}
	return s, err
}

// lock locks a file that was opened, and keeps it open.
func (s *store) lock(file *os.File, err error) error {
	if err == nil {
		s.locks = append(s.locks, file)
		err = flock.Lock(file)
	}
	return err
}

func (s *store) held() error {
	by := ""
	if text, err := os.ReadFile(filepath.Join(s.dir, lockFile)); err == nil {
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			by = fmt.Sprintf(", process %d", pid)
		}
	}
	return fmt.Errorf("%w: %s is in use by another broker%s: stop that, or choose another directory", ErrStoreHeld, s.dir, by)
}

// check reports that the directory is not the one any more that the server opened.
func (s *store) check() error {
	now, err := os.Stat(s.data)
	switch {
	case err != nil:
	case os.SameFile(now, s.opened):
		return nil
	default:
		err = errors.New("another directory is in its place")
	}
	return fmt.Errorf("%w: %s was removed or replaced while the broker ran: %w; what was stored there is lost unless the directory is put back", ErrStoreLost, s.dir, err)
}

// watch calls lost, once, when the directory is gone.
func (s *store) watch(stop <-chan struct{}, lost func(error)) {
	ticker := time.NewTicker(storeInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if err := s.check(); err != nil {
				lost(err)
				return
			}
		case <-stop:
			return
		}
	}
}

func (s *store) close() {
	s.closing.Do(func() {
		for _, file := range s.locks {
			file.Close()
		}
	})
}
