package main

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"parley/media"
	"parley/media/pace"
	"parley/media/stream"
)

// product is the house's own leg as `parley serve` wires it, with a Playout that always has something to say, and nothing behind it.
type product struct {
	wheel  pace.Wheel
	twilio stream.Twilio
	frames atomic.Int64 // heard
	loud   atomic.Int64
}

// secret signs the streams.
const secret = "0123456789abcdef0123456789abcdef"

// newProduct makes a server that sends chunk at a time, lead ahead; 0: what the leg has by default.
func newProduct(waiter pace.Waiter, lead, chunk time.Duration) *product {
	p := &product{wheel: pace.Wheel{Waiter: waiter}}
	p.twilio.AuthToken = secret
	p.twilio.Lead, p.twilio.Chunk = lead, chunk
	p.twilio.Limits = stream.Limits{Tokens: 1 << 16}
	p.twilio.Answer = p.answer
	return p
}

func (p *product) serve(ctx context.Context, ln net.Listener) error {
	mux := http.NewServeMux()
	p.twilio.Mount(mux)
	server := &http.Server{Handler: mux}
	var wheel sync.WaitGroup
	defer wheel.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var turned error
	wheel.Go(func() { turned = p.wheel.Run(ctx) })
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	patience, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer done()
	return errors.Join(turned, p.twilio.Close(patience))
}

// answer is one call: it speaks without end and hears every frame.
func (p *product) answer(ctx context.Context, leg media.Leg) {
	playout := media.NewPlayout(leg, &p.wheel, nil)
	u := playout.Begin()
	playout.Release(u)
	var feeder sync.WaitGroup
	feeder.Go(func() {
		voice := speech()
		for u.Write(ctx, voice) == nil {
		}
	})
	for {
		packet, err := leg.Receive()
		if err != nil {
			break
		}
		switch {
		case packet.Frame.PCM != nil:
			p.hear(packet.Frame.PCM)
		case packet.Note.Kind == media.Played:
			playout.Played(packet.Note)
		}
	}
	_ = playout.Close() // the socket is gone
	feeder.Wait()
}

// hear adds up a frame's energy, as the servers of bench/floor do.
func (p *product) hear(pcm []int16) {
	var a, b, c, d int64
	for ; len(pcm) >= 4; pcm = pcm[4:] {
		a += int64(pcm[0]) * int64(pcm[0])
		b += int64(pcm[1]) * int64(pcm[1])
		c += int64(pcm[2]) * int64(pcm[2])
		d += int64(pcm[3]) * int64(pcm[3])
	}
	p.frames.Add(1)
	if a+b+c+d > 1e6 {
		p.loud.Add(1)
	}
}

// speech is a second of a tone that swells and fades.
func speech() []int16 {
	pcm := make([]int16, 8000)
	for i := range pcm {
		t := float64(i) / 8000
		pcm[i] = int16(9000 * math.Sin(2*math.Pi*440*t) * math.Sin(2*math.Pi*3*t))
	}
	return pcm
}

func (p *product) header(addr string) map[string][]string {
	p.twilio.PublicURL = "http://" + addr
	return map[string][]string{"X-Twilio-Signature": {stream.Sign(secret, "ws://"+addr+"/twilio/media", nil)}}
}

// params asks the voice webhook for a call's stream, as Twilio would, and returns its <Parameter>s.
func (p *product) params(ctx context.Context, call string) (string, error) {
	form := url.Values{"CallSid": {call}, "AccountSid": {"AC" + strings.Repeat("0", 32)}, "From": {"+15550100001"}, "To": {"+15550100002"}}
	target := p.twilio.PublicURL + "/twilio/voice"
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Twilio-Signature", stream.Sign(secret, target, form))
	w := httptest.NewRecorder()
	p.twilio.Voice(w, r)
	var doc struct {
		Parameters []struct {
			Name  string `xml:"name,attr"`
			Value string `xml:"value,attr"`
		} `xml:"Connect>Stream>Parameter"`
	}
	if err := xml.Unmarshal(w.Body.Bytes(), &doc); w.Code != http.StatusOK || err != nil {
		return "", fmt.Errorf("voice webhook: %d %s: %w", w.Code, w.Body, err)
	}
	params := make(map[string]string)
	for _, v := range doc.Parameters {
		params[v.Name] = v.Value
	}
	text, err := json.Marshal(params)
	return string(text), err
}

func (p *product) count(c *counts) {
	s := &p.twilio.Stats
	c.In = p.frames.Load()
	c.Bad = int64(s.Malformed.Load() + s.Unknown.Load() + s.Gaps.Load() + s.ForeignMarks.Load())
}
