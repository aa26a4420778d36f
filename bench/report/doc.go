// Package report shows what was measured: as Markdown tables with ratios and
// the marks that were set, and as a picture.
package report
