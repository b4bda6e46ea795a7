// Package load calls a server as a carrier would, as often and as many at once as a plan says, and tells how it did. parley bench and the
// house's own benchmarks run it.
//
//	Plan.Steps ──▶ desk: who is due when ──▶ office: a goroutine a call ──▶ voice webhook (signed) ──▶ TwiML, or a polite refusal
//	                 ▲                          │ ws:// or wss://
//	                 │ who has ended            ▼
//	                 └──────────── generator: one thread, a call a stream of bench/engine
//	                                 Script ──▶ 20 ms of speech, keys ──▶ media, dtmf, mark, stop, in a wire.Dialect
//	                                 measures ◀── ear: late? dry? an answer? ◀── media, mark, clear
//
// Every call follows the same script, compiled once into slots of 20 ms that all calls share; each is at a place of its own in it. Times are
// kept from when something was due and not from when it came about (a call from when it had to be placed, a frame from when its stream's own
// schedule had it), so that a server that stands still is charged for all that waited (coordinated omission).
// Calls come whether the server keeps up or not; only where a step wants so many at once does a new one wait for another to end.
//
// # What is measured, and how
//
// Calls are counted from the beginning of a step's ramp, with how long it took to set them up, to greet them, or to refuse them; all else is
// counted while the step is held. What comes is read at once, but for the first 500 us of a stream; all times are of CLOCK_MONOTONIC.
//
// Lateness is that of each message against its utterance's own schedule, as in bench/leg; an utterance ends with clear, when the caller has
// acted and the carrier's buffer has run dry, with 250 ms of nothing after a mark, or with a second of nothing. Frames that came more than 5 ms
// after they had to sound are dry. Frames lost are those by which an utterance went on later than before, for good.
//
// A turn is what the caller says or presses; it is answered by the first speech of the agent's that begins to come after the caller's last
// voiced frame (or key) was sent, and voice to voice is from the one to the other, where he spoke. Speech of the agent's is 20 ms of -45 dBFS or more.
//
// A barge-in counts when the agent's buffer still sounds as the caller's third voiced frame is sent; onset_to_clear is from there to clear. It
// is missed, and counted as such, when audio of the same utterance still comes a second later (or after the time that hush= allows). What
// comes after clear, but before the caller's own last voiced frame, can be no answer to it: that is media_after_clear, and so is what follows
// such a message without a pause. What comes later is taken for an answer.
//
// All carriers are measured alike; whose calls they are is a wire.Dialect, and how they are placed bench/carrier knows. Where a carrier has no clear,
// servers send what is due and no more: then a barge-in counts when the agent speaks, or did 300 ms before; onset_to_silence, to the end of what is heard
// of it, stands in onset_to_clear's place, and media_after_clear is not told.
//
// The voice's stamps (bench/stamp) are looked for in an utterance up to its first voiced message: now - stamp is tts_to_frame. Of the caller's
// own frames every eleventh has a stamp, so that it falls on each place in turn of the two, three, four or five that a server may gather.
package load

import (
	"cmp"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"parley/bench/carrier"
)

// DefaultScript is a conversation of two turns, the second a barge-in, as the house's receptionist is good for it.
const DefaultScript = `hear quiet=500ms
say agent-pass                             # "Please enter your password followed by the pound key."
barge one-moment-please after=1s           # "One moment, please."
hear quiet=500ms
hangup`

// A Plan is a load test. URL and Steps must be set; the rest has defaults.
type Plan struct {
	Name  string // of the server, in the report; default: URL's host
	Round int    // of interleaved rounds, in the report; default: 1

	Carrier    carrier.Kind       // as whose calls they come; default: Twilio's
	Key        ed25519.PrivateKey // of Telnyx: signs all requests in AuthToken's place
	URL        string             // the number's voice webhook, under its public name: it is signed as it stands here; of a PBX the socket
	Socket     string             // of AudioSocket: host:port that calls are connected to
	APIKey     string             // of Genesys: the integration's
	Connect    string             // host:port to connect to instead of URL's and the stream's own; no TLS then
	AccountSID string             // default: a made one
	AuthToken  string             // what the carrier signs with, or proves itself by, as of carrier.Call; of Twilio empty: requests are not signed
	From, To   string             // default: two numbers of the 555-01 range
	Header     http.Header        // goes with every request besides; of others than Twilio with the upgrade alone
	TLS        *tls.Config        // of https and wss; default: the machine's roots

	Script    []carrier.Step  // what each caller does; default: DefaultScript
	Library   carrier.Library // where its recordings are
	Repeat    int             // how often a caller goes through it before he hangs up; default: once; below 0: until MaxLength
	MaxLength time.Duration   // of a call; its caller hangs up then; default: 10 min
	Stamp     int             // each so many-th frame of a caller's carries a stamp; default: 11; below 0: none

	Steps   []Step        // one after the other; calls go on from one to the next
	Poisson bool          // calls come at random, as people do, and not evenly
	Seed    uint64        // of what is random: the same seed, the same arrivals
	Once    bool          // of steps with Calls: a call that ends is not replaced
	Settle  time.Duration // between a step's ramp and what is measured; default: 1 s

	MostBusy   float64       // share of its core, past which the generator says nothing of the server; default: 0.85
	MostLate   time.Duration // p99 of the generator's own lateness, likewise; default: 5 ms
	MostOthers float64       // share of the machine that other processes take, likewise (bench/machine); default: any
}

// A Step is one load, held for a while: so many calls at once, or so many new ones a second.
type Step struct {
	Calls int           // at once
	Rate  float64       // new calls a second, however many there are
	Ramp  time.Duration // from the load before to this one; 0: at once
	Hold  time.Duration // that is measured
}

// A Progress is how far a run is.
type Progress struct {
	Step, Steps int           // from 1
	Phase       string        // ramp, settle, hold, end
	Left        time.Duration // of the phase
	Calls       int           // at once, now
	Rate        float64       // new calls a second, that are offered

	Offered, Answered, Refused, Broken int64   // calls, of this step
	Lateness                           float64 // of the agents' frames, p99 in milliseconds, since the hold began
	Busy                               float64 // the share of its cores that the generator had of late
}

// again is how long after a call that was refused or broke another is tried in its place.
const again = time.Second

// withDefaults is the plan with everything set, or what is wrong with it.
func (p Plan) withDefaults() (Plan, error) {
	p.Carrier = cmp.Or(p.Carrier, carrier.Twilio)
	u, err := url.Parse(p.URL)
	var wrong []error
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	switch {
	case p.URL == "":
		bad("url is missing: want the voice webhook, such as https://gw.example.net/twilio/voice")
	case err != nil:
		bad("url: %w", err)
	case !slices.Contains(p.schemes(), u.Scheme) || u.Host == "":
		bad("url %q: want %s:// and a host", p.URL, strings.Join(p.schemes(), ":// or "))
	default:
		p.Name = cmp.Or(p.Name, u.Host)
	}
	switch {
	case dialects[p.Carrier] == nil:
		bad("carrier %q: want %s", p.Carrier, carriers())
	case p.Carrier == carrier.Telnyx && len(p.Key) != ed25519.PrivateKeySize:
		bad("key is missing: Telnyx signs with it")
	case p.Carrier == carrier.AudioSocket && p.Socket == "":
		bad("socket is missing: calls by AudioSocket are connected to it")
	case p.Carrier != carrier.Twilio && p.Carrier != carrier.Telnyx && p.AuthToken == "":
		bad("auth token is missing: %s's calls have one", p.Carrier)
	}
	if len(p.Steps) == 0 {
		bad("steps are missing: want at least one")
	}
	for i, s := range p.Steps {
		switch {
		case s.Calls < 0 || s.Rate < 0:
			bad("step %d: calls %d, rate %v: want no less than 0", i+1, s.Calls, s.Rate)
		case (s.Calls > 0) == (s.Rate > 0):
			bad("step %d: calls %d, rate %v: want one of them", i+1, s.Calls, s.Rate)
		}
		if s.Ramp < 0 || s.Hold <= 0 {
			bad("step %d: ramp %v, hold %v: want no ramp below 0, and some hold", i+1, s.Ramp, s.Hold)
		}
	}
	if p.MaxLength < 0 || p.Settle < 0 || p.MostBusy < 0 || p.MostLate < 0 || p.MostOthers < 0 {
		bad("max length %v, settle %v, most busy %v, most late %v, most others %v: want no less than 0", p.MaxLength, p.Settle, p.MostBusy, p.MostLate, p.MostOthers)
	}
	p.Round = cmp.Or(p.Round, 1)
	p.AccountSID = cmp.Or(p.AccountSID, "AC00000000000000000000000000000000")
	p.From, p.To = cmp.Or(p.From, "+15550100001"), cmp.Or(p.To, "+15550100002")
	p.Repeat = cmp.Or(p.Repeat, 1)
	p.MaxLength = cmp.Or(p.MaxLength, 10*time.Minute)
	p.Stamp = cmp.Or(p.Stamp, 11)
	p.Settle = cmp.Or(p.Settle, time.Second)
	p.MostBusy, p.MostLate = cmp.Or(p.MostBusy, 0.85), cmp.Or(p.MostLate, 5*time.Millisecond)
	if p.Script == nil {
		p.Script, err = carrier.ParseScript("default script", DefaultScript)
		wrong = append(wrong, err)
	}
	return p, errors.Join(wrong...)
}
