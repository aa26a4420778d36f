package codec

// Final marks an error that a handler returns as one that another attempt would
// not mend: whatever the task's error budget, it is the outcome. The caller sees
// err. A nil err gives nil.
func Final(err error) error {
	if err == nil {
		return nil
	}
	return &final{err}
}

type final struct{ error }

func (f *final) Unwrap() error { return f.error }

// unmark returns an error as its caller shall see it, and whether it is marked,
// itself or one that it wraps.
func unmark(err error) (error, bool) {
	if mark, ok := err.(*final); ok {
		return mark.error, true
	}
	for _, node := range tree(err) {
		if _, ok := node.(*final); ok {
			return err, true
		}
	}
	return err, false
}
