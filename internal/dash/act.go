package dash

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// actionWait bounds one action.
const actionWait = 30 * time.Second

// confirmData is what is to be confirmed.
type confirmData struct {
	Asks   string
	Button button
}

// confirm asks before an action.
func (s *Server) confirm(r *http.Request) (page, error) {
	a := actions[r.PathValue("verb")]
	if a == nil {
		return missing("There is no such action."), nil
	}
	if !s.cfg.Actions {
		return s.readOnly(), nil
	}
	b := button{Verb: a.verb, Label: a.label}
	for _, name := range a.fields {
		b.Fields = append(b.Fields, field{name, r.URL.Query().Get(name)})
	}
	return page{Template: "confirm", Title: words(a.verb) + "?", Still: true, Data: confirmData{a.asks, b}}, nil
}

func (s *Server) readOnly() page {
	return page{
		Template: "message", Title: "Only to look at", Status: http.StatusForbidden, Still: true,
		Data: "This dashboard changes nothing: muster dash was started without --allow-actions.",
	}
}

// act does what a form asks for.
func (s *Server) act(w http.ResponseWriter, r *http.Request) {
	a := actions[r.PathValue("verb")]
	switch {
	case a == nil:
		s.write(w, r, missing("There is no such action."))
		return
	case !s.cfg.Actions:
		s.write(w, r, s.readOnly())
		return
	case !s.ours(r): // reads the form; what does not read has no token
		p := failed(errors.New("the form is not of this session: go back, reload the page, and try again"))
		p.Status = http.StatusForbidden
		s.write(w, r, p)
		return
	}
	ctx, end := context.WithTimeout(r.Context(), actionWait)
	defer end()
	where, err := a.do(ctx, s, r.PostForm)
	subject := r.PostFormValue(a.fields[0])
	if err != nil {
		s.cfg.Logger.Warn("an action failed", "action", a.verb, "of", plain(subject), "from", r.RemoteAddr, "error", err)
		p := failed(err)
		p.Status = http.StatusConflict
		s.write(w, r, p)
		return
	}
	s.cfg.Logger.Info("an action was done", "action", a.verb, "of", plain(subject), "from", r.RemoteAddr)
	http.Redirect(w, r, where+"?done="+a.verb, http.StatusSeeOther)
}
