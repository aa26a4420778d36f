package codec_test

import (
	"errors"
	"fmt"

	"github.com/musterfleet/muster/codec"
)

var ErrNoFunds = errors.New("no funds")

type LimitError struct{ Limit int }

func (e *LimitError) Error() string { return fmt.Sprintf("more than %d", e.Limit) }

var Pay = codec.NewFunc[int, string]("pay",
	codec.WithErrors(ErrNoFunds),
	codec.WithErrorType[*LimitError](),
)

func ExampleWithErrors() {
	// In the worker process, when the handler of Pay returns an error:
	failure := Pay.Failure(fmt.Errorf("paying 500: %w", errors.Join(ErrNoFunds, &LimitError{Limit: 100})))

	// In the client, when the future is asked for its result:
	err := Pay.Spec().Err(failure, codec.ID{Client: "k3xf9mq2l7zt4b6c", N: 42})
	fmt.Println(errors.Is(err, ErrNoFunds))
	if limit, ok := errors.AsType[*LimitError](err); ok {
		fmt.Println("the limit is", limit.Limit)
	}
	// Output:
	// true
	// the limit is 100
}
