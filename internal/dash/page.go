package dash

import (
	"bytes"
	"html/template"
	"net/http"
	"strings"
)

// view makes the page that a request asks for, as the fleet stands now. An error is
// shown in its place.
type view func(*http.Request) (page, error)

// page is what a template is given.
type page struct {
	Template string // that makes the body
	Title    string
	Status   int    // of HTTP; 0 for 200
	Goto     string // another page instead, if set
	Still    bool   // it does not change
	Stream   string // whose task stream it shows: a host's id, or "*"; or none
	Data     any

	// Of every page.
	Path    string
	Actions bool   // may be offered
	Token   string // for forms
	Done    string // what the viewer has just done
	Trouble string // why what is shown may be old
	Body    template.HTML
}

// page serves a view: as a page, or as the news of one that a browser has.
func (s *Server) page(v view) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("Accept"), "text/event-stream") {
			s.live(w, r, v)
			return
		}
		p := s.look(v, r)
		if p.Goto != "" {
			http.Redirect(w, r, p.Goto, http.StatusSeeOther)
			return
		}
		s.write(w, r, p)
	}
}

// look makes a page, of an error if need be.
func (s *Server) look(v view, r *http.Request) page {
	p, err := v(r)
	if err != nil {
		p = failed(err)
	}
	return p
}

// write sends a page whole.
func (s *Server) write(w http.ResponseWriter, r *http.Request, p page) {
	p.Token = s.token(s.session(w, r))
	var all bytes.Buffer
	body, err := s.body(r, &p)
	if err == nil {
		p.Body = template.HTML(body) // is the template's own work
		err = s.templates.ExecuteTemplate(&all, "layout", p)
	}
	if err != nil {
		s.cfg.Logger.Warn("a page could not be made", "path", r.URL.Path, "error", err)
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(max(p.Status, http.StatusOK))
	_, _ = w.Write(all.Bytes()) // a browser that has left is no concern
}

// body makes what changes of a page.
func (s *Server) body(r *http.Request, p *page) ([]byte, error) {
	p.Path, p.Actions = r.URL.Path, s.cfg.Actions
	if a := actions[r.URL.Query().Get("done")]; a != nil {
		p.Done = a.done
	}
	if _, at, err := s.record.queuesNow(); err != nil {
		p.Trouble = "The queues could not be asked for " + age(later(at, s.record.began)) + ": " + err.Error()
	}
	var body bytes.Buffer
	err := s.templates.ExecuteTemplate(&body, p.Template, p)
	return body.Bytes(), err
}

// tab is a link to one of the pages that each page has.
type tab struct {
	Path, Name string
	Here       bool
}

func newTab(p page, path, name string) tab {
	return tab{path, name, p.Path == path || path != "/" && strings.HasPrefix(p.Path, path+"/")}
}

// failed is the page of an error.
func failed(err error) page {
	return page{Template: "message", Title: "That did not work", Status: http.StatusBadGateway, Still: true, Data: err.Error()}
}

// missing is the page of something that is not there.
func missing(what string) page {
	return page{Template: "message", Title: "Not found", Status: http.StatusNotFound, Still: true, Data: what}
}

func (s *Server) nowhere(*http.Request) (page, error) { return missing("There is no such page."), nil }
