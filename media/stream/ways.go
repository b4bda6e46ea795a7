package stream

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// This file is for those who want to know whether a carrier's calls would come in at all: the ways to sockets whose calls nobody has heard of. They
// are good for the upgrade, and for as long as any.

// unheard is a ticket, sealed by key, of a call that nobody has heard of.
func (h *Host) unheard(key, call string, now time.Time) string {
	return seal(key, call, rand.Text(), false, now.Add(h.Limits.orDefaults().Token))
}

// Way is where a stream would come in whose call nobody has heard of.
func (t *Telnyx) Way(call string, now time.Time) string {
	return telnyxWay(nil, nil, call, t.unheard(sealKey(t.Secret, nil, nil), call, now))
}

// Way is where a stream would come in whose call nobody has heard of.
func (p *Plivo) Way(call string, now time.Time) string {
	return plivoMedia + "/" + call + "/" + p.unheard(sealKey(p.Secret, nil, nil), call, now)
}

// Way is where a stream would come in whose call nobody has heard of, and its bearer token.
func (s *SignalWire) Way(call string, now time.Time) (path, bearer string) {
	return signalwireMedia + "/" + call, s.unheard(s.key(nil), call, now)
}

// Way is where a stream would come in whose call nobody has heard of.
func (v *Vonage) Way(call string, now time.Time) string {
	return vonageMedia + "/" + call + "/" + v.unheard(sealKey(v.Secret, nil, nil), call, now)
}

// Way is where a session would come in that nobody has heard of, and the headers that the integration would sign its upgrade with. PublicURL must
// be set.
func (g *Genesys) Way(now time.Time) (path string, signed http.Header) {
	h := http.Header{
		"Audiohook-Organization-Id": {madeID()}, "Audiohook-Session-Id": {madeID()}, "Audiohook-Correlation-Id": {madeID()}, "X-Api-Key": {g.APIKey},
	}
	in := &signatureInput{components: genesysCovered}
	in.params = fmt.Sprintf(`("%s");keyid=%q;nonce=%q;alg="hmac-sha256";created=%d`, strings.Join(genesysCovered, `" "`), g.APIKey, rand.Text(), now.Unix())
	sum := hmac.New(sha256.New, g.ClientSecret)
	sum.Write([]byte(g.signatureBase(&http.Request{URL: &url.URL{Path: genesysPath}, Header: h}, in)))
	h.Set("Signature-Input", "sig1="+in.params)
	h.Set("Signature", "sig1=:"+base64.StdEncoding.EncodeToString(sum.Sum(nil))+":")
	return genesysPath, h
}
