// Package metrics gives collectors for Prometheus of what a worker host, a client
// and the queues do. They read what is counted anyway: nothing is added to what a
// task costs.
//
// All names begin with muster_; docs/operations.md has the table. Times are in
// seconds, sizes in bytes.
package metrics
