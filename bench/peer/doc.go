// Package peer puts Muster and systems that do a similar job behind one small
// interface, so that the same work can be measured on each.
//
// Programs that use it call [Main] first thing in main: worker processes and
// brokers are this program again.
package peer
