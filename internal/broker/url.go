package broker

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// DefaultURL is where a broker is looked for when nothing names one.
const DefaultURL = "nats://127.0.0.1:4222"

// Redact returns a broker's URL, or a comma-separated list of them, fit to be
// shown and logged: user names, passwords and tokens become "***". It hides
// too much rather than too little when the text is not a URL.
func Redact(urls string) string {
	list := strings.Split(urls, ",")
	for i, u := range list {
		at := strings.LastIndexByte(u, '@')
		if at < 0 {
			continue
		}
		scheme := ""
		if s, _, ok := strings.Cut(u[:at], "://"); ok {
			scheme = s + "://"
		}
		list[i] = scheme + "***" + u[at:]
	}
	return strings.Join(list, ",")
}

// checkURL returns [ErrURL] for what the client library would misread or
// report with the password in it.
func checkURL(urls string) error {
	for u := range strings.SplitSeq(urls, ",") {
		u = strings.TrimSpace(u)
		if !strings.Contains(u, "://") {
			u = "nats://" + u
		}
		parsed, err := url.Parse(u)
		if err != nil {
			// The error of url.Parse repeats the URL, so only its cause is told.
			if inner, ok := errors.AsType[*url.Error](err); ok {
				err = inner.Err
			}
			return badURL(urls, err.Error())
		}
		switch parsed.Scheme {
		case "nats", "tls", "ws", "wss":
		default:
			return badURL(urls, fmt.Sprintf("scheme %q is not nats, tls, ws or wss", parsed.Scheme))
		}
		if parsed.Hostname() == "" {
			return badURL(urls, "no host")
		}
	}
	return nil
}

func badURL(urls, cause string) error {
	return fmt.Errorf("%w %q: %s: write it like %s", ErrURL, Redact(urls), cause, DefaultURL)
}
