package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"parley/control/admission"
	"parley/control/bots"
	"parley/control/nodes"
	"parley/media"
	"parley/media/opus"
	"parley/media/webrtc"
	channel "parley/providers/message"
	"parley/providers/whatsapp"
	"parley/store"
)

// chatLeg is the kind of legs on WhatsApp.
const chatLeg = "whatsapp"

// botParam names the bot whose number a call on WhatsApp came to, among the leg's parameters.
const botParam = "parley_bot"

// botOf is the bot whose number took a call; empty: it came by telephone, where parameters are the caller's.
func botOf(info media.Info) string {
	if info.Kind != chatLeg {
		return ""
	}
	return info.Params[botParam]
}

// chatRows are what chatCalls reads and writes.
type chatRows interface {
	store.ChatCalls
	Dial(ctx context.Context, call string) (store.Dial, error)
}

// chatCalls are the calls that come to bots' numbers on WhatsApp, and that go out from them. A webhook that tells of one may be worked off by any
// node, and more than once: the node that does so first with an offer takes the call, and is told what others learn of it.
//
//	offer ──▶ HoldChatCall: is it ours? ──▶ Serve
//	news ──▶ News, if the call is here; else ChatCallHolder, or the dial's node ──▶ nodes.Node.Tell ──▶ hear, there
type chatCalls struct {
	whatsapp.Calls
	lines   *channels
	rows    chatRows
	node    *nodes.Node
	boot    string                // this process's
	welcome func(media.Info) bool // gives the call a place; false: there is none
	forget  func(key string)      // gives the place back
	log     *slog.Logger

	placed placedCalls

	mu      sync.Mutex
	rings   map[string]*chatRing // calls of ours, by their tokens
	ctx     context.Context      //nolint:containedctx // of calls, which outlive the webhooks that tell of them; ends with close
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// listenChats makes ready what calls on WhatsApp need. In a build without Opus there is none, and nobody takes them.
func (s *server) listenChats(ctx context.Context) error {
	s.office.accounts.chat = s.chatCarrier
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
	c := &chatCalls{
		lines: s.office.channels, rows: s.office.store, node: s.office.node, boot: s.office.boot, welcome: s.welcomeChat, forget: s.gate.Forget, log: s.log,
	}
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

// begin does something that outlives who has told of it; false: the server stops.
func (c *chatCalls) begin(do func(ctx context.Context)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		return false
	}
	c.running.Go(func() { do(c.ctx) })
	return true
}

// take takes what a channel has told of a call, by the webhook of a bot. It does not wait.
func (c *chatCalls) take(bot store.Bot, e channel.Event) {
	switch {
	case c == nil:
	case e.Call.Step == channel.CallOffered:
		c.begin(func(ctx context.Context) { c.serve(ctx, bot, e) })
	case !c.News(e.Call, bot.Org):
		c.begin(func(ctx context.Context) { c.pass(ctx, bot.Org, e.Call) })
	}
}

const (
	chatTries = 8           // to find out whose a call is
	chatPause = time.Second // between two of them
)

// again does something until it is done, some times; false: it never was.
func again(ctx context.Context, do func() bool) bool {
	for range chatTries {
		if do() {
			return true
		}
		select {
		case <-time.After(chatPause):
		case <-ctx.Done():
			return false
		}
	}
	return false
}

// hold says whether an offer is this node's to answer. One that was told before is being answered, or was.
func (c *chatCalls) hold(ctx context.Context, org, id string) (held bool) {
	var err error
	known := again(ctx, func() bool {
		held, err = c.rows.HoldChatCall(ctx, org, id, c.boot, time.Now())
		return err == nil
	})
	if !known {
		c.log.WarnContext(ctx, "a call on WhatsApp is not taken: it cannot be said whose it is", "org", org, "carrier_id", id, "error", err)
	}
	return held
}

// pass tells the node that holds a call what was told of it here. News that nobody can have yet are kept by News for a while.
func (c *chatCalls) pass(ctx context.Context, org string, call *channel.Call) {
	log := c.log.With("org", org, "leg", chatLeg, "carrier_id", call.ID, "step", call.Step)
	var boot string
	found := again(ctx, func() bool {
		boot = c.holder(ctx, org, call)
		return boot != ""
	})
	switch news, err := json.Marshal(call); {
	case !found:
		log.DebugContext(ctx, "news of a call on WhatsApp are nobody's")
	case boot == c.boot:
		c.strayed(ctx, org, call)
	case err != nil:
		log.ErrorContext(ctx, "news of a call on WhatsApp are not told", "error", err)
	default:
		if err := c.node.Tell(ctx, boot, nodes.Order{Act: nodes.News, Call: call.ID, Org: org, News: string(news)}); err != nil {
			log.WarnContext(ctx, "the node of a call on WhatsApp is not told its news", "boot", boot, "error", err)
		}
	}
}

// holder is the node that has a call, by its boot: of one of ours that its id does not lead to, the one that dials. Empty: none is known.
func (c *chatCalls) holder(ctx context.Context, org string, call *channel.Call) string {
	boot, err := c.rows.ChatCallHolder(ctx, org, call.ID)
	if err == nil || call.Tag == "" {
		return boot
	}
	if dial, err := c.rows.Dial(ctx, call.Tag); err == nil && dial.Org == org {
		return dial.Node
	}
	return ""
}

// hear is told by another node what a channel has told of a call that is held here.
func (c *chatCalls) hear(o nodes.Order) error {
	var call channel.Call
	if err := json.Unmarshal([]byte(o.News), &call); err != nil {
		return fmt.Errorf("read news: %w", err)
	}
	if c == nil {
		return nodes.ErrNotLive
	}
	if !c.News(&call, o.Org) {
		c.begin(func(ctx context.Context) { c.strayed(ctx, o.Org, &call) })
	}
	return nil
}

// strayed hangs up a call of ours which Meta says is ringing, and of which nobody knows here, where it would be held: it is over, or Meta's answer
// was lost and its news came too late.
func (c *chatCalls) strayed(ctx context.Context, org string, call *channel.Call) {
	if call.Tag == "" || call.Step != channel.CallRinging && call.Step != channel.CallAccepted {
		return
	}
	if c.News(call, org) { // it has come about meanwhile
		return
	}
	dial, err := c.rows.Dial(ctx, call.Tag)
	if err != nil || dial.Org != org {
		return
	}
	carrier, err := c.lines.accounts.Carrier(org, dial.Account)
	if err == nil {
		err = carrier.HangUp(ctx, call.ID)
	}
	c.log.WarnContext(ctx, "a call on WhatsApp is hung up that nobody holds", "call", dial.Call, "carrier_id", call.ID, "error", err)
}

// serve holds a call that was offered, if this node is the first to be told of it.
func (c *chatCalls) serve(ctx context.Context, bot store.Bot, e channel.Event) {
	log := c.log.With("org", bot.Org, "leg", chatLeg, "carrier_id", e.Call.ID)
	if !c.hold(ctx, bot.Org, e.Call.ID) {
		return
	}
	bot, n, err := c.lines.addressee(ctx, bot, e.Line.ID)
	if err != nil {
		log.WarnContext(ctx, "a call on WhatsApp is nobody's", "number", e.Line.ID, "error", err)
		return
	}
	c.introduce(ctx, bot.Org, e.Call.Peer)
	info := media.Info{
		Kind: chatLeg, ID: e.Call.ID, Owners: []string{bot.Org}, Params: map[string]string{agentParam: bot.Agent, botParam: bot.ID},
	}
	if !c.welcome(info) {
		log.InfoContext(ctx, "a call on WhatsApp is rejected: there is no place for it, or its bot is paused", "bot", bot.ID)
		if err := n.Reject(ctx, info.ID); err != nil {
			log.WarnContext(ctx, "a call on WhatsApp is not rejected", "error", err)
		}
		return
	}
	defer c.forget(info.ID)
	switch err := c.Serve(ctx, n, info, e); {
	case errors.Is(err, whatsapp.ErrMissed):
		log.InfoContext(ctx, "a call on WhatsApp is missed", "reason", err)
	case err != nil:
		log.WarnContext(ctx, "a call on WhatsApp went wrong", "error", err)
	}
}

// acquainted is how long a call waits for its caller to become a contact.
const acquainted = 2 * time.Second

// introduce makes whoever calls a contact, as whoever writes becomes one.
func (c *chatCalls) introduce(ctx context.Context, org string, who channel.Party) {
	peers := slices.DeleteFunc([]string{who.Number, who.User}, func(name string) bool { return name == "" })
	if len(peers) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, acquainted)
	defer cancel()
	if err := c.rows.Introduce(ctx, org, peers, who.Name, time.Now().UTC()); err != nil {
		c.log.WarnContext(ctx, "a caller on WhatsApp does not become a contact", "org", org, "error", err)
	}
}

// permitted is told that somebody has said whether they may be called: the tasks that have waited for it wait no more.
func (c *chatCalls) permitted(bot store.Bot, e channel.Event) {
	to := e.Message.From.Number
	if c == nil || to == "" {
		return
	}
	c.begin(func(ctx context.Context) {
		tasks := 0
		done := again(ctx, func() bool {
			at, _, err := c.lines.addressee(ctx, bot, e.Line.ID)
			if err == nil {
				tasks, err = c.rows.Permitted(ctx, at.Org, at.ID, to, time.Now().UTC())
			}
			return err == nil
		})
		switch log := c.log.With("org", bot.Org, "granted", e.Message.Permission.Granted, "tasks", tasks); {
		case !done:
			log.WarnContext(ctx, "somebody has said whether they may be called, and no task is told")
		case tasks > 0:
			log.InfoContext(ctx, "somebody has said whether they may be called")
		}
	})
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
