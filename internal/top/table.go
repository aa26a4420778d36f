package top

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/musterfleet/muster/internal/text"
)

// section is a part of a page: rows under a title and a head, each of which may be
// missing. What it holds may come from anywhere; what is shown is printable.
type section struct {
	title   string
	columns []column
	rows    []row
	fixed   bool // the rows keep their order, and are not filtered
}

type column struct {
	title string
	right bool // numbers
	least int  // the width that it may shrink to; 0 if it may not
	rank  int  // of those that are left out for want of room, the highest is first
}

// row is a line that can be chosen.
type row struct {
	id    string // by which it is known when the page is drawn anew
	cells []cell
	to    target      // what the keys act on
	open  func() page // what Enter opens, if anything
}

type cell struct {
	text string
	by   float64 // to sort by, greatest first; cells without are sorted by their text
	tone tone
}

func word(s string) cell              { return cell{text: s} }
func toned(s string, t tone) cell     { return cell{text: s, tone: t} }
func number[N int | uint64](n N) cell { return cell{text: text.Thousands(n), by: float64(n)} }
func bytesCell(n uint64) cell         { return cell{text: text.Bytes(n), by: float64(n)} }
func sized(s string, by float64) cell { return cell{text: s, by: by} }
func lasting(d time.Duration) cell    { return cell{text: length(d), by: d.Seconds()} }
func quantile(seconds float64) cell   { return cell{text: bounded(seconds), by: seconds} }

func perSecond(rate float64) cell {
	s := strconv.FormatFloat(rate, 'f', 1, 64)
	if rate >= 100 {
		s = text.Thousands(int(rate))
	}
	return cell{text: s, by: rate}
}

// lines makes a section of a text.
func lines(title, body string) section {
	s := section{title: title, fixed: true}
	for i, line := range strings.Split(strings.TrimRight(body, "\n"), "\n") {
		s.rows = append(s.rows, row{
			id:    title + strconv.Itoa(i),
			cells: []cell{word(strings.ReplaceAll(line, "\t", "    "))},
		})
	}
	return s
}

// facts makes a section of pairs of a name and what is to be said, leaving out
// those of which nothing is.
func facts(pairs ...string) section {
	s := section{fixed: true, columns: []column{{}, {least: 20}}}
	for pair := range slices.Chunk(pairs, 2) {
		if pair[1] != "" {
			s.rows = append(s.rows, row{id: pair[0], cells: []cell{toned(pair[0], faint), word(pair[1])}})
		}
	}
	return s
}

// arrange sorts by a column, 0 for the order as it is, and leaves out the rows
// that do not contain the filter.
func (s *section) arrange(by int, filter string) {
	if s.fixed {
		return
	}
	filter = strings.ToLower(filter)
	s.rows = slices.DeleteFunc(s.rows, func(r row) bool {
		return !slices.ContainsFunc(r.cells, func(c cell) bool { return strings.Contains(strings.ToLower(c.text), filter) })
	})
	if by < 1 || by > len(s.columns) {
		return
	}
	slices.SortStableFunc(s.rows, func(a, b row) int {
		x, y := a.cells[by-1], b.cells[by-1]
		return cmp.Or(cmp.Compare(y.by, x.by), cmp.Compare(x.text, y.text))
	})
	s.columns = slices.Clone(s.columns)
	s.columns[by-1].title += "▾"
}

// gap is what stands between two columns.
const gap = "  "

// layout returns the width of each column, and -1 to those that have no room within
// a width; 0 is no bound.
func (s *section) layout(width int) []int {
	widths := make([]int, len(s.columns))
	total := 0
	for i, c := range s.columns {
		widths[i] = ansi.StringWidth(c.title)
		for _, r := range s.rows {
			widths[i] = max(widths[i], ansi.StringWidth(text.Printable(r.cells[i].text)))
		}
		total += widths[i] + len(gap)
	}
	if width == 0 {
		return widths
	}
	total -= len(gap)
	for total > width {
		worst, shrinks := -1, -1
		for i, c := range s.columns {
			if widths[i] >= 0 && c.rank > 0 && (worst < 0 || c.rank > s.columns[worst].rank) {
				worst = i
			}
			if c.least > 0 && widths[i] > c.least && (shrinks < 0 || widths[i] > widths[shrinks]) {
				shrinks = i
			}
		}
		switch {
		case shrinks >= 0:
			by := min(total-width, widths[shrinks]-s.columns[shrinks].least)
			widths[shrinks] -= by
			total -= by
		case worst >= 0:
			total -= widths[worst] + len(gap)
			widths[worst] = -1
		default:
			return widths
		}
	}
	return widths
}

// head returns the line of the columns' titles, "" if they have none.
func (s *section) head(widths []int) string {
	var cells []cell
	for _, c := range s.columns {
		cells = append(cells, word(c.title))
	}
	return strings.TrimRight(s.line(cells, widths, nil), " ")
}

// line returns a line of cells, in the paint of each one's tone, if any.
func (s *section) line(cells []cell, widths []int, paint func(string, tone) string) string {
	var b strings.Builder
	for i, c := range cells {
		shown := text.Printable(c.text)
		if i < len(widths) {
			if widths[i] < 0 {
				continue
			}
			if b.Len() > 0 {
				b.WriteString(gap)
			}
			shown = ansi.Truncate(shown, widths[i], "…")
			if pad := strings.Repeat(" ", widths[i]-ansi.StringWidth(shown)); s.columns[i].right {
				shown = pad + shown
			} else {
				shown += pad
			}
		}
		if paint != nil {
			shown = paint(shown, c.tone)
		}
		b.WriteString(shown)
	}
	return b.String()
}
