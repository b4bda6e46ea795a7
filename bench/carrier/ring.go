package carrier

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// An Opening is where the stream of a call is to be opened.
type Opening struct {
	CallID  string
	Account string      // whose call it says it is; empty: AccountSID's
	URL     string      // under its public name
	Header  http.Header // of the upgrade
	Params  string      // what the server wants to be told when it begins, a JSON object
	Refused string      // why the call is not taken, which the server has said politely; empty: it is
}

// Ring asks what is to be done with a call, as far as a stream to open, for those who carry it themselves. Any number of goroutines may do so with one
// client. An answer of a webhook's that is no success is a *StatusError.
func (c Call) Ring(ctx context.Context, client *http.Client) (*Opening, error) {
	if err := c.defaults(); err != nil {
		return nil, err
	}
	switch c.Kind {
	case AudioSocket:
		id, err := c.announce(ctx, client)
		return &Opening{CallID: id}, err
	case Genesys:
		return c.ringByHook()
	}
	p := &placed{Call: c, result: &Result{CallSID: c.speaks().call()}, http: client}
	o := &Opening{CallID: p.result.CallSID, Header: http.Header{"User-Agent": {p.speaks().agent}}}
	noun, refused, err := p.ring(ctx)
	if err != nil || refused != "" {
		o.Refused = refused
		return o, err
	}
	if noun.layout.times > 1 {
		return nil, fmt.Errorf("the stream is of %d Hz: a load test speaks at %d", noun.layout.times*Rate, Rate)
	}
	for name, values := range noun.header {
		o.Header[name] = values
	}
	if len(noun.protocols) > 0 {
		o.Header.Set("Sec-WebSocket-Protocol", strings.Join(noun.protocols, ", "))
	}
	object, err := json.Marshal(noun.params)
	if noun.params == nil {
		object = nil
	}
	o.URL, o.Params = noun.url, string(object)
	return o, err
}

// ring is the stream that a call is to be given, or why it is refused.
func (p *placed) ring(ctx context.Context) (noun *streamNoun, refused string, err error) {
	switch p.Kind {
	case Vonage:
		noun, _, refused, err = p.ncco(ctx)
	case Asterisk, FreeSWITCH:
		noun, err = p.dialled()
	case Exotel:
		noun, err = p.applet(ctx)
	default:
		return p.ringByXML(ctx)
	}
	return noun, refused, err
}

// ringByXML asks a voice webhook, and where it leads to.
func (p *placed) ringByXML(ctx context.Context) (noun *streamNoun, refused string, err error) {
	target, status := p.URL, "ringing"
	for range mostDocuments {
		base, err := url.Parse(target)
		if err != nil {
			return nil, "", err
		}
		body, err := p.request(ctx, http.MethodPost, target, p.form(url.Values{"CallStatus": {status}}))
		if err != nil {
			return nil, "", err
		}
		verbs, err := parseTwiML(body)
		if err != nil {
			return nil, "", err
		}
		if noun, target, refused, err = p.wanted(verbs, base); err != nil || target == "" {
			return noun, refused, err
		}
		status = "in-progress"
	}
	return nil, "", fmt.Errorf("the call was led through %d documents: they go round in a circle", mostDocuments)
}

// wanted is what a document's verbs come to: a stream, another document, or a refusal.
func (p *placed) wanted(verbs []element, base *url.URL) (noun *streamNoun, next, refused string, err error) {
	refused = "hung up" // what a document without a stream comes to
	for _, v := range verbs {
		switch v.name() {
		case "Connect":
			noun, err = parseConnect(v, base, p.Connect != "", p.speaks())
			return noun, "", "", err
		case "Stream":
			if p.speaks().bare == nil {
				return nil, "", "", errors.New("<Stream>: want it in <Connect>")
			}
			noun, err = p.speaks().bare(p, v)
			return noun, "", "", err
		case "Redirect":
			next, err = resolve(base, v.text())
			return nil, next, "", err
		case "Reject":
			return nil, "", v.attr("reason", "rejected"), nil
		case "Hangup":
			return nil, "", cmp.Or(v.attr("reason", ""), refused), nil // Plivo's says why
		case "Say", "Play":
			refused = "told so" // in words, before it is hung up
		case "Pause":
		default:
			return nil, "", "", fmt.Errorf("<%s>: a load test knows Connect, Stream, Say, Play, Pause, Redirect, Reject and Hangup", v.name())
		}
	}
	return nil, "", refused, nil
}
