package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// consent is whether the user agrees to what a command destroys.
type consent struct{ yes bool }

func (c *consent) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&c.yes, "yes", false, "do not ask; needed where stdin is not a terminal")
}

// aboutConsent says in a command's help what consent does.
const aboutConsent = `On a terminal it asks first, and anything but yes means no; elsewhere it needs --yes.`

// get returns nil if the user has agreed, by --yes or by the answer on a terminal. what
// would be done follows "This would". Without a terminal its error is one of usage, and
// after any other answer than yes it is [errDeclined].
func (c *consent) get(ctx context.Context, what string, args ...any) error {
	if c.yes {
		return nil
	}
	what = fmt.Sprintf(what, args...)
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return usage("this would %s; add --yes to do it", what)
	}
	first, size := utf8.DecodeRuneInString(what)
	fmt.Fprintf(os.Stderr, "%c%s? [y/N] ", unicode.ToUpper(first), what[size:])
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
