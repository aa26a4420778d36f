package top

// helpPage tells of the keys.
type helpPage struct{}

func (helpPage) name() string         { return "help" }
func (helpPage) target(*state) target { return target{} }

func (helpPage) sections(*state) []section {
	looking := facts(
		"Tab 1-6", "the next page; Shift-Tab the one before; ← → as well",
		"j k ↓ ↑", "choose a row; PgDn PgUp g G go further",
		"Enter", "look into the chosen row",
		"Esc", "back: ends a filter, then closes the page; Backspace too",
		"/", "show only rows with a text",
		"s", "sort by the next column, greatest first",
		"?", "this page",
		"q", "quit",
	)
	looking.title = "Looking"
	var pairs []string
	for _, a := range actions {
		pairs = append(pairs, a.key, a.what)
	}
	acting := facts(pairs...)
	acting.title = "Acting, on what is chosen or looked at; each asks first"
	words := facts(
		"BUSY", "processes that run a task, of those there should be",
		"WAITING", "messages not yet delivered; one may be a batch of short tasks",
		"P50 P99", "what half, and 99 of 100, take at most, since the hosts' starts",
		"lost", "a host that was silent for 5 seconds; its tasks run elsewhere",
	)
	words.title = "Words"
	return []section{looking, acting, words}
}
