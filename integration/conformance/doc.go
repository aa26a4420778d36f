// Package conformance holds the tests of concurrent.futures, multiprocessing,
// loky and pebble, translated: each is a subtest named by its id in
// docs/executor.md, and says what the original says, through the public API and
// with real worker processes wherever it involves one.
package conformance
