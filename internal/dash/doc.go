// Package dash shows a fleet in a browser, live: pages rendered here, a stylesheet,
// and one small script that takes news by server-sent events.
//
// What it shows comes from anybody who may submit a task. So every text is escaped,
// freed of control characters and cut to a bound; the pages allow no script and no
// style but their own; and nothing is changed unless the operator has asked for it
// by Config.Actions, and then only by a form of these pages.
package dash
