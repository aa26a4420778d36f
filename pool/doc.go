// Package pool keeps worker processes. A [Supervisor] is the one parent of a
// host's worker processes: it starts them by re-executing its own program,
// replaces those that die, charges the task that was running and puts back the
// others, renews leases, and leaves no process behind.
//
// [Local] is a whole fleet within one program: broker, supervisor and client.
// [Run] is a worker host of a fleet. Programs that use either call [Main] first
// thing in main, after registering their handlers: in a worker process it does
// not return.
package pool
