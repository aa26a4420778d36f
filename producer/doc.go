// Package producer submits calls of remote funcs and holds their futures.
//
// A [Client] is a connection to the broker with its own reply subject. [Submit]
// encodes one call and returns a [Future] without waiting for the result; [Map]
// does so for a sequence; [Wait] and [AsCompleted] wait for several. They
// mirror concurrent.futures of Python: Submit is Executor.submit, Map is
// Executor.map, and so on.
//
// A submitted task is collected with others into a batch and stored in a
// JetStream stream. Workers publish outcomes to the client's reply subject; the
// registry finds the future by the task's number, and the client answers with a
// receipt, after which the worker removes the task from its queue. The outcome of
// a durable task ([Retain], [Key]) is stored instead, for whoever knows the task's
// id and calls [Attach]. [Schedule] has a call made again and again.
package producer
