package web

import (
	"container/list"
	"sync"
)

// rendered is a page's answer: its bytes never change after it is stored.
type rendered struct {
	etag string
	gzip []byte // the page itself is unpacked for the rare reader that cannot
}

// pageCache keeps the answers of one generation: canonical pages for as long as
// it lives, others until maxOther newer ones were asked for. A page that several
// readers ask for at once is rendered once.
type pageCache struct {
	mu       sync.Mutex
	pages    map[string]*slot
	other    *list.List // of keys, the newest in front
	maxOther int
}

type slot struct {
	done  chan struct{} // closed when page or err is set
	page  *rendered
	err   error
	other *list.Element // nil for canonical pages
}

func newPageCache(maxOther int) *pageCache {
	return &pageCache{pages: map[string]*slot{}, other: list.New(), maxOther: maxOther}
}

// claim returns the slot of key, and whether the caller is the one to fill it.
func (c *pageCache) claim(key string, canonical bool) (s *slot, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.pages[key]; ok {
		if s.other != nil {
			c.other.MoveToFront(s.other)
		}
		return s, false
	}
	s = &slot{done: make(chan struct{})}
	c.pages[key] = s
	if canonical {
		return s, true
	}
	s.other = c.other.PushFront(key)
	for c.other.Len() > c.maxOther {
		oldest := c.other.Back()
		c.other.Remove(oldest)
		delete(c.pages, oldest.Value.(string))
	}
	return s, true
}

// fill hands the answer to everyone who waits. A failure is forgotten, so that
// the next reader tries again.
func (c *pageCache) fill(key string, s *slot, page *rendered, err error) {
	s.page, s.err = page, err
	close(s.done)
	if err == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pages[key] == s {
		delete(c.pages, key)
		if s.other != nil {
			c.other.Remove(s.other)
		}
	}
}
