// Package chaos tries to break Muster's promises: a fleet of separate processes
// works on a stream of tasks while faults strike it, drawn at random from a seed.
// Everybody notes what happens in one history, and a checker goes through it.
//
//	plan     which faults, when; drawn from the seed alone
//	fleet    broker, hosts, client and the lines between them, each of which ends
//	         and comes back
//	history  what was submitted, accepted, started, finished, settled and killed
//	checker  what must hold of any history, whatever the faults were
package chaos
