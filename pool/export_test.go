package pool

// ConcealArgs is for tests of what worker processes are started with.
var ConcealArgs = concealArgs
