package top

import (
	"fmt"

	tea "charm.land/bubbletea/v2"
)

// press takes a key.
func (m *model) press(key tea.KeyPressMsg) tea.Cmd {
	if key.String() == "ctrl+c" {
		return tea.Quit
	}
	if m.prompt != nil {
		return m.answer(key)
	}
	m.say("", plain)
	f := m.frame()
	l := f.lay(&m.state, m.width)
	switch name := key.String(); name {
	case "q":
		return tea.Quit
	case "up", "k":
		f.move(l, -1)
	case "down", "j":
		f.move(l, 1)
	case "pgup":
		f.move(l, -m.bodyHeight(l))
	case "pgdown", "space":
		f.move(l, m.bodyHeight(l))
	case "home", "g":
		f.move(l, -len(l.rows))
	case "end", "G":
		f.move(l, len(l.rows))
	case "tab", "right":
		m.turn(1)
	case "shift+tab", "left":
		m.turn(-1)
	case "enter":
		if l.pick >= 0 && l.rows[l.pick].open != nil {
			f.move(l, 0) // to find it again on the way back
			m.opened = append(m.opened, &frame{page: l.rows[l.pick].open()})
		}
	case "esc", "backspace":
		m.back()
	case "/":
		m.prompt = &prompt{typed: f.filter}
	case "s":
		m.sort(f)
	case "?":
		if _, is := f.page.(helpPage); !is {
			m.opened = append(m.opened, &frame{page: helpPage{}})
		}
	default:
		if len(name) == 1 && name >= "1" && name <= "9" {
			m.turn(int(name[0]-'1') - m.tab)
			break
		}
		m.begin(name, l)
	}
	return m.readLetters()
}

// turn goes to another tab.
func (m *model) turn(by int) {
	if to := m.tab + by; by == 1 || by == -1 || to >= 0 && to < len(m.tabs) {
		m.tab, m.opened = (to+len(m.tabs))%len(m.tabs), nil
	}
}

// back closes what is on top: a filter, else a page.
func (m *model) back() {
	switch f := m.frame(); {
	case f.filter != "":
		f.filter = ""
	case len(m.opened) > 0:
		m.opened = m.opened[:len(m.opened)-1]
	}
}

// sort goes on to the next column of the first table that can be sorted.
func (m *model) sort(f *frame) {
	for _, part := range f.page.sections(&m.state) {
		if !part.fixed {
			f.sort = (f.sort + 1) % (len(part.columns) + 1)
			if f.sort > 0 && part.columns[f.sort-1].title == "" {
				f.sort++
			}
			return
		}
	}
}

// begin asks whether to do what a key stands for, if it is an action's.
func (m *model) begin(key string, l laid) {
	for i := range actions {
		a := &actions[i]
		if a.key != key {
			continue
		}
		if to := m.aim(l); a.fits(to) {
			m.prompt = &prompt{action: a, to: to}
		} else {
			m.say(fmt.Sprintf("choose %s first, to %s", a.needs, a.what), warn)
		}
		return
	}
}

// aim is what keys act on: the chosen row, then the page.
func (m *model) aim(l laid) target {
	to := m.frame().page.target(&m.state)
	if l.pick >= 0 {
		to = l.rows[l.pick].to.or(to)
	}
	return to
}
