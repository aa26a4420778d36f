package dash

import (
	"errors"
	"net/http"

	"github.com/musterfleet/muster/fleet"
)

type deadData struct {
	Letters []fleet.DeadLetter
	More    bool // than were read
	Left    int  // letters that were read and are not shown
}

// maxShown is how many dead letters a page shows.
const maxShown = 200

func (s *Server) dead(r *http.Request) (page, error) {
	letters, more, err := s.letters.list(r.Context())
	if err != nil {
		return page{}, err
	}
	d := deadData{Letters: letters, More: more}
	if d.Left = max(len(letters)-maxShown, 0); d.Left > 0 {
		d.Letters = letters[:maxShown]
	}
	return page{Template: "dead", Title: "Dead letters", Data: d}, nil
}

func (s *Server) letter(r *http.Request) (page, error) {
	letter, err := s.cfg.Fleet.DeadLetter(r.Context(), r.PathValue("id"))
	switch {
	case errors.Is(err, fleet.ErrNoLetter), errors.Is(err, fleet.ErrLetterID):
		return missing("There is no such dead letter; perhaps it was retried or removed."), nil
	case err != nil:
		return page{}, err
	}
	return page{Template: "letter", Title: "Dead letter", Data: letter}, nil
}
