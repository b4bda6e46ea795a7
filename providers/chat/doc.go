// Package chat is what the clients of language models share: each vendor's folder adds its words.
//
//	Talk ──▶ Instructions, Thread ──▶ (vendor: request) ──▶ Wire ──POST──▶ Events ──▶ (vendor: Reading) ──▶ Outlet ──▶ deltas
//	                                                          └── once more on 408, 409, 429, 5xx or a broken connection, before the first delta
//
// A client holds no conversation: each answer is asked for with the whole of it. Deltas are yielded on the goroutine that iterates, as they
// arrive; nothing here starts one of its own beyond those of net/http. Cancelling the context closes the response at once, and with it
// what the vendor charges for.
package chat
