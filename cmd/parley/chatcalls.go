package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"

	"parley/control/admission"
	"parley/control/bots"
	"parley/media"
	"parley/media/opus"
	"parley/media/webrtc"
	channel "parley/providers/message"
	"parley/providers/whatsapp"
	"parley/store"
)

// chatCalls takes the calls that come to bots' numbers on WhatsApp. A webhook that tells of one may be worked off by any node: the one that does
// takes the call.
type chatCalls struct {
	whatsapp.Calls
	lines   *channels
	welcome func(media.Info) bool // gives the call a place; false: there is none
	log     *slog.Logger

	mu      sync.Mutex
	ctx     context.Context //nolint:containedctx // of calls, which outlive the webhooks that tell of them; ends with close
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// listenChats makes ready what calls on WhatsApp need. In a build without Opus there is none, and nobody takes them.
func (s *server) listenChats(ctx context.Context) error {
	if err := opus.Available(); err != nil {
		s.log.Info("calls on WhatsApp are not taken", "reason", err)
		return nil
	}
	public, err := s.cfg.public()
	if err != nil {
		return err
	}
	o := webrtc.PeerOptions{Public: public, Reaches: s.office.channels.accounts.gate.Reaches, Log: s.log}
	if host, _, err := net.SplitHostPort(s.cfg.WebRTCUDP); err == nil {
		if at, err := netip.ParseAddr(host); err == nil && !at.IsUnspecified() {
			o.Host = host
		}
	}
	c := &chatCalls{lines: s.office.channels, welcome: s.welcomeChat, log: s.log}
	if c.Peers, err = webrtc.NewPeers(o); err != nil {
		return err
	}
	c.Talk = func(ctx context.Context, leg *webrtc.Leg) { s.answer(ctx, leg) }
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.chats = c
	s.office.channels.calls = c
	return nil
}

// welcomeChat gives a call a place, or says that there is none.
func (s *server) welcomeChat(info media.Info) bool {
	if s.draining.Load() {
		return false
	}
	route, err := s.office.route(info)
	if err != nil {
		return false // the bot is paused
	}
	return s.gate.Admit(admission.Request{Key: info.ID, Org: route.Org, Speech: s.company.speaksLocally(route.Agent)}) == ""
}

// take takes what a channel has told of a call, by the webhook of a bot. It does not wait.
func (c *chatCalls) take(bot store.Bot, e channel.Event) {
	if c == nil {
		return
	}
	if e.Call.Step != channel.CallOffered {
		c.News(e.Call, bot.Org)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() == nil {
		c.running.Go(func() { c.serve(c.ctx, bot, e) })
	}
}

// serve holds a call.
func (c *chatCalls) serve(ctx context.Context, bot store.Bot, e channel.Event) {
	log := c.log.With("org", bot.Org, "leg", "whatsapp", "carrier_id", e.Call.ID)
	bot, n, err := c.lines.addressee(ctx, bot, e.Line.ID)
	if err != nil {
		log.WarnContext(ctx, "a call on WhatsApp is nobody's", "number", e.Line.ID, "error", err)
		return
	}
	info := media.Info{Kind: "whatsapp", ID: e.Call.ID, Owners: []string{bot.Org}, Params: map[string]string{agentParam: bot.Agent}}
	if !c.welcome(info) {
		log.InfoContext(ctx, "a call on WhatsApp is rejected: there is no place for it, or its bot is paused", "bot", bot.ID)
		if err := n.Reject(ctx, info.ID); err != nil {
			log.WarnContext(ctx, "a call on WhatsApp is not rejected", "error", err)
		}
		return
	}
	switch err := c.Serve(ctx, n, info, e); {
	case errors.Is(err, whatsapp.ErrMissed):
		log.InfoContext(ctx, "a call on WhatsApp is missed", "reason", err)
	case err != nil:
		log.WarnContext(ctx, "a call on WhatsApp went wrong", "error", err)
	}
}

// addressee is the bot whose number of Meta's has that id, and the number: the one that a webhook came for, or another of its organisation.
func (c *channels) addressee(ctx context.Context, bot store.Bot, id string) (store.Bot, *whatsapp.Number, error) {
	for p := (store.Page{Limit: 500}); ; p.Offset += p.Limit {
		if w := bots.ChannelOf(bot); w.Is(id) {
			n, err := c.number(bot, w)
			return bot, n, err
		}
		all, err := c.bots.Bots(ctx, bot.Org, p)
		if err != nil {
			return store.Bot{}, nil, fmt.Errorf("look for the bot of %s: %w", id, err)
		}
		if i := slices.IndexFunc(all, func(b store.Bot) bool { return bots.ChannelOf(b).Is(id) }); i >= 0 {
			bot = all[i]
			continue
		}
		if len(all) < p.Limit {
			return store.Bot{}, nil, errors.New("no bot has this number")
		}
	}
}

// close hangs up, and waits until nothing of any call is left, or ctx ends.
func (c *chatCalls) close(ctx context.Context) error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	c.cancel()
	c.mu.Unlock()
	err := c.Peers.Close(ctx)
	if err != nil {
		return fmt.Errorf("calls on WhatsApp: %w", err)
	}
	c.running.Wait()
	return nil
}
