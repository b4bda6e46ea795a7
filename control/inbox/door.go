package inbox

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"parley/control/bots"
	"parley/store"
)

const (
	mostBody = 3 << 20         // bytes of a webhook, as Meta has it
	doorTime = 5 * time.Second // from a webhook's body to the answer
)

// Mount registers the webhooks of channels: GET and POST /whatsapp/meta/{bot}, POST /whatsapp/twilio/{bot}. Which bot it is says whose secret has
// signed; what comes for another number of the same organisation goes to the bot of that number.
func (b *Inbox) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /whatsapp/meta/{bot}", b.verify)
	mux.HandleFunc("POST /whatsapp/meta/{bot}", func(w http.ResponseWriter, r *http.Request) { b.take(w, r, bots.Meta) })
	mux.HandleFunc("POST /whatsapp/twilio/{bot}", func(w http.ResponseWriter, r *http.Request) { b.take(w, r, bots.Twilio) })
}

// VerifyToken is what Meta must show before it is told that a bot's webhook is ours. It is made of the server's secret, and kept nowhere.
func (b *Inbox) VerifyToken(bot string) string {
	mac := hmac.New(sha256.New, b.o.Secret)
	mac.Write([]byte("whatsapp verify token " + bot))
	return hex.EncodeToString(mac.Sum(nil))[:32]
}

// WebhookURL is where a bot's channel is to send what happens; empty: this server does not know its own address.
func (b *Inbox) WebhookURL(provider, bot string) string {
	if b.o.Public == "" {
		return ""
	}
	return strings.TrimRight(b.o.Public, "/") + "/whatsapp/" + provider + "/" + bot
}

// verify answers Meta's question whether the webhook is ours
// (developers.facebook.com/docs/graph-api/webhooks/getting-started#verification-requests).
func (b *Inbox) verify(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	challenge := q.Get("hub.challenge")
	same := subtle.ConstantTimeCompare([]byte(q.Get("hub.verify_token")), []byte(b.VerifyToken(r.PathValue("bot")))) == 1
	if !same || q.Get("hub.mode") != "subscribe" || challenge == "" || len(challenge) > 256 {
		http.Error(w, "the verify token is not that of this bot", http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = io.WriteString(w, challenge)
}

// take writes a webhook down and answers. What is made of it comes later.
func (b *Inbox) take(w http.ResponseWriter, r *http.Request, provider string) {
	outcome := hookRefused
	defer func() { b.o.Observe.hooked(outcome) }()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if err != nil {
		status := http.StatusBadRequest
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(w, "the body cannot be read", status)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), doorTime)
	defer cancel()
	bot, err := b.botOf(ctx, r.PathValue("bot"))
	var config *bots.WhatsApp
	if err == nil {
		config = bots.ChannelOf(bot)
	}
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && (config == nil || config.Provider != provider):
		http.Error(w, "no such bot", http.StatusNotFound)
		return
	case err != nil:
		outcome = hookBusy
		b.busy(w, r, err)
		return
	}
	line, err := b.o.Lines.Line(bot)
	if err != nil {
		b.o.Log.Warn("a webhook cannot be checked", "org", bot.Org, "bot", bot.ID, "error", err)
		http.Error(w, "the bot's channel is not set up", http.StatusForbidden)
		return
	}
	if !line.Signed(Webhook{URL: b.target(r), Header: r.Header, Body: body}) {
		b.o.Log.Warn("a webhook is not signed by its channel", "org", bot.Org, "bot", bot.ID, "from", r.RemoteAddr)
		http.Error(w, "the signature is wrong", http.StatusForbidden)
		return
	}
	if err := b.keep(ctx, bot, r.URL.RawQuery, body); err != nil {
		outcome = hookBusy
		b.busy(w, r, err)
		return
	}
	outcome = hookTaken
	if provider == bots.Twilio { // TwiML that says nothing
		w.Header().Set("Content-Type", "text/xml")
		_, _ = io.WriteString(w, "<Response/>")
	}
}

// keep writes a webhook down, unless it is there already: the query of its URL on one line, and then its body.
func (b *Inbox) keep(ctx context.Context, bot store.Bot, query string, body []byte) error {
	text := strings.ReplaceAll(query, "\n", "") + "\n" + string(body)
	now, sum := time.Now(), sha256.Sum256([]byte(text))
	_, err := b.o.Store.AddJob(ctx, store.Job{
		ID: store.NewID(), Org: bot.Org, Bot: bot.ID, Kind: store.EventJob, Key: hex.EncodeToString(sum[:]), Body: text, Due: now, Latest: now, Created: now,
	})
	if err == nil {
		b.rouse(store.EventJob)
	}
	return err
}

// busy asks the channel to come again.
func (b *Inbox) busy(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		b.o.Log.Warn("a webhook is not taken", "path", r.URL.Path, "error", err)
	}
	w.Header().Set("Retry-After", "5")
	http.Error(w, "try again", http.StatusServiceUnavailable)
}

// botOf finds a bot by its id alone.
func (b *Inbox) botOf(ctx context.Context, id string) (store.Bot, error) {
	org, err := b.o.Store.BotOwner(ctx, id)
	if err != nil {
		return store.Bot{}, err
	}
	return b.o.Store.Bot(ctx, org, id)
}

// target is the URL that the channel has asked for. No forwarding header is believed.
func (b *Inbox) target(r *http.Request) string {
	base := strings.TrimRight(b.o.Public, "/")
	switch {
	case base != "":
	case r.TLS != nil:
		base = "https://" + r.Host
	default:
		base = "http://" + r.Host
	}
	return base + r.URL.RequestURI()
}
