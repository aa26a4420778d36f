package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// confirm asks a question on stderr, and gives nil if the answer on stdin is yes.
// It asks nobody where stdin is no terminal.
func confirm(ctx context.Context, question string, args ...any) error {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil
	}
	fmt.Fprintf(os.Stderr, question+" [y/N] ", args...)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(os.Stdin).ReadString('\n') // no answer is no
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case a := <-answer:
		if a == "y" || a == "yes" {
			return nil
		}
		return errDeclined
	case <-ctx.Done(): // the goroutine ends with the program
		return because(ctx, ctx.Err())
	}
}
