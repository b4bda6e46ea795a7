// Package carrier is Twilio, or a carrier like it, on real sockets: it places a call to a Media Streams server as Twilio would and speaks recorded human
// speech into it, after a script.
//
//	Call.Place ──▶ voice webhook (signed) ──▶ TwiML ──▶ <Connect><Stream>
//	                                                        │ WebSocket (signed)
//	  Script ──▶ caller ── 20 ms of speech, keys ──▶ session ──▶ connected, start, media, dtmf, mark, stop
//	               ▲                                   │
//	              ear ◀── what sounds ◀── playout ◀────┴──── media, mark, clear
//
// A call by SIP is placed by PlaceBy, over a leg that somebody else connects: the same scripts, without webhook and socket.
//
// Everything of a call belongs to the goroutine that called Place, but for one that reads the socket. The package shares no code with the
// server's side (signatures, G.711, messages are written again), so that the two prove each other.
//
// Sources: Twilio's pages "Media Streams - WebSocket Messages", "TwiML Voice: <Stream>" and "Security".
package carrier

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Call is one call to be placed. URL and AuthToken must be set; the rest has defaults.
type Call struct {
	URL        string             // the number's voice webhook, under its public name: it is signed as it stands here
	Connect    string             // host:port to connect to instead of URL's and the stream's own; no TLS then
	AccountSID string             // default: a made one
	AuthToken  string             // signs all requests; of Vonage the signature secret, of a PBX its password, of Exotel, which signs none, user:password
	Kind       Kind               // whose call it is; default: Twilio's
	Key        ed25519.PrivateKey // of Telnyx: signs all requests in AuthToken's place
	Socket     string             // of AudioSocket: host:port that the call is connected to
	APIKey     string             // of Genesys: the integration's
	From, To   string             // default: two numbers of the 555-01 range

	Fallback       string        // asked what to do where nobody answers: the number's "primary handler fails"
	StatusCallback string        // told that the call is over, as a number's "call status changes" setting is
	Script         []Step        // default: DefaultScript
	Stepped        func(int)     // told of each step of the script, from 0, as it begins; it must not wait. nil: nobody asks
	Library        Library       // where recordings are
	MaxLength      time.Duration // the call is hung up then; default: 10 min
	Log            *slog.Logger  // default: discards
}

// DefaultScript is a call that shows off the built-in receptionist: a sentence, a key, and a barge-in on its long speech.
const DefaultScript = `hear
say queue-callswaiting              # "Waiting to speak with a representative."
hear
press 3
barge one-moment-please after=6s    # "One moment, please."
hear
hangup`

// ErrRejected says that the server did not take the call.
var ErrRejected = errors.New("the call was rejected")

// ErrNoAnswer says that the call went through and nobody spoke.
var ErrNoAnswer = errors.New("the agent never spoke")

// most TwiML documents that one call may lead through.
const mostDocuments = 10

// Place makes the call and returns when it is over and all its callbacks have been sent. Where anything of the call took place, the
// Result tells it, also beside an error. The error is why the call is not a success: it could not be placed, a step of the script was
// not met, ErrRejected or ErrNoAnswer.
func (c Call) Place(ctx context.Context) (*Result, error) {
	if c.URL == "" {
		return nil, errors.New("url is missing")
	}
	switch {
	case c.Kind == AudioSocket:
		return c.placeBySocket(ctx)
	case c.Kind == Genesys:
		return c.placeByHook(ctx)
	case c.Kind != "" && dialects[c.Kind] == nil:
		return nil, fmt.Errorf("kind %q: want %s", c.Kind, Kinds())
	case c.Kind == Telnyx && len(c.Key) != ed25519.PrivateKeySize:
		return nil, errors.New("key is missing")
	case c.Kind != Telnyx && c.AuthToken == "":
		return nil, errors.New("auth token is missing")
	}
	if err := c.defaults(); err != nil {
		return nil, err
	}
	prompts, err := c.Library.load(c.Script)
	if err != nil {
		return nil, err
	}
	p := &placed{Call: c, prompts: prompts, result: &Result{CallSID: c.speaks().call(), From: c.From, To: c.To}}
	p.http = &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{DialContext: p.dial}}
	defer p.http.CloseIdleConnections()

	began := time.Now()
	err = p.close(p.make(ctx))
	p.callbacks.Wait()
	p.report(began, err)
	return p.conclude(err)
}

// make makes the call in its carrier's way.
func (p *placed) make(ctx context.Context) error {
	switch p.Kind {
	case Vonage:
		return p.placeByNCCO(ctx)
	case Asterisk, FreeSWITCH:
		return p.dialOut(ctx)
	case Exotel:
		return p.placeByApplet(ctx)
	}
	return p.follow(ctx, p.URL, url.Values{"CallStatus": {"ringing"}})
}

// conclude makes the verdict of a call that is over.
func (p *placed) conclude(err error) (*Result, error) {
	r := p.result
	r.Warnings = p.warnings
	switch {
	case err != nil || r.Answered:
	case r.Ended == "rejected":
		err = ErrRejected
	default:
		err = ErrNoAnswer
	}
	if err != nil {
		r.Failure = err.Error()
		if r.Ended == "" {
			r.Ended = "failed"
		}
	}
	return r, err
}

func (c *Call) defaults() (err error) {
	if c.AccountSID == "" {
		c.AccountSID = sid("AC")
	}
	if c.From == "" {
		c.From = "+15550100001"
	}
	if c.To == "" {
		c.To = "+15550100002"
	}
	if c.MaxLength == 0 {
		c.MaxLength = 10 * time.Minute
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Script == nil {
		c.Script, err = ParseScript("default script", DefaultScript)
	}
	return err
}

// dial connects to the address of a URL, or to Call.Connect.
func (c *Call) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if c.Connect != "" {
		addr = c.Connect
	}
	var d net.Dialer
	return d.DialContext(ctx, network, addr)
}

// real is the URL to use for a request to the one that is signed: without TLS when Connect is set.
func (c *Call) real(target string) string {
	if c.Connect == "" {
		return target
	}
	target = strings.Replace(target, "https://", "http://", 1)
	return strings.Replace(target, "wss://", "ws://", 1)
}

// follow fetches a TwiML document and does what it says.
func (p *placed) follow(ctx context.Context, target string, extra url.Values) error {
	for range mostDocuments {
		base, err := url.Parse(target)
		if err != nil {
			return fmt.Errorf("voice webhook: %w", err)
		}
		asked := time.Now()
		body, err := p.request(ctx, http.MethodPost, target, p.form(extra))
		if err != nil && p.Fallback != "" && ctx.Err() == nil {
			p.note("carrier", "fell back", err.Error())
			extra.Set("ErrorCode", "11200")
			extra.Set("ErrorUrl", target)
			if base, err = url.Parse(p.Fallback); err == nil {
				body, err = p.request(ctx, http.MethodPost, p.Fallback, p.form(extra))
			}
		}
		if err != nil {
			return fmt.Errorf("voice webhook: %w", err)
		}
		if p.result.Webhook == 0 {
			p.result.Webhook = Millis(time.Since(asked))
		}
		verbs, err := parseTwiML(body)
		if err != nil {
			return err
		}
		target, err = p.perform(ctx, verbs, base)
		if err != nil || target == "" {
			return err
		}
		extra = url.Values{"CallStatus": {"in-progress"}}
	}
	return fmt.Errorf("the call was led through %d TwiML documents: they go round in a circle", mostDocuments)
}

// perform does a document's verbs in order. next is the URL of the document that takes over, "" when the call is over.
func (p *placed) perform(ctx context.Context, verbs []element, base *url.URL) (next string, err error) {
	for _, v := range verbs {
		switch v.name() {
		case "Connect":
			noun, err := parseConnect(v, base, p.Connect != "", p.speaks())
			if err != nil {
				return "", err
			}
			if err := p.stream(ctx, noun); err != nil || p.result.Ended == "caller" {
				return "", err
			}
			if noun.action != "" {
				return noun.action, nil
			}
		case "Stream":
			noun, err := p.speaks().bare(p, v)
			if err != nil {
				return "", err
			}
			if err := p.stream(ctx, noun); err != nil || p.result.Ended == "caller" {
				return "", err
			}
		case "Redirect":
			return resolve(base, v.text())
		case "Pause":
			if err := pause(ctx, v.attr("length", "1")); err != nil {
				return "", err
			}
		case "Say", "Play":
			p.note("agent", strings.ToLower(v.name()), v.text())
		case "Dial":
			if err := p.dialOn(ctx, v); err != nil {
				return "", err
			}
		case "Hangup":
			if reason := v.attr("reason", ""); reason != "" { // Plivo's <Reject>
				p.note("carrier", "rejected", reason)
				p.end("rejected")
			}
			p.end("agent")
			return "", nil
		case "Reject":
			p.note("carrier", "rejected", v.attr("reason", "rejected"))
			p.end("rejected")
			return "", nil
		default:
			return "", fmt.Errorf("<%s>: this simulation knows Connect, Dial, Say, Play, Pause, Redirect, Reject and Hangup", v.name())
		}
	}
	p.end("agent")
	return "", nil
}

// dialOn connects the caller to somebody else, who says goodbye after a second.
func (p *placed) dialOn(ctx context.Context, dial element) error {
	if len(dial.Children) == 1 && dial.Children[0].name() == "Conference" {
		return p.confer(ctx, dial.Children[0])
	}
	to := dial.text()
	if len(dial.Children) == 1 && slices.Contains([]string{"Number", "Sip", "User"}, dial.Children[0].name()) {
		to = dial.Children[0].text()
	}
	if to == "" || len(dial.Children) > 1 {
		return errors.New("<Dial>: want one number, <Number>, <Sip>, <User> or <Conference> in it")
	}
	p.note("carrier", "dialled", to)
	p.result.Dialled, p.result.DialledFrom = to, dial.attr("callerId", "")
	return pause(ctx, "1")
}

// pause waits for a number of seconds.
func pause(ctx context.Context, length string) error {
	n, err := strconv.Atoi(length)
	if err != nil || n < 0 {
		return fmt.Errorf("<Pause>: length %q: want a number of seconds", length)
	}
	select {
	case <-time.After(time.Duration(n) * time.Second):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A StatusError is a webhook's answer that is no success.
type StatusError struct {
	Code int
	text string
}

func (e *StatusError) Error() string { return e.text }

// request sends a signed form as Twilio would and returns the body of a 2xx answer.
func (p *placed) request(ctx context.Context, method, target string, form url.Values) ([]byte, error) {
	var body io.Reader
	var text string
	if words := p.speaks().words; words != nil {
		form = maps.Clone(form)
		words(p, form)
	}
	signed := form
	if method == http.MethodGet {
		separator := "?"
		if strings.Contains(target, "?") {
			separator = "&"
		}
		target, signed = target+separator+form.Encode(), nil
	} else {
		text = form.Encode()
		body = strings.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, p.real(target), body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	}
	r.Header.Set("User-Agent", p.speaks().agent)
	p.speaks().sign(&p.Call, r, target, text, signed)
	answer, err := p.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	document, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10)) // Twilio's limit of a TwiML document
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if answer.StatusCode/100 != 2 {
		return nil, &StatusError{answer.StatusCode, fmt.Sprintf("%s %s: %s: %s", method, target, answer.Status, strings.TrimSpace(string(document)))}
	}
	return document, nil
}
