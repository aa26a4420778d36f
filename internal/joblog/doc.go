// Package joblog keeps the job log of a muster map: one line for each item that
// has come to its end, in the spirit of GNU parallel's, so that a run which was
// interrupted can be gone on with.
//
// The columns are separated by tabs, and the first line names them:
//
//	Seq         number of the item in the input, from 1
//	Host        where it ended, or - if the outcome does not tell
//	Starttime   when it was submitted, in seconds since 1970
//	JobRuntime  seconds that its last attempt ran, or 0.000 if that is not known
//	Send        bytes of the item
//	Receive     bytes of the printed result with its newline
//	Exitval     0 if it is done; else the exit status of its process, 128 and the
//	            number of the signal that ended it, 124 after a time limit or a deadline,
//	            127 without a host that has the func, 130 if it was cancelled, or 1
//	Signal      that ended its process, such as SIGKILL, or -
//	Task        its id, or - if the item could not be sent
//	Hash        of the item, in hexadecimal
//	Func        that was called
//	Item        its beginning, in which \t, \n, \r and \\ stand for what they do in Go
//
// The first eight are those of GNU parallel. An item is done if one of its lines
// has the Exitval 0. A last line that is torn counts for nothing.
package joblog
