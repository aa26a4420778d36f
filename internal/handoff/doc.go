// Package handoff puts what became of tasks into safe hands. An ordinary outcome
// goes straight to its client, which answers with a receipt, or, where no receipt
// comes, into the RESULTS stream, from which the client fetches it. A durable one
// goes to RESULTS at once. A task to be tried again goes to the stream of
// schedules, and one given up to the dead letters.
package handoff
