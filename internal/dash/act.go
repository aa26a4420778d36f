package dash

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// actionWait bounds one action.
const actionWait = 30 * time.Second

// confirmData is what is to be confirmed.
type confirmData struct {
	Asks   string
	Button button
	Back   string // the page to go to instead
	Host   string // name of the host, if it is about one
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
	d := confirmData{Asks: a.asks, Button: b, Back: about[a.fields[0]] + url.PathEscape(b.Fields[0].Value)}
	if a.fields[0] == "host" {
		for _, h := range of(s.record.hosts(), b.Fields[0].Value) {
			d.Host = h.Host
		}
	}
	return page{Template: "confirm", Title: strings.TrimSuffix(a.label, "…") + "?", Still: true, Data: d}, nil
}

// about are the pages of what the first field of an action names. An id is a task's,
// or that of a dead letter that is none: the search knows which.
var about = map[string]string{"host": "/hosts/", "queue": "/queues/", "id": "/tasks?id="}

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
