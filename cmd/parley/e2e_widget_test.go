//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/providers/providertest"
)

// A site is somebody's page with a talk button, on a server of its own, which has a key of Parley's and the strictest policy that there is.
type site struct {
	*httptest.Server
	n *node

	mu     sync.Mutex
	asked  []string // bodies of requests for tokens
	refuse int      // the status that tokens are refused with; 0: they are given
}

func newSite(t *testing.T, n *node, attributes string) *site {
	t.Helper()
	return newPage(t, n, `data-token-url="/my/token" `+attributes)
}

// newPage is a site whose script has these attributes and no others.
func newPage(t *testing.T, n *node, attributes string) *site {
	t.Helper()
	s := &site{n: n}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; script-src %[1]s; connect-src 'self' %[1]s; img-src 'self'; require-trusted-types-for 'script'", n.url))
		fmt.Fprintf(w, `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>A shop</title>
			<main><h1>A shop</h1><div id="here"></div></main><script src="%s/widget.js" %s></script></html>`, n.url, attributes)
	})
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("POST /my/token", s.token)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// token asks Parley for one, as a page's server does.
func (s *site) token(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.asked = append(s.asked, string(body))
	refuse := s.refuse
	s.mu.Unlock()
	if refuse != 0 {
		w.WriteHeader(refuse)
		return
	}
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, s.n.url+"/api/v1/webrtc/tokens", strings.NewReader(string(body)))
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	req.Header.Set("Authorization", "Bearer "+testKey)
	req.Header.Set("Content-Type", "application/json")
	a, err := http.DefaultClient.Do(req)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer a.Body.Close()
	w.WriteHeader(a.StatusCode)
	_, _ = io.Copy(w, a.Body)
}

// widget is what stands in a page's shadow tree.
const widget = "document.querySelector('[data-parley-widget]').shadowRoot"

// pushes presses the widget's button with that text.
func (b *tab) pushes(name string) {
	b.t.Helper()
	text, _ := json.Marshal(name)
	find := "[..." + widget + ".querySelectorAll('button')].find(e => e.textContent === " + string(text) + " && e.checkVisibility())"
	b.sees("document.querySelector('[data-parley-widget]') && " + find)
	b.eval(find+".click()", nil)
}

// reads waits until a part of the widget that is to be seen has a text.
func (b *tab) reads(part, text string) {
	b.t.Helper()
	quoted, _ := json.Marshal(text)
	b.sees("(e => e?.checkVisibility() && e.textContent.includes(" + string(quoted) + "))(" + widget + ".querySelector('" + part + "'))")
}

// alone checks the page, which may have asked Parley's server besides its own.
func (b *tab) alone(n *node, name, axe string) {
	b.t.Helper()
	b.mu.Lock()
	b.foreign = slices.DeleteFunc(b.foreign, func(url string) bool { return strings.HasPrefix(url, n.url+"/") })
	b.mu.Unlock()
	check(b, name, axe)
}

// TestConsoleWidget puts the talk button into the page of another server, under a policy that forbids all that is not said: a person talks by microphone, is
// muted, hangs up and calls again.
func TestConsoleWidget(t *testing.T) {
	t.Parallel()
	axe := readAxe(t)
	n := serve(t, "PARLEY_RECORD=false")
	until(t, 2*time.Minute, "the speech models are there", func() bool { return strings.Contains(n.log.String(), "speech models loaded") })
	var agents []struct{ ID string }
	n.into(n.api("GET", "/api/v1/agents", nil), &agents)
	s := newSite(t, n, `data-agent="`+agents[0].ID+`" data-label="Ask us" defer`)
	b := chromium(t, s.URL, microphone(t, 2500*time.Millisecond)...)
	b.look(1280, "light")
	b.open(s.URL + "/")
	b.sees("document.querySelector('[data-parley-widget]')")
	b.alone(n, "widget", axe)
	b.pushes("Ask us")
	b.reads(".status", "Connected: speak at any time.")
	b.sees(widget + ".querySelector('.lines .agent')?.textContent")
	until(t, time.Minute, "the page shows what the microphone has heard", func() bool {
		var lines []string
		b.eval("[..."+widget+".querySelectorAll('.lines .user')].map(e => e.textContent)", &lines)
		return slices.ContainsFunc(lines, func(line string) bool {
			var wer providertest.WER
			return wer.Add(passwordPlease, strings.TrimPrefix(line, "You: ")) <= 2
		})
	})
	b.sees("Number(getComputedStyle(" + widget + ".querySelector('.level')).getPropertyValue('--loud')) > 0.05")
	b.pushes("Mute")
	b.reads(".status", "You are muted.")
	b.alone(n, "widget-in-call", axe)
	b.pushes("Hang up")
	b.reads(".status", "The call is over.")
	b.alone(n, "widget-over", axe)
	var calls []struct{ Cause, Status string }
	until(t, time.Minute, "the call is recorded", func() bool {
		n.into(n.api("GET", "/api/v1/calls", nil), &calls)
		return len(calls) == 1 && calls[0].Status == "completed"
	})
	if calls[0].Cause != "caller" {
		t.Errorf("the call ended by %s", calls[0].Cause)
	}

	s.mu.Lock()
	s.refuse = http.StatusTooManyRequests
	s.mu.Unlock()
	b.pushes("Talk again")
	b.reads(".trouble", "Too many calls")
	b.troubles = nil // a refused request is an error to the browser's console
	s.mu.Lock()
	defer s.mu.Unlock()
	if want := `{"agent_id":"` + agents[0].ID + `","ttl_seconds":300}`; len(s.asked) != 2 || s.asked[0] != want {
		t.Errorf("the page's server was asked %q, want %s twice", s.asked, want)
	}
}

// TestConsoleWidgetPublic is a page whose server knows nothing of Parley: it calls an agent that is public to its origin, one call at a time and for
// no longer than is said; another site's page calls nobody.
func TestConsoleWidgetPublic(t *testing.T) {
	t.Parallel()
	n := serve(t, "PARLEY_RECORD=false")
	until(t, 2*time.Minute, "the speech models are there", func() bool { return strings.Contains(n.log.String(), "speech models loaded") })
	var agents []struct{ ID string }
	n.into(n.api("GET", "/api/v1/agents", nil), &agents)
	s, other := newPage(t, n, `data-agent="`+agents[0].ID+`"`), newPage(t, n, `data-agent="`+agents[0].ID+`"`)
	limits := map[string]any{"enabled": true, "origins": []string{s.URL}, "calls_at_once": 1, "longest_seconds": 25}
	if a := n.api("PATCH", "/api/v1/agents/"+agents[0].ID, map[string]any{"settings": map[string]any{"widget": limits}}); a.Status != http.StatusOK {
		t.Fatalf("the limits are not taken: %d %s %v", a.Status, a.Error, a.Details)
	}
	page := func(at *site) *tab {
		b := chromium(t, at.URL, microphone(t, 2500*time.Millisecond)...)
		b.look(1280, "light")
		b.open(at.URL + "/")
		b.pushes("Talk to us")
		return b
	}
	first := page(s)
	first.reads(".status", "Connected: speak at any time.")
	first.sees(widget + ".querySelector('.lines .agent')?.textContent")
	page(s).reads(".trouble", "no further calls are taken now")
	page(other).reads(".trouble", "No call can be made now")
	var calls []struct{ Cause, Status string }
	until(t, time.Minute, "the call has lasted as long as it may", func() bool {
		n.into(n.api("GET", "/api/v1/calls", nil), &calls)
		return len(calls) == 1 && calls[0].Status == "completed"
	})
	if calls[0].Cause != "max_length" {
		t.Errorf("the call ended by %s", calls[0].Cause)
	}
	first.reads(".status", "The call is over.")
}

// TestConsoleWidgetRelayed lets the browser reach nothing but the server's TURN: what the page is told with its token is enough for a call.
func TestConsoleWidgetRelayed(t *testing.T) {
	t.Parallel()
	n := serve(t, "PARLEY_RECORD=false", "PARLEY_TURN=127.0.0.1:0")
	until(t, 2*time.Minute, "the speech models are there", func() bool { return strings.Contains(n.log.String(), "speech models loaded") })
	s := newSite(t, n, "")
	b := chromium(t, s.URL, microphone(t, 2500*time.Millisecond)...)
	b.look(1280, "light")
	b.open(s.URL + "/")
	b.sees("document.querySelector('[data-parley-widget]')")
	b.eval(`(() => { const Usual = RTCPeerConnection
		window.RTCPeerConnection = class extends Usual { constructor(c) { super({ ...c, iceTransportPolicy: 'relay' }); window.made = this } } })()`, nil)
	b.pushes("Talk to us")
	b.reads(".status", "Connected: speak at any time.")
	b.sees(widget + ".querySelector('.lines .agent')?.textContent")
	var kind string
	b.eval(`made.getStats().then(all => { const of = id => all.get(id)
		return of(of([...all.values()].find(s => s.type === 'transport').selectedCandidatePairId).localCandidateId).candidateType })`, &kind)
	if kind != "relay" {
		t.Errorf("the way is %q", kind)
	}
	b.pushes("Hang up")
	b.reads(".status", "The call is over.")
}

// TestConsoleWidgetTyped is a page that may not hear anybody: it says so, and what is typed is answered, by the keyboard alone.
func TestConsoleWidgetTyped(t *testing.T) {
	t.Parallel()
	axe := readAxe(t)
	n := serve(t, "PARLEY_RECORD=false")
	until(t, 2*time.Minute, "the speech models are there", func() bool { return strings.Contains(n.log.String(), "speech models loaded") })
	s := newSite(t, n, `data-target="#here"`)
	b := chromium(t, s.URL, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream=deny")
	b.look(1280, "light")
	b.open(s.URL + "/")
	b.sees("document.querySelector('#here > [data-parley-widget]')")
	press := func(key, text string, code int) {
		b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": key, "text": text, "windowsVirtualKeyCode": code}, nil)
		b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "windowsVirtualKeyCode": code}, nil)
	}
	press("Tab", "", 9)
	press("Enter", "\r", 13)
	b.reads(".trouble", "Allow the microphone")
	b.sees(widget + ".querySelector('.lines .agent')?.textContent")
	b.sees(widget + ".querySelector('form').checkVisibility()")
	b.eval(widget+".querySelector('input').focus()", nil)
	b.call("Input.insertText", map[string]any{"text": "What are your opening hours?"}, nil)
	press("Enter", "\r", 13)
	b.sees("[..." + widget + ".querySelectorAll('.lines .user')].some(e => e.textContent === 'You: What are your opening hours?')")
	b.sees("[..." + widget + ".querySelectorAll('.lines .agent')].some(e => e.textContent.includes('We are open'))")
	b.alone(n, "widget-typed", axe)
	b.eval(widget+".querySelector('input').focus()", nil)
	press("Escape", "", 27)
	b.reads(".status", "The call is over.")
	b.sees(widget + ".activeElement?.textContent === 'Talk again'")
}
