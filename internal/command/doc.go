// Package command makes handlers of commands: one that runs a command for each
// task, and one that passes tasks on to a command which goes on running.
//
// A supervisor's program turns an [Offer] into an environment entry, and each of
// its worker processes takes it up by [Inherit].
package command
