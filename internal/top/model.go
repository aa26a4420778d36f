package top

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/musterfleet/muster/fleet"
)

const (
	// tickEvery is how often the picture is drawn anew.
	tickEvery = 500 * time.Millisecond
	// lookEvery is how long after an answer the broker is asked for its queues again.
	lookEvery = time.Second
	// lookTimeout bounds the wait for an answer.
	lookTimeout = 3 * time.Second
	// lettersEvery is how often dead letters are read, while they are shown.
	lettersEvery = 3 * time.Second
	// maxLetters bounds how many are.
	maxLetters = 200
	// grace is how long after the broker's return hosts may take to be heard again.
	grace = 5 * time.Second
)

// model is what the program knows. Only its own loop changes it.
type model struct {
	ctx   context.Context
	fleet *fleet.Fleet
	watch *fleet.Watch
	link  *link

	state
	history history
	queues  []fleet.Queue
	since   time.Time // when the broker was there again
	away    time.Time // since when the broker is not, or zero

	// Why the broker last refused to tell of its queues and dead letters, or nil.
	noQueues, noLetters error

	tabs   []*frame
	tab    int
	opened []*frame // pages opened one from the other, over the tab
	prompt *prompt
	notice string
	tone   tone

	width, height int
}

func newModel(ctx context.Context, f *fleet.Fleet, w *fleet.Watch, l *link) *model {
	m := &model{ctx: ctx, fleet: f, watch: w, link: l, width: 80, height: 24}
	for _, p := range tabs() {
		m.tabs = append(m.tabs, &frame{page: p})
	}
	m.At = time.Now()
	return m
}

type (
	tickMsg   time.Time
	lookMsg   struct{} // it is time to ask for the queues
	queuesMsg struct {
		queues []fleet.Queue
		err    error
		once   bool // and not again in a while
	}
	lettersMsg struct {
		letterList
		err error
	}
)

// Init implements [tea.Model].
func (m *model) Init() tea.Cmd { return tea.Batch(tick(), m.look(false)) }

// Update implements [tea.Model].
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		return m, m.press(msg)
	case tickMsg:
		m.refresh(time.Time(msg))
		return m, tea.Batch(tick(), m.readLetters())
	case lookMsg:
		return m, m.look(false)
	case queuesMsg:
		if m.noQueues = msg.err; msg.err == nil {
			m.queues, m.Queues = msg.queues, msg.queues
		}
		if msg.once {
			return m, nil
		}
		return m, tea.Tick(lookEvery, func(time.Time) tea.Msg { return lookMsg{} })
	case lettersMsg:
		stale := m.letters.stale // since it was begun
		m.letters.reading = false
		if m.noLetters = msg.err; msg.err == nil {
			m.letters = msg.letterList
			m.letters.stale = stale
		}
	case actedMsg:
		if msg.err != nil {
			m.say(msg.err.Error(), bad)
		} else {
			m.say(msg.done, good)
		}
		m.letters.stale = true // one may be gone
		return m, tea.Batch(m.look(true), m.readLetters())
	}
	return m, nil
}

// refresh takes what was heard by now. While the broker is away nothing is, and
// the picture stays.
func (m *model) refresh(now time.Time) {
	if m.away = m.link.since(); !m.away.IsZero() {
		m.At, m.since = now, now
		return
	}
	hosts := m.watch.Hosts()
	for i := range hosts {
		hosts[i].Lost = hosts[i].Lost && now.Sub(m.since) > grace
	}
	m.history.observe(hosts, now)
	m.Snapshot = m.history.snapshot(m.queues, now)
}

func tick() tea.Cmd {
	return tea.Tick(tickEvery, func(now time.Time) tea.Msg { return tickMsg(now) })
}

// look asks for the queues, once or from now on.
func (m *model) look(once bool) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(m.ctx, lookTimeout)
		defer cancel()
		queues, err := m.fleet.Queues(ctx)
		return queuesMsg{queues, err, once}
	}
}

// readLetters reads dead letters, if the page shows any and they are not fresh.
func (m *model) readLetters() tea.Cmd {
	p, ok := m.frame().page.(lettered)
	if !ok || m.letters.reading || m.link.away() {
		return nil
	}
	queue := p.letters()
	if m.letters.queue == queue && !m.letters.stale && time.Since(m.letters.read) < lettersEvery {
		return nil
	}
	m.letters.reading, m.letters.stale = true, false
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(m.ctx, lookTimeout)
		defer cancel()
		read := lettersMsg{letterList: letterList{queue: queue, read: time.Now()}}
		for letter, err := range m.fleet.DeadLetters(ctx, queue) {
			if err != nil {
				read.err = err
				break
			}
			if len(read.list) == maxLetters {
				read.more = true
				break
			}
			// Without the argument, which may be as large as a message.
			read.list = append(read.list, fleet.DeadLetter{
				ID: letter.ID, Queue: letter.Queue, At: letter.At, Func: letter.Func, Cause: letter.Cause,
				Crashes: letter.Crashes, Errors: letter.Errors,
			})
		}
		return read
	}
}

// frame returns the page that is looked at.
func (m *model) frame() *frame {
	if n := len(m.opened); n > 0 {
		return m.opened[n-1]
	}
	return m.tabs[m.tab]
}

// say shows what has happened, until the next key.
func (m *model) say(notice string, t tone) { m.notice, m.tone = notice, t }
