package load

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/bench/carrier"
	"parley/bench/report"
	"parley/media/stream"
)

// A door is a carrier's side of a server, and how a plan comes in by it.
type door struct {
	kind   carrier.Kind
	side   side
	host   *stream.Host
	path   string
	token  string
	marked bool // it tells what has sounded
}

// doors are those of all carriers but Twilio.
func doors(key ed25519.PrivateKey) []door {
	sealed := []byte(secret)
	telnyx := &stream.Telnyx{PublicKey: key.Public().(ed25519.PublicKey), Secret: sealed}
	plivo := &stream.Plivo{AuthToken: secret, Secret: sealed}
	signalwire := &stream.SignalWire{SigningKey: secret, Secret: sealed}
	exotel := &stream.Exotel{User: "parley", Password: secret, Secret: sealed}
	vonage := &stream.Vonage{SignatureSecret: secret, Secret: sealed}
	asterisk := &stream.Asterisk{Password: secret}
	freeswitch := &stream.FreeSWITCH{Token: secret}
	texts := &stream.FreeSWITCH{Token: secret, JSON: true}
	hook := []byte(secret)
	genesys := &stream.Genesys{APIKey: "key", ClientSecret: hook}
	socket := &stream.AudioSocket{
		Networks:  []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Announced: func(context.Context, string, *stream.Incoming) (stream.Refusal, error) { return 0, nil },
	}
	return []door{
		{carrier.AudioSocket, socket, &socket.Host, "/audiosocket/calls", secret, false},
		{carrier.Telnyx, telnyx, &telnyx.Host, "/telnyx/voice", "", true},
		{carrier.Plivo, plivo, &plivo.Host, "/plivo/voice", secret, true},
		{carrier.SignalWire, signalwire, &signalwire.Host, "/signalwire/voice", secret, true},
		{carrier.Exotel, exotel, &exotel.Host, "/exotel/voice", "parley:" + secret, true},
		{carrier.Vonage, vonage, &vonage.Host, "/vonage/answer", secret, true},
		{carrier.Asterisk, asterisk, &asterisk.Host, "/asterisk/media", secret, true},
		{carrier.Genesys, genesys, &genesys.Host, "/genesys/audiohook", base64.StdEncoding.EncodeToString(hook), false},
		{carrier.FreeSWITCH, freeswitch, &freeswitch.Host, "/freeswitch/media", secret, false},
		{carrier.FreeSWITCH, texts, &texts.Host, "/freeswitch/media", secret, false},
	}
}

// errEnough ends a run whose calls are over.
var errEnough = errors.New("enough")

// Two callers of each carrier talk to the product's own leg, all at once: whatever the carrier, the same is measured.
func TestCarriers(t *testing.T) {
	t.Parallel()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	all := doors(key)
	agents, steps, failed := make([]*agent, len(all)), make([][]report.Step, len(all)), make([]error, len(all))
	var runs sync.WaitGroup
	for i, d := range all {
		at := ""
		if socket, ok := d.side.(*stream.AudioSocket); ok {
			at = serveSocket(t, socket)
		}
		a := newAgent(t, false, func(a *agent) {
			a.side, a.host = d.side, d.host
			a.host.Lead = 2 * time.Second // there is something to speak over however busy the machine is
		})
		agents[i] = a
		p := a.plan(conversation, Step{Calls: 2, Ramp: 60 * time.Millisecond, Hold: time.Minute})
		p.Carrier, p.URL, p.AuthToken, p.Key, p.APIKey, p.Socket, p.Once = d.kind, a.server.URL+d.path, d.token, key, "key", at, true
		ctx, enough := context.WithCancelCause(t.Context())
		runs.Go(func() {
			steps[i], failed[i] = p.Run(ctx, func(p Progress) {
				if p.Phase == "hold" && p.Answered+p.Broken+p.Refused == 2 && p.Calls == 0 {
					enough(errEnough)
				}
			})
		})
	}
	runs.Wait()
	for i, d := range all {
		t.Run(string(d.kind), func(t *testing.T) {
			if !errors.Is(failed[i], errEnough) || len(steps[i]) != 1 {
				t.Fatalf("%d steps: %v", len(steps[i]), failed[i])
			}
			d.judge(t, agents[i], &steps[i][0])
		})
	}
}

// serveSocket listens for AudioSocket as long as the test lasts, and returns where.
func serveSocket(t *testing.T, socket *stream.AudioSocket) string {
	t.Helper()
	ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := socket.Serve(ctx, ln); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop()
		serving.Wait()
	})
	return ln.Addr().String()
}

// judge wants that everything was measured that the carrier lets one measure, and nothing else.
func (d *door) judge(t *testing.T, a *agent, s *report.Step) {
	t.Helper()
	if s.Tally.Answered != 2 || len(s.Tally.Refused)+len(s.Tally.Broken) > 0 {
		t.Fatalf("tally: %+v", s.Tally)
	}
	silenced, other := report.ToClear, report.ToSilence
	_, told := s.Counts[report.AfterClear]
	if !dialects[d.kind].Clears {
		silenced, other = other, silenced
	}
	if told != dialects[d.kind].Clears || s.Counts[report.AfterClear] != 0 || s.Times[other].N != 0 {
		t.Errorf("media after clear %d (told: %v), %s %d", s.Counts[report.AfterClear], told, other, s.Times[other].N)
	}
	times := []string{report.Lateness, report.SendLate, report.TTSToFrame, report.SetUp, report.Greeting, report.VoiceVoice}
	if late := s.Times[report.Lateness].Max; late < 100 || dialects[d.kind].Clears && d.kind != carrier.Genesys { // these have little or nothing in hand
		times = append(times, silenced)
	} else {
		t.Logf("the agents came up to %v ms late: whether they were spoken over is not known", late)
	}
	for _, name := range times {
		if got := s.Times[name]; got.N == 0 || got.Max > 60_000 {
			t.Errorf("%s: %d, at most %v ms", name, got.N, got.Max)
		}
	}
	if in, out := s.Counts[report.FramesIn], s.Counts[report.FramesOut]; in < 2*100 || out < 2*40 {
		t.Errorf("%d frames in, %d out", in, out)
	}
	if turns, missed := s.Counts[report.Turns], s.Counts[report.Missed]; turns < 2 || missed > 0 {
		t.Errorf("%d turns, %d barge-ins missed", turns, missed)
	}
	if !d.marked {
		a.played.Store(2) // it tells of none
	}
	if d.kind == carrier.AudioSocket {
		a.host.Stats.Gaps.Store(0) // on a busy machine a caller may be late by so much that silence is put in
	}
	a.sound(2)
}

// A plan says what it lacks of what its carrier's calls have.
func TestCarrierRefused(t *testing.T) {
	t.Parallel()
	steps := []Step{{Calls: 1, Hold: time.Second}}
	for name, c := range map[string]struct {
		plan Plan
		want string
	}{
		"unknown":   {Plan{URL: "http://localhost/voice", Carrier: "genesis"}, `carrier "genesis": want asterisk-websocket, audiosocket,`},
		"no key":    {Plan{URL: "http://localhost/voice", Carrier: carrier.Telnyx}, "key is missing"},
		"no secret": {Plan{URL: "http://localhost/voice", Carrier: carrier.Plivo}, "auth token is missing"},
		"no port":   {Plan{URL: "http://localhost/calls", Carrier: carrier.AudioSocket, AuthToken: "x"}, "socket is missing"},
		"a socket":  {Plan{URL: "ws://localhost/voice", Carrier: carrier.Plivo, AuthToken: "x"}, `url "ws://localhost/voice": want http:// or https://`},
	} {
		c.plan.Steps = steps
		if _, err := c.plan.Run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}
