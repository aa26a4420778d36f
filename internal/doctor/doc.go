// Package doctor looks at an installation, and tells what is wrong with it and the
// mend. It creates and changes nothing.
package doctor
