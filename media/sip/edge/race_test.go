//go:build race

package edge

// memory is how much of the bound of a test is taken: the race detector keeps a shadow of all memory.
const memory = 8
