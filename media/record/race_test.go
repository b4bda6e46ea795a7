//go:build race

package record

// racing says that the race detector watches.
const racing = true
