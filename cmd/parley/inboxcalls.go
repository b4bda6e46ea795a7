package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"parley/control/bots"
	"parley/media"
	"parley/media/opus"
	"parley/media/webrtc"
	channel "parley/providers/message"
	"parley/providers/whatsapp"
	"parley/store"
)

// chatCalls are the calls that people make over WhatsApp: to a bot's agent, who talks to them as to a page.
//
//	webhook ─▶ inbox: event ─▶ server.called ─▶ whatsapp.Calls.Serve ─▶ leg ─▶ server.answer
type chatCalls struct {
	peers *webrtc.Peers
	held  *whatsapp.Calls

	mu     sync.Mutex
	closed bool
	going  sync.WaitGroup
}

// listenChats makes ready what calls of WhatsApp need. Without Opus there are none.
func (s *server) listenChats() (err error) {
	if opus.Available() == nil {
		s.chats, err = s.openChats()
	}
	return err
}

func (s *server) openChats() (*chatCalls, error) {
	public, err := s.cfg.public()
	if err != nil {
		return nil, err
	}
	peers, err := webrtc.NewPeers(webrtc.PeerOptions{Public: public, Log: s.log})
	if err != nil {
		return nil, fmt.Errorf("open calls of WhatsApp: %w", err)
	}
	held := &whatsapp.Calls{Peers: peers, Talk: func(ctx context.Context, leg *webrtc.Leg) { s.answer(ctx, leg) }}
	return &chatCalls{peers: peers, held: held}, nil
}

// begin runs f on a goroutine that close waits for; false: no further calls are taken.
func (c *chatCalls) begin(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.going.Go(f)
	return true
}

// close waits for the calls, which have been hung up, and for their ports, as long as ctx lasts.
func (c *chatCalls) close(ctx context.Context) error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	err := c.peers.Close(ctx)
	if err == nil {
		c.going.Wait()
	}
	return err
}

// chatKind is the kind of a leg over WhatsApp.
const chatKind = "whatsapp"

// called is told what happens to calls on a bot's number. It does not wait for them.
func (s *server) called(bot store.Bot, number *whatsapp.Number, e channel.Event) {
	if e.Call.Step != channel.CallOffered {
		if s.chats != nil {
			s.chats.held.News(e.Call)
		}
		return
	}
	info := media.Info{Kind: chatKind, Owners: []string{bot.Org}, Params: map[string]string{agentParam: bot.Agent}}
	log := s.log.With("leg", chatKind, "carrier_id", e.Call.ID, "bot", bot.ID)
	ctx := context.Background() //nolint:forbidigo // the call outlives the webhook
	if why := s.unwilling(bot); why != "" || !s.chats.begin(func() {
		switch err := s.chats.held.Serve(ctx, number, info, e); {
		case errors.Is(err, whatsapp.ErrMissed):
			log.Info("a call was missed", "error", err)
		case err != nil:
			log.Warn("a call has failed", "error", err)
		}
	}) {
		log.Info("a call is rejected", "reason", why)
		bye, cancel := context.WithTimeout(ctx, rejectTime)
		defer cancel()
		if err := number.Reject(bye, e.Call.ID); err != nil {
			log.Warn("a call is not rejected", "error", err)
		}
	}
}

// rejectTime is how long it may take to tell Meta that a call is not taken.
const rejectTime = 5 * time.Second

// unwilling says why a call to a bot is not taken; empty: it is.
func (s *server) unwilling(bot store.Bot) string {
	switch {
	case s.chats == nil:
		return "this build has no Opus"
	case !bot.Active:
		return "the bot is not active"
	}
	return string(s.refusing())
}

// Called is told of a call on the number of a bot.
func (c *channels) Called(b store.Bot, call any) {
	e, ok := call.(channel.Event)
	w := bots.ChannelOf(b)
	if !ok || c.called == nil || w == nil || w.Provider != bots.Meta {
		return
	}
	n, err := c.number(b, w)
	if err != nil {
		c.accounts.log.Warn("a call cannot be taken", "bot", b.ID, "error", err)
		return
	}
	c.called(b, n, e)
}
