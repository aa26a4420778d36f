// Package shellmap runs a call for each item of an input and prints the results,
// as xargs and GNU parallel do: it reads items, prints results, keeps a job log,
// shows how far it is, and ends as it was told to, in bounded memory. What a call
// is, and that it goes to a broker, is its caller's.
package shellmap
