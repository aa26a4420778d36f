package dash

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// policy allows a page what it needs: the stylesheet, the script and the news of
// this server, and forms to it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guarded keeps out whoever has no business here, before a handler sees them.
func (s *Server) guarded(next http.Handler) http.Handler {
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		h.Set("Vary", "Accept, Cookie")
		switch {
		case !s.answersTo(r.Host):
			http.Error(w, "muster dash does not answer to this host name; allow it by --name", http.StatusMisdirectedRequest)
		case !s.knows(r):
			h.Set("WWW-Authenticate", `Basic realm="muster dash", charset="UTF-8"`)
			http.Error(w, "muster dash asks for its user and password", http.StatusUnauthorized)
		default:
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			next.ServeHTTP(w, r)
		}
	})
}

// answersTo reports whether a request's host is one of ours. A foreign site can have
// its own name point to this machine, and its script would then read our pages.
func (s *Server) answersTo(host string) bool {
	if !s.cfg.Loopback {
		return true
	}
	name := host
	if bare, _, err := net.SplitHostPort(host); err == nil {
		name = bare
	}
	name = strings.ToLower(strings.Trim(name, "[]"))
	if name == "localhost" || slices.ContainsFunc(s.cfg.Names, func(n string) bool { return strings.EqualFold(n, name) }) {
		return true
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.IsLoopback()
}

// knows reports whether a request has the password, if there is one.
func (s *Server) knows(r *http.Request) bool {
	if s.cfg.Password == "" {
		return true
	}
	user, password, _ := r.BasicAuth()
	return same(user, s.cfg.User)&same(password, s.cfg.Password) == 1
}

// same compares in a time that tells nothing, not even the length.
func same(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}
