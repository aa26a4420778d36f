// Package examples holds small programs, each in a folder of its own and each
// about one thing. They need nothing but themselves: run one by
//
//	go run ./examples/primes
//
// which starts a broker, worker processes and a client on this machine
// (pool.Local). They read well in this order:
//
//	primes      the first program: Submit one call, Map over four
//	square      Map: results in the order of the arguments
//	factorial   Submit many, ask for the results later; big integers
//	sum         two arguments in a struct; AsCompleted; futures as keys of a map
//	future      states, waiting with a limit, cancelling, closing
//	divide      how a handler's error reaches its caller
//	errors      calls that fail at random, and disturb nobody
//	retry       errors that another attempt mends, and such that none does
//	crash       worker processes that die under their tasks
//	durable     results of calls whose client has been killed
//	pids        which process runs what, and what handlers print
//	counter     pitfall: processes share no memory
//	block       pitfall: asking for each result before the next call
//	lazy        Map over an endless sequence, and leaving it
//	chunks      two ways to send many small items in few messages
//	primerange  splitting a range of work into parts
//	chunksize   what the chunk size costs and brings, in a table
package examples
