package providertest

import "sync"

// handlers counts a server's handlers at work, so that its end can wait for them. A handler that begins when the server has ended
// is turned away: nobody would wait for it.
type handlers struct {
	mu    sync.Mutex
	ended bool
	work  sync.WaitGroup
}

// begin says whether a handler may go to work; if so it calls done at its end.
func (h *handlers) begin() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.ended {
		h.work.Add(1)
	}
	return !h.ended
}

func (h *handlers) done() { h.work.Done() }

// end lets no further handler begin and waits for those at work.
func (h *handlers) end() {
	h.mu.Lock()
	h.ended = true
	h.mu.Unlock()
	h.work.Wait()
}
