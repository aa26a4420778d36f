package peer

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// riverPeer is River on PostgreSQL. Outcomes are seen only by the process that
// works the job: ours come by a pipe.
type riverPeer struct {
	fleet
	board    board
	postgres *postgresServer
}

// riverInserts is how many jobs are inserted at once, as in River's benchmark.
const riverInserts = 5000

func newRiver() *riverPeer { return &riverPeer{} }

func (r *riverPeer) Info() Info {
	return Info{Name: "river", Title: "River on PostgreSQL", ByLength: true, Polls: true, Settings: []string{
		"as in `river bench`: one worker process, MaxWorkers 2,000 (as many as the others for long tasks), FetchCooldown 2 ms, FetchPollInterval 20 ms",
		"jobs inserted by InsertManyFast, up to 5,000 at once, which tasks that come one by one could not be; sequential ones by Insert",
		"PostgreSQL with fsync and full_page_writes off, so that it survives as much as the others do, shared_buffers 256 MB",
		"counted when the worker returns, the outcome brought back by the benchmark: River tells only the working process",
	}}
}

func (r *riverPeer) Missing() error {
	if _, err := findPostgres("initdb"); err != nil {
		return err
	}
	_, err := findPostgres("postgres")
	return err
}

func (r *riverPeer) Start(ctx context.Context, setup Setup) (err error) {
	defer func() {
		if err != nil {
			r.Stop()
		}
	}()
	r.setup = setup
	if r.postgres, err = startPostgres(ctx); err != nil {
		return err
	}
	if err = migrate(ctx, r.postgres.url); err != nil {
		return err
	}
	places := max(2000, setup.Workers)
	if setup.Long {
		places = setup.Workers
	}
	if r.workers, err = (role{Name: "river", URL: r.postgres.url, Slot: places}).startWorkers(ctx, 1); err != nil {
		return err
	}
	go r.board.collect(r.workers[0])
	r.dial = func(ctx context.Context, number int) (client, error) {
		return dialRiver(ctx, r.postgres.url, &r.board, uint64(number))
	}
	return nil
}

// migrate also waits until the server takes more than connections.
func migrate(ctx context.Context, url string) error {
	db, err := pgxpool.New(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close()
	for db.Ping(ctx) != nil {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("waiting for PostgreSQL: %w", ctx.Err())
		}
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(db), &rivermigrate.Config{Logger: quiet})
	if err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("making River's tables: %w", err)
	}
	return nil
}

func (r *riverPeer) Stop() {
	r.hangUp()
	r.postgres.close()
	r.postgres = nil
}

type riverArgs struct {
	Task
}

func (riverArgs) Kind() string { return "bench" }

type riverWorker struct {
	river.WorkerDefaults[riverArgs]
	results *resultWriter
}

func (w *riverWorker) Work(_ context.Context, j *river.Job[riverArgs]) error {
	w.results.add(j.Args.Client, j.Args.run())
	return nil
}

func riverRole(ctx context.Context, r role, ready func(string), out io.Writer) error {
	db, err := pgxpool.New(ctx, r.URL)
	if err != nil {
		return err
	}
	defer db.Close()
	workers := river.NewWorkers()
	river.AddWorker(workers, &riverWorker{results: &resultWriter{out: out}})
	client, err := river.NewClient(riverpgxv5.New(db), &river.Config{
		FetchCooldown:     2 * time.Millisecond,
		FetchPollInterval: 20 * time.Millisecond,
		Logger:            slog.New(slog.DiscardHandler),
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: r.Slot}},
		Workers:           workers,
	})
	if err != nil {
		return err
	}
	ready("")
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	<-ctx.Done()
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime/2)
	defer cancel()
	return client.StopAndCancel(bounded)
}

type riverClient struct {
	db     *pgxpool.Pool
	client *river.Client[pgx.Tx]
	board  *board
	number uint64
}

func dialRiver(ctx context.Context, url string, b *board, number uint64) (client, error) {
	db, err := pgxpool.New(ctx, url)
	if err != nil {
		return nil, err
	}
	c, err := river.NewClient(riverpgxv5.New(db), &river.Config{Logger: quiet})
	if err != nil {
		db.Close()
		return nil, err
	}
	return &riverClient{db: db, client: c, board: b, number: number}, nil
}

func (c *riverClient) burst(ctx context.Context, all tasks, window int) (gain, error) {
	t := newTally(all, window)
	c.board.expect(c.number, t)
	for done := 0; done < all.n; {
		n := min(all.n-done, riverInserts, window)
		if err := t.admit(ctx, n); err != nil {
			return gain{}, err
		}
		if err := c.insert(ctx, all.part(done, done+n)); err != nil {
			return gain{}, err
		}
		done += n
	}
	return t.wait(ctx)
}

func (c *riverClient) insert(ctx context.Context, some tasks) error {
	args := make([]river.InsertManyParams, some.n)
	for i := range args {
		task := some.at(i)
		task.Client = c.number
		args[i].Args = riverArgs{task}
	}
	if len(args) == 1 {
		_, err := c.client.Insert(ctx, args[0].Args, nil)
		return err
	}
	_, err := c.client.InsertManyFast(ctx, args)
	return err
}

func (c *riverClient) close() { c.db.Close() }
