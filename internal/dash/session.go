package dash

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
)

// cookieName is that of the session, which ties forms to the browser they were
// made for. It tells nobody apart, and is made anew with each start of the server.
const cookieName = "muster_dash"

// session returns the request's session, and a new one if there is none.
func (s *Server) session(w http.ResponseWriter, r *http.Request) string {
	if id := s.sessionOf(r); id != "" {
		return id
	}
	nonce := rand.Text()
	id := nonce + "." + s.sign("session", nonce)
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	return id
}

// sessionOf returns the request's session if it is one of ours, or "".
func (s *Server) sessionOf(r *http.Request) string {
	for _, cookie := range r.CookiesNamed(cookieName) { // another port's may be among them
		nonce, sum, _ := strings.Cut(cookie.Value, ".")
		if hmac.Equal([]byte(sum), []byte(s.sign("session", nonce))) {
			return cookie.Value
		}
	}
	return ""
}

// token is what the forms of a session carry.
func (s *Server) token(session string) string {
	if session == "" {
		return ""
	}
	return s.sign("form", session)
}

// ours reports whether a form that was sent is one that its sender was given.
func (s *Server) ours(r *http.Request) bool {
	session := s.sessionOf(r)
	return session != "" && hmac.Equal([]byte(r.PostFormValue("token")), []byte(s.token(session)))
}

func (s *Server) sign(what, text string) string {
	mac := hmac.New(sha256.New, s.key[:])
	mac.Write([]byte(what + "\x00" + text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
