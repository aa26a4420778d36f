package top

import (
	"strconv"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
)

// prompt is a question in the last line but one: for a yes, a number, or, without
// an action, for the page's filter.
type prompt struct {
	action *action
	to     target
	typed  string
}

// maxTyped bounds what can be typed.
const maxTyped = 64

func (p *prompt) text() string {
	switch {
	case p.action == nil:
		return "/" + p.typed + "▏"
	case p.action.asks:
		return p.action.question(p.to) + " " + p.typed + "▏"
	}
	return p.action.question(p.to) + " [y/N]"
}

// answer takes a key that is pressed while there is a prompt.
func (m *model) answer(key tea.KeyPressMsg) tea.Cmd {
	p := m.prompt
	if p.action != nil && !p.action.asks {
		m.prompt = nil
		if s := key.String(); s == "y" || s == "Y" {
			m.say("…", faint)
			return m.act(*p, 0)
		}
		m.say("nothing was done", faint)
		return nil
	}
	switch key.String() {
	case "esc":
		m.prompt = nil
		if p.action == nil {
			m.frame().filter = ""
		}
		return nil
	case "enter":
		m.prompt = nil
		if p.action == nil {
			return nil
		}
		n, err := strconv.Atoi(p.typed)
		if err != nil || n < 1 {
			m.say("that is no number of processes; nothing was done", bad)
			return nil
		}
		m.say("…", faint)
		return m.act(*p, n)
	case "backspace":
		_, size := utf8.DecodeLastRuneInString(p.typed)
		p.typed = p.typed[:len(p.typed)-size]
	default:
		if len(p.typed)+len(key.Text) <= maxTyped {
			p.typed += key.Text
		}
	}
	if p.action == nil {
		m.frame().filter = p.typed
	}
	return nil
}
