package main

import (
	"math"
	"strconv"
	"strings"
)

// byteCount is a flag whose value is a number of bytes: plain, or with a unit such
// as 512MiB or 1GB.
type byteCount int64

var units = map[string]float64{
	"": 1, "b": 1,
	"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
	"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}

// Set reads a number of bytes, 1 or more.
func (b *byteCount) Set(text string) error {
	number := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
	unit, known := units[strings.ToLower(strings.TrimSpace(text[len(number):]))]
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !known || !(n*unit >= 1 && n*unit < math.MaxInt64) {
		return usage("write a number of bytes like 512MiB or 1GB")
	}
	*b = byteCount(n * unit)
	return nil
}

func (b *byteCount) String() string {
	if *b == 0 {
		return ""
	}
	return strconv.FormatInt(int64(*b), 10)
}

// Type names the value in a flag's help.
func (b *byteCount) Type() string { return "BYTES" }
