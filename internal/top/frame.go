package top

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// frame is a page with where somebody is on it.
type frame struct {
	page   page
	chosen string // the id of the chosen row, "" for the first that opens something
	index  int    // where that was, should it vanish
	top    int    // the first line shown
	filter string
	sort   int // the column, from 1; 0 for none
}

// laid is a page as it is now: its lines, and its rows with their lines.
type laid struct {
	lines []line
	rows  []row
	at    []int // the line of each row
	pick  int   // the chosen row, -1 if there is none
}

// line is one line of a page; row is the index of its row, or -1.
type line struct {
	text string
	row  int
}

// sections returns what the page shows, sorted and filtered.
func (f *frame) sections(s *state) []section {
	sections := f.page.sections(s)
	for i := range sections {
		sections[i].arrange(f.sort, f.filter)
	}
	return sections
}

// lay lays the page out for a width.
func (f *frame) lay(s *state, width int) laid {
	l := laid{pick: -1}
	add := func(text string, row int) { l.lines = append(l.lines, line{text, row}) }
	opens := -1
	for i, part := range f.sections(s) {
		if i > 0 {
			add("", -1)
		}
		if part.title != "" {
			add(paint(part.title, strong), -1)
		}
		widths := part.layout(width)
		if head := part.head(widths); head != "" {
			add(paint(head, faint), -1)
		}
		if len(part.rows) == 0 {
			add(paint("(none)", faint), -1)
		}
		for _, r := range part.rows {
			n := len(l.rows)
			if r.id == f.chosen && f.chosen != "" {
				l.pick = n
			}
			if opens < 0 && r.open != nil {
				opens = n
			}
			l.rows, l.at = append(l.rows, r), append(l.at, len(l.lines))
			add(part.line(r.cells, widths, paint), n)
		}
	}
	if l.pick < 0 && len(l.rows) > 0 {
		if l.pick = min(f.index, len(l.rows)-1); f.chosen == "" {
			l.pick = max(opens, 0)
		}
	}
	return l
}

// move chooses another row.
func (f *frame) move(l laid, by int) {
	if l.pick < 0 {
		return
	}
	f.index = max(0, min(l.pick+by, len(l.rows)-1))
	f.chosen = l.rows[f.index].id
}

// scroll has the chosen row within the height, and as much above it as there is.
func (f *frame) scroll(l laid, height int) {
	f.top = max(0, min(f.top, len(l.lines)-height))
	if l.pick < 0 {
		return
	}
	at := l.at[l.pick]
	if l.pick == 0 {
		f.top = 0 // with what stands above it
	}
	f.top = max(f.top, at-height+1)
	f.top = min(f.top, at)
}

// body returns the lines that are to be seen.
func (f *frame) body(l laid, width, height int) []string {
	shown := make([]string, 0, height)
	for _, line := range l.lines[f.top:min(f.top+height, len(l.lines))] {
		text := ansi.Truncate(line.text, width, "…")
		if line.row >= 0 && line.row == l.pick {
			plain := ansi.Strip(text)
			text = chosen.Render(plain + strings.Repeat(" ", max(width-ansi.StringWidth(plain), 0)))
		}
		shown = append(shown, text)
	}
	for len(shown) < height {
		shown = append(shown, "")
	}
	return shown
}
