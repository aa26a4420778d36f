package dash

import (
	"embed"
	"fmt"
	"html/template"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/text"
)

//go:embed templates static
var files embed.FS

// parse reads the templates. They are part of the program, so it cannot fail.
func (s *Server) parse() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"plain": plain, "short": short, "value": value, "age": age, "bytes": text.Bytes, "duration": duration,
		"words":  func(code any) string { return words(fmt.Sprint(code)) },
		"count":  count,
		"many":   text.Count[int],
		"colour": s.record.colour,
		"when":   func(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") },
		"clock":  func(t time.Time) string { return t.Local().Format("15:04:05.000") },
		"stamp":  func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"since":  func(t time.Time) string { return duration(time.Since(t)) },
		"until":  func(from, to time.Time) string { return duration(to.Sub(from)) },
		"percent": func(part float64) string {
			return fmt.Sprintf("%.0f %%", 100*part)
		},
		"number": func(f float64) string { return text.Thousands(int64(f)) },
		"secs":   func(f float64) string { return duration(time.Duration(f * float64(time.Second)).Round(time.Second)) },
		"button": newButton,
		"tab":    newTab,
		"part":   func(n uint64, of int64) int { return int(min(100*float64(n)/float64(of), 100)) },
		"latest": func(deaths []codec.ProcessDeath) *codec.ProcessDeath {
			if len(deaths) == 0 {
				return nil
			}
			return &deaths[len(deaths)-1]
		},
	}).ParseFS(files, "templates/*.html"))
}

// count returns a number with commas.
func count(n any) string {
	switch n := n.(type) {
	case int:
		return text.Thousands(n)
	case uint64:
		return text.Thousands(n)
	}
	return fmt.Sprint(n)
}
