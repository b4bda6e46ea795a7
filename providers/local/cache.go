package local

import (
	"container/list"
	"sync"
)

// cacheSize bounds what a cache holds, in bytes: greetings and menus are said again and again.
const cacheSize = 64 << 20

// A cacheKey is all that a clause's sound depends on.
type cacheKey struct {
	text, voice string
	rate        int
	pace        float64
}

// A cache keeps the clauses spoken last. What it holds is never written to again.
type cache struct {
	limit int // bytes

	mu    sync.Mutex
	bytes int
	order *list.List // of cached, the last used first
	known map[cacheKey]*list.Element
}

type cached struct {
	key cacheKey
	pcm []int16
}

func newCache(limit int) *cache {
	return &cache{limit: limit, order: list.New(), known: map[cacheKey]*list.Element{}}
}

func (c *cache) get(k cacheKey) ([]int16, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.known[k]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(cached).pcm, true
}

func (c *cache) put(k cacheKey, pcm []int16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.known[k]; ok || 2*len(pcm) > c.limit {
		return
	}
	c.known[k] = c.order.PushFront(cached{k, pcm})
	c.bytes += 2 * len(pcm)
	for c.bytes > c.limit {
		last := c.order.Back()
		old := c.order.Remove(last).(cached)
		delete(c.known, old.key)
		c.bytes -= 2 * len(old.pcm)
	}
}
