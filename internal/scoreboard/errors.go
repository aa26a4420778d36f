package scoreboard

import "errors"

// ErrLayout is returned by Open for a file that is not a board of this
// program's layout: wrong size, wrong magic or another version. Worker process
// and supervisor must be the same build.
var ErrLayout = errors.New("not a scoreboard of this layout")
