//go:build !race

package edge

// memory is how much of the bound of a test is taken.
const memory = 1
