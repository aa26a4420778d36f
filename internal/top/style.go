package top

import "charm.land/lipgloss/v2"

// tone is what a cell's colour says.
type tone uint8

const (
	plain tone = iota
	good
	warn
	bad
	faint
	strong
)

// The terminal's own sixteen colours, which suit its background; the library
// leaves them out where NO_COLOR is set.
var tones = map[tone]lipgloss.Style{
	good:   lipgloss.NewStyle().Foreground(lipgloss.Green),
	warn:   lipgloss.NewStyle().Foreground(lipgloss.Yellow),
	bad:    lipgloss.NewStyle().Foreground(lipgloss.Red).Bold(true),
	faint:  lipgloss.NewStyle().Faint(true),
	strong: lipgloss.NewStyle().Bold(true),
}

var chosen = lipgloss.NewStyle().Reverse(true)

func paint(s string, t tone) string {
	if style, ok := tones[t]; ok {
		return style.Render(s)
	}
	return s
}
