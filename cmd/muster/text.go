package main

import (
	"time"

	"github.com/musterfleet/muster/internal/text"
)

// The commands' short names for what package text does.

func count(n int, noun string) string    { return text.Count(n, noun) }
func thousands(n int) string             { return text.Thousands(n) }
func age(t time.Time) string             { return text.Age(t, time.Now()) }
func bytesOf(n uint64) string            { return text.Bytes(n) }
func short(line string, most int) string { return text.Short(line, most) }
func printable(line string) string       { return text.Printable(line) }
