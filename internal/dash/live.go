package dash

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"
)

const (
	liveEvery = time.Second
	beatEvery = 5 * time.Second
	// liveWait bounds the wait for a browser that does not take its news.
	liveWait = 10 * time.Second
)

// live sends what changes of a page, as server-sent events: "part" is the page's
// body anew, as a JSON string; "stream" is news of the task stream; "beat" says that
// there is nothing new.
func (s *Server) live(w http.ResponseWriter, r *http.Request, v view) {
	select {
	case s.viewers <- struct{}{}:
		defer func() { <-s.viewers }()
	default:
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many pages are live", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	to := http.NewResponseController(w)
	_ = to.SetReadDeadline(time.Time{}) // if it cannot be set, the browser will reconnect

	var events bytes.Buffer
	var shown []byte
	var told uint64
	var beat time.Time
	token := s.token(s.sessionOf(r))
	ticker := time.NewTicker(liveEvery)
	defer ticker.Stop()
	for {
		events.Reset()
		p := s.look(v, r)
		p.Token = token
		if p.Goto != "" {
			return
		}
		body, err := s.body(r, &p)
		if err != nil {
			s.cfg.Logger.Warn("news of a page could not be made", "path", r.URL.Path, "error", err)
			return
		}
		if p.Stream != "" {
			var news streamNews
			news, told = s.record.news(p.Stream, told, time.Now())
			event(&events, "stream", news)
		}
		if !bytes.Equal(body, shown) {
			shown = body
			event(&events, "part", string(body))
		}
		if events.Len() == 0 && time.Since(beat) >= beatEvery {
			event(&events, "beat", nil)
		}
		if events.Len() > 0 {
			beat = time.Now()
			_ = to.SetWriteDeadline(time.Now().Add(liveWait))
			if _, err := w.Write(events.Bytes()); err != nil || to.Flush() != nil {
				return
			}
		}
		select {
		case <-ticker.C:
		case <-r.Context().Done():
			return
		case <-s.life.Done():
			return
		}
	}
}

// event appends an event. Its data are of types that JSON has, on one line.
func event(to *bytes.Buffer, name string, data any) {
	to.WriteString("event: " + name + "\ndata: ")
	_ = json.NewEncoder(to).Encode(data) // writes one line, and cannot fail
	to.WriteByte('\n')
}
