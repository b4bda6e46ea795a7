package bots

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"parley/control/bus"
	"parley/store"
)

// ErrFull says that an organisation has as many readers on this node as it may. Its text may be shown.
var ErrFull = errors.New("too many readers of the organisation's conversations")

const (
	mostReaders = 1000            // of an organisation, on one node
	mostEvents  = 256             // that wait for a reader, before it is let go
	mostCalls   = 100_000         // that go on here and can be told of
	readTime    = 5 * time.Second // for the database, for one note
)

// A Feed tells dashboards what happens to conversations, on whichever node. A note on the bus says only which conversation it is: whoever
// has readers reads the rest from the store, once for all of them. So a note may be lost, and what is told is what the REST endpoints show.
//
//	Recorded (records, in the database) ──┐
//	Updated (the API) ────────────────────┴▶ note ──▶ ( bus ) ──▶ hub of an organisation ──▶ store ──▶ Reader, Reader, ...
//
// Its methods may be called by any goroutine. Its fields are set before the first call.
type Feed struct {
	Store Threads
	Calls store.Calls
	Bus   bus.Bus
	Link  func(org, id string) string // as of Files
	Log   *slog.Logger

	mu    sync.Mutex
	hubs  map[string]*hub
	calls map[string]string // organisations of calls that go on here
}

// A note says that something happened to a conversation.
type note struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`           // created, updated, said, wrote, marked
	From int    `json:"from,omitempty"` // said on a call: the first entry of its transcript that is new

	Message string `json:"message,omitempty"` // wrote, marked: which
}

const (
	created = "created"
	changed = "updated"
	said    = "said"
	wrote   = "wrote"
	marked  = "marked"
)

// subject is where an organisation's conversations are told of.
func subject(org string) bus.Subject { return bus.Subject("org." + org + ".conversations") }

// Updated tells that a conversation's status or auto-reply has changed.
func (f *Feed) Updated(org, id string) { f.publish(org, note{ID: id, Kind: changed}) }

// Began tells that somebody has begun a conversation that is no call.
func (f *Feed) Began(org, id string) { f.publish(org, note{ID: id, Kind: created}) }

// Wrote tells that a message was written in a conversation that is no call.
func (f *Feed) Wrote(org, id, message string) {
	f.publish(org, note{ID: id, Kind: wrote, Message: message})
}

// Changed tells that a message of a conversation that is no call has come further, or has failed.
func (f *Feed) Changed(org, id, message string) {
	f.publish(org, note{ID: id, Kind: marked, Message: message})
}

func (f *Feed) publish(org string, n note) {
	text, err := json.Marshal(n)
	if err == nil {
		err = f.Bus.Publish(subject(org), text)
	}
	if err != nil && !errors.Is(err, bus.ErrAway) && !errors.Is(err, bus.ErrClosed) {
		f.Log.Warn("conversation not told of", "conversation", n.ID, "error", err)
	}
}

// Recorded tells of calls, when the database has what they have left behind. It never waits.
func (f *Feed) Recorded(entries []store.Entry) {
	for _, e := range entries {
		switch {
		case e.Began != nil:
			if f.settle(e.Began.ID, e.Began.Org) {
				f.publish(e.Began.Org, note{ID: e.Began.ID, Kind: created})
			}
		case e.Turned != nil && len(e.Turned.Messages) > 0:
			if org := f.orgOf(e.Turned.Turn.Call, false); org != "" {
				f.publish(org, note{ID: e.Turned.Turn.Call, Kind: said, From: e.Turned.Messages[0].Seq})
			}
		case e.Ended != nil:
			if org := f.orgOf(e.Ended.Call, true); org != "" {
				f.publish(org, note{ID: e.Ended.Call, Kind: said, From: len(e.Ended.Messages)})
				f.publish(org, note{ID: e.Ended.Call, Kind: changed})
			}
		}
	}
}

// settle notes whose a call is; false: that is known already.
func (f *Feed) settle(call, org string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.calls[call]; known || len(f.calls) >= mostCalls {
		return false
	}
	if f.calls == nil {
		f.calls = map[string]string{}
	}
	f.calls[call] = org
	return true
}

// orgOf is whose a call is; empty: not known.
func (f *Feed) orgOf(call string, over bool) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	org := f.calls[call]
	if over {
		delete(f.calls, call)
	}
	return org
}

// A hub reads for all who watch an organisation's conversations on this node.
type hub struct {
	org     string
	readers map[*Reader]bool
	stop    context.CancelFunc
	done    chan struct{}
	told    map[string]int // by call: how many entries of its transcript
}

// A Reader is given what happens to an organisation's conversations: JSON texts, ready to be sent. It is to be closed.
type Reader struct {
	feed   *Feed
	hub    *hub
	Events chan []byte // closed when the reader was too slow, or the bus is closed
	once   sync.Once   // closes Events
}

// Open begins to read an organisation's conversations: ErrFull, or what is wrong with the bus.
func (f *Feed) Open(org string) (*Reader, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := f.hubs[org]
	if h == nil {
		sub, err := f.Bus.Subscribe(subject(org))
		if err != nil {
			return nil, fmt.Errorf("listen to conversations: %w", err)
		}
		ctx, stop := context.WithCancel(context.Background())
		h = &hub{org: org, readers: map[*Reader]bool{}, stop: stop, done: make(chan struct{}), told: map[string]int{}}
		if f.hubs == nil {
			f.hubs = map[string]*hub{}
		}
		f.hubs[org] = h
		go f.run(ctx, h, sub)
	}
	if len(h.readers) >= mostReaders {
		return nil, ErrFull
	}
	r := &Reader{feed: f, hub: h, Events: make(chan []byte, mostEvents)}
	h.readers[r] = true
	return r, nil
}

// Close lets go. The last reader of an organisation waits for its hub to end.
func (r *Reader) Close() {
	f, h := r.feed, r.hub
	f.mu.Lock()
	delete(h.readers, r)
	last := len(h.readers) == 0 && f.hubs[h.org] == h
	if last {
		delete(f.hubs, h.org)
	}
	f.mu.Unlock()
	if last {
		h.stop()
		<-h.done
	}
}

// run takes notes until the hub is stopped, or the bus is closed: then its readers are told so.
func (f *Feed) run(ctx context.Context, h *hub, sub *bus.Subscription) {
	defer close(h.done)
	defer f.dismiss(h)
	defer sub.Close()
	for {
		m, err := sub.Next(ctx)
		if err != nil {
			return
		}
		var n note
		if json.Unmarshal(m.Data, &n) != nil {
			f.Log.Warn("a note about conversations cannot be read", "org", h.org)
			continue
		}
		for _, text := range f.read(ctx, h, n) {
			f.send(h, text)
		}
	}
}

// dismiss ends the readers that a hub still has.
func (f *Feed) dismiss(h *hub) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hubs[h.org] == h {
		delete(f.hubs, h.org)
	}
	for r := range h.readers {
		r.once.Do(func() { close(r.Events) })
		delete(h.readers, r)
	}
}

// send gives a text to all readers. One whose queue is full is let go: it has to read the lists anew.
func (f *Feed) send(h *hub, text []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for r := range h.readers {
		select {
		case r.Events <- text:
		default:
			r.once.Do(func() { close(r.Events) })
			delete(h.readers, r)
		}
	}
}

// An Event is what the socket says of a conversation.
type Event struct {
	Type string `json:"type"`
	Data any    `json:"data"`
}

// The types of events.
const (
	MessageCreated      = "message.created"
	MessageUpdated      = "message.updated" // extension
	ConversationCreated = "conversation.created"
	ConversationUpdated = "conversation.updated"
)

// read makes of a note what readers are told. What is nobody's conversation, such as a call without a bot, comes to nothing.
func (f *Feed) read(ctx context.Context, h *hub, n note) (texts [][]byte) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	events, err := f.events(ctx, h, n)
	if err != nil && !errors.Is(err, store.ErrNotFound) && ctx.Err() == nil {
		f.Log.Warn("conversation not told of", "conversation", n.ID, "error", err)
	}
	for _, e := range events {
		text, err := json.Marshal(e)
		if err != nil {
			f.Log.Error("conversation not told of", "conversation", n.ID, "error", err)
			return nil
		}
		texts = append(texts, text)
	}
	return texts
}

// events are what a note comes to.
func (f *Feed) events(ctx context.Context, h *hub, n note) ([]Event, error) {
	c, err := f.Store.Conversation(ctx, h.org, n.ID)
	if err != nil {
		return nil, fmt.Errorf("read conversation: %w", err)
	}
	if n.Kind == changed && c.Status != store.ConversationActive {
		delete(h.told, n.ID)
	}
	switch n.Kind {
	case created:
		return []Event{{ConversationCreated, ShowConversation(c)}}, nil
	case changed:
		return []Event{{ConversationUpdated, ShowConversation(c)}}, nil
	case wrote, marked:
		m, err := f.Store.ThreadMessage(ctx, h.org, n.ID, n.Message)
		if err != nil {
			return nil, fmt.Errorf("read message: %w", err)
		}
		return []Event{{map[string]string{wrote: MessageCreated, marked: MessageUpdated}[n.Kind], showThread(h.org, m, f.Link)}}, nil
	}
	all, err := spoken(ctx, f.Calls, c)
	if err != nil {
		return nil, err
	}
	from, known := h.told[n.ID]
	if !known {
		from = n.From
	}
	h.told[n.ID] = max(from, len(all))
	var events []Event
	for _, m := range all[min(from, len(all)):] {
		events = append(events, Event{MessageCreated, m})
	}
	return events, nil
}
