package doctor

import "time"

// WithClock has an examination take this machine's clock to be another.
func (cfg Config) WithClock(now func() time.Time) Config {
	cfg.now = now
	return cfg
}

// Matches is matches.
var Matches = matches
