package relay

// recent remembers subjects, the latest ones.
type recent struct {
	subjects map[string]bool
	order    []string // a ring, once full
	next     int
}

func newRecent(size int) recent {
	return recent{subjects: map[string]bool{}, order: make([]string, 0, size)}
}

func (r *recent) add(subject string) {
	if r.subjects[subject] {
		return
	}
	if len(r.order) < cap(r.order) {
		r.order = append(r.order, subject)
	} else {
		delete(r.subjects, r.order[r.next])
		r.order[r.next] = subject
		r.next = (r.next + 1) % len(r.order)
	}
	r.subjects[subject] = true
}

func (r *recent) has(subject string) bool { return r.subjects[subject] }

// remove forgets a subject, and reports whether it was there.
func (r *recent) remove(subject string) bool {
	found := r.subjects[subject]
	delete(r.subjects, subject)
	return found
}
