package codec

import "fmt"

// The functions here give text of what others made, and never panic.

// message returns an error's text.
func message(err error) (text string) {
	defer func() {
		if p := recover(); p != nil {
			kind := "error"
			if isNil(err) {
				kind = "nil pointer"
			}
			text = fmt.Sprintf("%s of type %T, whose Error method panics: %s", kind, err, describe(p))
		}
	}()
	return err.Error()
}

// detail returns what the first error that has more to tell with %+v tells then.
func detail(nodes []error) string {
	for _, err := range nodes {
		if _, ok := err.(fmt.Formatter); !ok || isNil(err) {
			continue
		}
		if text := verbose(err); text != message(err) {
			return text
		}
	}
	return ""
}

func verbose(err error) (text string) {
	defer func() {
		if recover() != nil {
			text = message(err)
		}
	}()
	return fmt.Sprintf("%+v", err)
}

// describe returns a panic's value as text. fmt gives up, and panics, on a value
// that panics with itself.
func describe(p any) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("%T", p)
		}
	}()
	return fmt.Sprint(p)
}
