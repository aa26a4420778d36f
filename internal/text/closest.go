package text

// Closest returns the word that somebody may have meant who wrote another, which takes
// few edits to become it, or nothing if none is close.
func Closest(written string, words []string) string {
	closest, fewest := "", max(1, (len(written)+1)/3)+1
	for _, word := range words {
		if n := distance(written, word); n < fewest {
			closest, fewest = word, n
		}
	}
	return closest
}

// distance returns how many bytes must be inserted, removed or replaced to make b of a,
// where two that are swapped count as one.
func distance(a, b string) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			replaced := last[j]
			if a[i] != b[j] {
				replaced++
			}
			row[j+1] = min(replaced, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
