package carrier_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/bench/carrier"
	"parley/pipeline"
	"parley/providers/callapi"
	"parley/providers/plivo"
	"parley/providers/telnyx"
	"parley/providers/twilio"
	"parley/providers/vonage"
)

// A restCarrier is whoever places calls and leads live ones elsewhere.
type restCarrier interface {
	pipeline.Carrier
	Transfer(ctx context.Context, id string, to pipeline.Onward) error
}

// A house is a carrier's API and our side of it.
type house struct {
	exchange *carrier.Exchange
	account  func(api, voice, status, key string) restCarrier
	status   func(r *http.Request) pipeline.Placed // what a status callback says
	hangUp   string                                // an answer to the voice webhook; {stay} keeps the call
	stay     string
}

const restKey = "8f0c2b7d41e94f0ab0c1d2e3f4a5b6c7"

// houses are the carriers whose accounts are held to the same promises.
func houses(t *testing.T) map[string]house {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	private2, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	const hangUp, stay = `<Response><Hangup/></Response>`, `<Response><Pause length="600"/></Response>`
	return map[string]house{
		"telnyx": {
			exchange: &carrier.Exchange{Kind: carrier.Telnyx, AccountSID: "3e6f995f-85f7-4705-9741-53b116d28237", AuthToken: restKey, Key: private, Application: "1684641123236054244"},
			account: func(api, voice, status, key string) restCarrier {
				return &telnyx.Account{SID: "3e6f995f-85f7-4705-9741-53b116d28237", Key: key, Application: "1684641123236054244", Base: api, Voice: voice, Status: status}
			},
			status: func(r *http.Request) pipeline.Placed {
				return pipeline.Placed{ID: r.PostFormValue("CallSid"), State: callapi.State(r.PostFormValue("CallStatus"))}
			},
			hangUp: hangUp, stay: stay,
		},
		"plivo": {
			exchange: &carrier.Exchange{REST: carrier.PlivoREST, AccountSID: "MAXXXXXXXXXXXXXXXXXX", AuthToken: restKey},
			account: func(api, voice, status, key string) restCarrier {
				return &plivo.Account{ID: "MAXXXXXXXXXXXXXXXXXX", Token: key, Base: api, Voice: voice, Status: status, Lead: leadBy(voice)}
			},
			status: ofTwilio, hangUp: hangUp, stay: stay,
		},
		"signalwire": {
			exchange: &carrier.Exchange{REST: carrier.SignalWireREST, AccountSID: "3fa85f64-5717-4562-b3fc-2c963f66afa6", AuthToken: restKey},
			account: func(api, voice, status, key string) restCarrier {
				return &twilio.Account{SID: "3fa85f64-5717-4562-b3fc-2c963f66afa6", Token: key, Base: api + "/api/laml", Voice: voice, Status: status, Compatible: true, Lead: leadBy(voice)}
			},
			status: ofTwilio, hangUp: hangUp, stay: stay,
		},
		"vonage": {
			exchange: &carrier.Exchange{REST: carrier.VonageREST, AccountSID: "aaaaaaaa-bbbb-cccc-dddd-0123456789ab", Verify: &private2.PublicKey},
			account: func(api, voice, status, key string) restCarrier {
				a := &vonage.Account{Application: "aaaaaaaa-bbbb-cccc-dddd-0123456789ab", Key: pemOf(private2), Base: api, Voice: voice, Status: status}
				if key != restKey {
					a.Application = "bbbbbbbb-bbbb-cccc-dddd-0123456789ab"
				}
				return a
			},
			status: ofTwilio, hangUp: hangUp, stay: stay,
		},
	}
}

// ofTwilio is what a status callback says in Twilio's words.
func ofTwilio(r *http.Request) pipeline.Placed {
	return pipeline.Placed{ID: r.PostFormValue("CallSid"), State: callapi.State(r.PostFormValue("CallStatus"))}
}

// leadBy has a document's URL say what is in it: the desk serves it.
func leadBy(voice string) func(pipeline.Onward) string {
	return func(to pipeline.Onward) string {
		text, err := callapi.DialXML(to, "Sip", 5, 120)
		if err != nil {
			return ""
		}
		return strings.Replace(voice, "/voice", "/lead", 1) + "&doc=" + url.QueryEscape(text)
	}
}

// pemOf is a private key as Vonage gives it.
func pemOf(key *rsa.PrivateKey) string {
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

// A desk is a house that is open, with who hears of its calls.
type desk struct {
	t       *testing.T
	house   house
	api     string
	voice   string
	told    string
	account restCarrier
	rings   *log
	results chan *carrier.Result

	mu      sync.Mutex
	heard   map[string][]pipeline.Placed // by token
	asked   map[string]int
	changed chan struct{}
}

func open(t *testing.T, h house, faults map[string]carrier.Fault) *desk {
	t.Helper()
	d := &desk{t: t, house: h, rings: &log{}, results: make(chan *carrier.Result, 16), heard: map[string][]pipeline.Placed{}, asked: map[string]int{}, changed: make(chan struct{}, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("/voice", func(w http.ResponseWriter, r *http.Request) {
		token := r.URL.Query().Get(pipeline.TokenParam)
		d.note(func() { d.asked[token]++ })
		if strings.HasPrefix(token, "stay") {
			_, _ = w.Write([]byte(h.stay))
			return
		}
		_, _ = w.Write([]byte(h.hangUp))
	})
	mux.HandleFunc("/lead", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.URL.Query().Get("doc"))) })
	mux.HandleFunc("/status", func(w http.ResponseWriter, r *http.Request) {
		p := h.status(r)
		d.note(func() {
			token := r.URL.Query().Get(pipeline.TokenParam)
			d.heard[token] = append(d.heard[token], p)
		})
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	x := h.exchange
	x.Rings, x.Fault = d.rings, func(to string) carrier.Fault { return faults[to] }
	x.Ended = func(r *carrier.Result, _ error) { d.results <- r }
	x.Callee = func(to string) carrier.Callee {
		return map[string]carrier.Callee{"1": {Outcome: "busy"}, "2": {Outcome: "failed"}, "3": {Rings: time.Hour}, "4": {Outcome: "no-answer"}}[to[len(to)-1:]]
	}
	api := httptest.NewServer(x)
	t.Cleanup(api.Close)
	t.Cleanup(x.Close)
	d.api, d.voice, d.told = api.URL, server.URL+"/voice?agent=a", server.URL+"/status"
	d.account = h.account(d.api, d.voice, d.told, restKey)
	return d
}

func (d *desk) note(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
	select {
	case d.changed <- struct{}{}:
	default:
	}
}

// until waits for something to have happened.
func (d *desk) until(what string, ok func() bool) {
	d.t.Helper()
	for limit := time.After(time.Minute); ; {
		d.mu.Lock()
		done := ok()
		d.mu.Unlock()
		if done {
			return
		}
		select {
		case <-d.changed:
		case <-limit:
			d.t.Fatalf("never: %s; heard %v", what, d.heard)
		}
	}
}

// place has a number called, and waits until a call of a token is so.
func (d *desk) place(token, to string, want pipeline.PlacedState) pipeline.Placed {
	d.t.Helper()
	p, err := d.account.Place(d.t.Context(), order(token, to))
	if err != nil || p.ID == "" || p.State.Over() {
		d.t.Fatalf("%s: placed %+v, %v", to, p, err)
	}
	d.until(token+" is "+string(want), func() bool {
		if want == pipeline.PlacedAnswered { // which not all tell besides
			return d.asked[token] > 0
		}
		return slices.ContainsFunc(d.heard[token], func(h pipeline.Placed) bool { return h.State == want && h.ID == p.ID })
	})
	return p
}

// TestCarriersPlace has calls placed by each carrier: what becomes of them is told by their tokens, and can be looked at.
func TestCarriersPlace(t *testing.T) {
	t.Parallel()
	for name, h := range houses(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, h, nil)
			for to, want := range map[string]pipeline.PlacedState{
				"+15550100071": pipeline.PlacedBusy, "+15550100072": pipeline.PlacedFailed, "+15550100074": pipeline.PlacedNoAnswer, "+15550100077": pipeline.PlacedHungUp,
			} {
				p := d.place("a&b"+to, to, want)
				now, err := d.account.Look(t.Context(), p.ID)
				if err != nil || now.State != want || now.ID != p.ID {
					t.Errorf("%s: looked at %+v, %v", to, now, err)
				}
			}
			if d.asked["a&b+15550100077"] != 1 || len(d.asked) != 1 {
				t.Errorf("the voice webhook was asked %v", d.asked)
			}
			if _, err := d.account.Look(t.Context(), "v3:nobody"); !errors.Is(err, pipeline.ErrNoCall) {
				t.Errorf("nobody's call: %v", err)
			}
		})
	}
}

// TestCarriersChange hangs calls up and leads them elsewhere.
func TestCarriersChange(t *testing.T) {
	t.Parallel()
	for name, h := range houses(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, h, nil)
			p := d.place("stay1", "+15550100077", pipeline.PlacedAnswered)
			for range 2 {
				if err := d.account.HangUp(t.Context(), p.ID); err != nil {
					t.Fatal(err)
				}
			}
			d.until("it is over", func() bool {
				return slices.ContainsFunc(d.heard["stay1"], func(h pipeline.Placed) bool { return h.State.Over() })
			})
			if err := d.account.HangUp(t.Context(), "v3:nobody"); err != nil {
				t.Error(err)
			}
			if err := d.account.Transfer(t.Context(), p.ID, pipeline.Onward{To: "+15550100055"}); !errors.Is(err, pipeline.ErrNoCall) {
				t.Errorf("a call that is over is transferred: %v", err)
			}
			<-d.results
			for token, to := range map[string]pipeline.Onward{
				"stay2": {To: "+15550100055", CallerID: "+15550100001", Ring: time.Minute}, "stay3": {To: "sip:desk@example.com"},
			} {
				p := d.place(token, "+15550100077", pipeline.PlacedAnswered)
				if err := d.account.Transfer(t.Context(), p.ID, to); err != nil {
					t.Fatal(err)
				}
				if r := <-d.results; r.Dialled != to.To || r.DialledFrom != to.CallerID {
					t.Errorf("dialled %q as %q, want %+v", r.Dialled, r.DialledFrom, to)
				}
			}
			// One that rings is given up on.
			ringing, err := d.account.Place(t.Context(), order("rings", "+15550100073"))
			if err != nil {
				t.Fatal(err)
			}
			d.until("it rings", func() bool { return len(d.heard["rings"]) > 0 })
			if err := d.account.HangUp(t.Context(), ringing.ID); err != nil {
				t.Fatal(err)
			}
			d.until("it is given up on", func() bool {
				return slices.ContainsFunc(d.heard["rings"], func(h pipeline.Placed) bool { return h.State == pipeline.PlacedCancelled })
			})
		})
	}
}

// TestCarriersFail lets orders suffer: what is surely no call is told from what may be one, nothing rings twice, and what rang is found.
func TestCarriersFail(t *testing.T) {
	t.Parallel()
	for name, h := range houses(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cases := []struct {
				fault          carrier.Fault
				refused, later bool
				rings          int
			}{
				{carrier.Unheard, false, false, 0}, {carrier.LostAnswer, false, false, 1}, {carrier.LateAnswer, false, false, 1}, {carrier.Broken, false, false, 0},
				{carrier.BrokenRang, false, false, 1}, {carrier.TooMany, false, true, 0}, {carrier.Refused, true, false, 0},
			}
			faults := map[string]carrier.Fault{}
			number := func(i int) string { return fmt.Sprintf("+155501000%d7", i) }
			for i, c := range cases {
				faults[number(i)] = c.fault
			}
			d := open(t, h, faults)
			for i, c := range cases {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				if c.fault == carrier.LateAnswer {
					ctx, cancel = context.WithTimeout(t.Context(), 2*time.Second)
				}
				o := order(string(c.fault), number(i))
				_, err := d.account.Place(ctx, o)
				cancel()
				var no *pipeline.Refusal
				if err == nil || errors.As(err, &no) != c.refused || errors.Is(err, pipeline.ErrUntaken) != c.later {
					t.Errorf("%s: %v", c.fault, err)
				}
				if no != nil && (no.Code == 0 || no.Message == "") {
					t.Errorf("%s: %+v", c.fault, no)
				}
				found, err := d.account.Find(t.Context(), o)
				if err != nil || len(found) != c.rings || d.rings.to(t)[o.To] != c.rings {
					t.Errorf("%s: found %+v, %v; rang %d times", c.fault, found, err, d.rings.to(t)[o.To])
				}
				o.Asked = o.Asked.Add(time.Hour)
				if found, err := d.account.Find(t.Context(), o); err != nil || len(found) != 0 {
					t.Errorf("%s: of another hour: %+v, %v", c.fault, found, err)
				}
			}
			stranger := d.house.account(d.api, d.voice, d.told, "wrong")
			var no *pipeline.Refusal
			if _, err := stranger.Place(t.Context(), order("x", "+15550100097")); !errors.As(err, &no) {
				t.Errorf("a stranger's order: %v", err)
			}
			if err := stranger.HangUp(t.Context(), "v3:any"); err == nil {
				t.Error("a stranger hangs up")
			}
			away := d.house.account("http://127.0.0.1:1", d.voice, d.told, restKey)
			if _, err := away.Place(t.Context(), order("x", "+15550100097")); !errors.Is(err, pipeline.ErrUntaken) {
				t.Errorf("nobody there: %v", err)
			}
			if n := d.rings.to(t)["+15550100097"]; n != 0 {
				t.Errorf("it rang %d times", n)
			}
		})
	}
}

// TestTelnyxLag: a call that Telnyx' lists do not have yet is not taken for none while it is alive.
func TestTelnyxLag(t *testing.T) {
	t.Parallel()
	h := houses(t)["telnyx"]
	h.exchange.Lag = time.Hour
	d := open(t, h, nil)
	p := d.place("stay", "+15550100077", pipeline.PlacedAnswered)
	if now, err := d.account.Look(t.Context(), p.ID); err != nil || now.State.Over() {
		t.Errorf("looked at %+v, %v", now, err)
	}
	if err := d.account.HangUp(t.Context(), p.ID); err != nil {
		t.Fatal(err)
	}
	d.until("it is over", func() bool {
		return slices.ContainsFunc(d.heard["stay"], func(h pipeline.Placed) bool { return h.State.Over() })
	})
	if _, err := d.account.Look(t.Context(), p.ID); !errors.Is(err, pipeline.ErrNoCall) {
		t.Errorf("looked at a call that is over: %v", err)
	}
}

// TestTelnyxPages reads a list of more than one page.
func TestTelnyxPages(t *testing.T) {
	t.Parallel()
	pages := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("To") != "+15550100003" || q.Get("From") != "+15550100001" {
			t.Errorf("asked for %v", q)
		}
		pages++
		next, _ := url.Parse("/v2/texml/Accounts/x/Calls.json?" + q.Encode())
		values := next.Query()
		values.Set("Page", fmt.Sprint(pages))
		fmt.Fprintf(w, `{"calls":[{"sid":"v3:%d","to":"+15550100003","from":"+15550100001","status":"ringing"}],"next_page_uri":"%s?%s"}`, pages, next.Path, values.Encode())
	}))
	defer s.Close()
	a := &telnyx.Account{SID: "x", Key: "k", Application: "1", Base: s.URL}
	found, err := a.Find(t.Context(), order("t", "+15550100003"))
	if err != nil || len(found) != 5 || pages != 5 {
		t.Errorf("%d pages: %+v, %v", pages, found, err)
	}
}
