// Package jsonvalue turns JSON into MessagePack and back, as exactly as either
// allows: for people who write arguments and read results, and for programs that
// speak JSON.
package jsonvalue
