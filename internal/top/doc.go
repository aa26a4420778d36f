// Package top shows a fleet in a terminal: live, with keys that steer it, or as
// one [Snapshot].
//
// The program is a [tea.Model]: messages change the model, and the view is a
// function of it. What a page shows is made of sections of rows, the same for the
// terminal and for [Print]; each page has a file. Whatever asks the broker is a
// command with a time limit, so that nothing waits for it.
package top
