// Package providers holds decorators of the pipeline's providers that need no vendor.
//
//	text ──▶ Cache ──known ahead──▶ memory ──────────────▶ speech
//	           └────anything else──▶ Synthesizer (vendor) ──┘
//
// A decorator has the interface of what it decorates and keeps its contract; the conformance suites of providertest hold it to that.
// cmd puts them around the vendors; they hold no call, and one of each serves all calls of a node.
package providers
