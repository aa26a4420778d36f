package peer

import "time"

// withFutures submits tasks to a peer that gives a future for each. When as many
// as may be are in flight, it waits for the oldest.
func withFutures[F any](all tasks, window int, submit func(i int) (F, error), result func(F) (uint64, error)) (gain, error) {
	var got gain
	futures := make([]F, min(window, all.n))
	settle := func(i int) error {
		n, err := result(futures[i%len(futures)])
		got.sum += n
		return err
	}
	for i := range all.n {
		if i >= len(futures) {
			if err := settle(i); err != nil {
				return got, err
			}
		}
		var err error
		if futures[i%len(futures)], err = submit(i); err != nil {
			return got, err
		}
	}
	for _, long := range []bool{false, true} { // those that are not long are done first
		for i := all.n - len(futures); i < all.n; i++ {
			if all.long(i) != long {
				continue
			}
			if err := settle(i); err != nil {
				return got, err
			}
		}
		if !long {
			got.rest = time.Now()
		}
	}
	return got, nil
}
