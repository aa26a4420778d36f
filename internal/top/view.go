package top

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/text"
)

// View implements [tea.Model].
func (m *model) View() tea.View {
	f := m.frame()
	l := f.lay(&m.state, m.width)
	height := m.bodyHeight(l)
	f.scroll(l, height)
	lines := slices.Concat(m.above(), f.body(l, m.width, height), m.below(l))
	for i := range lines {
		lines[i] = ansi.Truncate(lines[i], m.width, "…")
	}
	v := tea.NewView(strings.Join(lines[:min(len(lines), m.height)], "\n"))
	v.AltScreen = true
	v.WindowTitle = "muster top"
	return v
}

// bodyHeight is how many lines the page has.
func (m *model) bodyHeight(l laid) int { return max(m.height-len(m.above())-len(m.below(l)), 1) }

// above returns the lines over the page: how the fleet stands, and where one is. A
// low terminal has fewer.
func (m *model) above() []string {
	lines := []string{m.gauge()}
	if m.height >= 12 {
		lines = append(lines, m.pulse())
	}
	if m.height >= 6 {
		lines = append(lines, m.where())
	}
	return lines
}

// below returns the lines under the page: what was said, and the keys.
func (m *model) below(l laid) []string {
	said := paint(text.Printable(m.notice), m.tone)
	switch {
	case m.prompt != nil:
		said = paint(text.Printable(m.prompt.text()), warn)
	case m.notice == "" && m.frame().filter != "":
		said = paint("only rows with "+text.Printable(m.frame().filter)+"; Esc shows all", faint)
	case m.notice == "" && m.away.IsZero():
		if err := cmp.Or(m.noQueues, m.noLetters); err != nil {
			said = paint(text.Printable(err.Error()), bad)
		}
	}
	if m.height < 10 {
		return []string{said}
	}
	return []string{said, paint(m.keys(l), faint)}
}

// gauge is the line that tells how busy the fleet is, or that the broker is away.
func (m *model) gauge() string {
	if !m.away.IsZero() {
		return paint(fmt.Sprintf("broker away since %s (%s); what follows is of then",
			m.away.Local().Format(time.TimeOnly), length(m.At.Sub(m.away).Truncate(time.Second))), bad)
	}
	busy, want := m.utilisation()
	share := 0
	if want > 0 {
		share = busy * 100 / want
	}
	there, lost := 0, 0
	for _, h := range m.Hosts {
		if h.there() {
			there++
		}
		if h.Lost {
			lost++
		}
	}
	width := min(max(m.width-60, 8), 40)
	line := fmt.Sprintf("busy %d/%d %s %d %%  %s", busy, want, bar(busy, want, width), share, text.Count(there, "host"))
	if lost > 0 {
		line += paint(fmt.Sprintf(", %d lost", lost), bad)
	}
	clock := m.At.Local().Format(time.TimeOnly)
	if room := m.width - ansi.StringWidth(line) - len(clock); room > 1 {
		line += strings.Repeat(" ", room) + clock
	}
	return line
}

// pulse is the line of what happens: tasks and deaths.
func (m *model) pulse() string {
	var tasks, failed float64
	for _, f := range m.Funcs {
		tasks += f.TasksPerSecond
		failed += f.FailedPerSecond
	}
	var waiting uint64
	for _, q := range m.Queues {
		waiting += q.Waiting
	}
	line := fmt.Sprintf("%s tasks/s, %s failed/s, %s waiting", perSecond(tasks).text, perSecond(failed).text, text.Thousands(waiting))
	return line + ", " + deathsText(m.Deaths)
}

func deathsText(deaths map[codec.Cause]int) string {
	all, causes := 0, []string{}
	for _, cause := range slices.Sorted(maps.Keys(deaths)) {
		all += deaths[cause]
		causes = append(causes, fmt.Sprintf("%s %d", text.Printable(string(cause)), deaths[cause]))
	}
	if all == 0 {
		return "no deaths in a minute"
	}
	return paint(fmt.Sprintf("%s in a minute: %s", text.Count(all, "death"), strings.Join(causes, ", ")), bad)
}

// where is the line of tabs, or of the pages that one has come through.
func (m *model) where() string {
	if len(m.opened) > 0 {
		names := []string{m.tabs[m.tab].page.name()}
		for _, f := range m.opened {
			names = append(names, text.Printable(f.page.name()))
		}
		return chosen.Render(" " + strings.Join(names, " › ") + " ")
	}
	var names []string
	for i, f := range m.tabs {
		name := " " + f.page.name() + " "
		if i == m.tab {
			name = chosen.Render(name)
		}
		names = append(names, name)
	}
	line := strings.Join(names, " ")
	if ansi.StringWidth(line) > m.width {
		return fmt.Sprintf("%s %d of %d", names[m.tab], m.tab+1, len(names))
	}
	return line
}

// keys is the line of keys that make sense here.
func (m *model) keys(l laid) string {
	hints := []string{"? help", "Tab page"}
	if len(m.opened) > 0 {
		hints[1] = "Esc back"
	}
	to := m.aim(l)
	for _, a := range actions {
		if a.fits(to) {
			verb, _, _ := strings.Cut(a.what, " ")
			hints = append(hints, a.key+" "+verb)
		}
	}
	return strings.Join(append(hints, "/ filter", "s sort", "q quit"), "  ")
}
