// Package doctor looks at an installation, and tells what is wrong with it and the
// mend. It leaves
// everything as it was.
package doctor
