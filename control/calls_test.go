package control_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/control"
	"parley/control/dialer"
	peers "parley/control/nodes"
	"parley/control/talk"
	"parley/control/voice"
	"parley/pipeline"
	"parley/store"
)

const calls = "/api/v1/calls"

func TestCallDetail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var got map[string]any
	w.want(w.ask(w.ours.key, "GET", calls+"/"+w.ours.done, ""), http.StatusOK).data(t, &got)
	began, err := time.Parse(time.RFC3339, got["started_at"].(string))
	must(t, err)
	at := func(d time.Duration) string { return began.Add(d).UTC().Format("2006-01-02T15:04:05.000Z") }
	delete(got, "number")
	if r, ok := got["report"].(map[string]any); !ok || r["made_by"] != "rules" {
		t.Errorf("the report: %v", got["report"])
	}
	delete(got, "report") // TestReportByRules
	want := map[string]any{
		"id": w.ours.done, "agent_id": w.ours.standard, "agent_version": 1.0, "task_id": w.ours.task, "direction": "inbound",
		"status": "completed", "from_number": "+442071234567", "to_number": "+1234567890", "carrier": "twilio", "carrier_call_id": "CA123",
		"cause": "caller", "error": nil, "answered_by": nil, "started_at": at(0), "answered_at": at(0), "ended_at": at(4 * time.Second),
		"duration_seconds": 4.0, "turn_count": 1.0, "dropped_frames": 2.0, "created_at": at(0), "recording_available": true,
		"transcript_source": "live",
		"collected":         map[string]any{"day": "2026-11-24", "card": "***"},
		"latency":           map[string]any{"voice_to_voice_p50": 620.0, "voice_to_voice_p95": 620.0},
		"transcript": []any{
			map[string]any{"seq": 0.0, "role": "user", "text": "Hello", "interrupted": false, "turn": 1.0, "offset_ms": 400.0, "duration_ms": nil, "timestamp": at(400 * time.Millisecond)},
			map[string]any{"seq": 1.0, "role": "agent", "text": "Hello.", "interrupted": true, "turn": 1.0, "offset_ms": 1500.0, "duration_ms": 700.0, "timestamp": at(1500 * time.Millisecond)},
			map[string]any{"seq": 2.0, "role": "system", "text": "The caller pressed 1.", "interrupted": false, "turn": nil, "offset_ms": 3000.0, "duration_ms": nil, "timestamp": at(3 * time.Second)},
		},
		"turns": []any{map[string]any{
			"n": 1.0, "why": "words", "said": "Hello", "text": "Hello. How are you?", "heard": "Hello.", "interrupted": true, "offset_ms": 1500.0,
			"duration_ms": 700.0, "latency": map[string]any{"voice_to_voice": 620.0, "endpoint": 300.0}, "counts": map[string]any{"held": 1.0}, "error": nil,
			"knowledge": map[string]any{"duration_ms": 8.4, "error": "cold", "sources": []any{
				map[string]any{"document": "fees.pdf", "place": "page 2"}, map[string]any{"document": "notes.txt", "place": nil}}},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want - got +:\n%s", diff)
	}

	w.want(w.ask(w.ours.key, "GET", calls+"/"+w.ours.going, ""), http.StatusOK).data(t, &got)
	for _, field := range []string{"ended_at", "duration_seconds", "cause", "latency", "task_id", "report"} {
		if got[field] != nil {
			t.Errorf("of a call in progress, %s is %v", field, got[field])
		}
	}
	if got["recording_available"] != false || got["status"] != "in_progress" {
		t.Errorf("a call in progress: %v", got)
	}
	var said struct {
		CallID     string `json:"call_id"`
		Status     string
		Transcript []struct{ Role, Text string }
	}
	w.want(w.ask(w.ours.key, "GET", calls+"/"+w.ours.done+"/transcript", ""), http.StatusOK).data(t, &said)
	if said.CallID != w.ours.done || said.Status != "completed" || len(said.Transcript) != 3 || said.Transcript[1].Text != "Hello." {
		t.Errorf("transcript: %+v", said)
	}
}

func TestCallLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := func(query string) []string {
		var rows []struct{ ID string }
		w.want(w.ask(w.ours.key, "GET", calls+query, ""), http.StatusOK).data(t, &rows)
		out := []string{}
		for _, r := range rows {
			out = append(out, r.ID)
		}
		return out
	}
	both := []string{w.ours.going, w.ours.done}
	for query, want := range map[string][]string{
		"":                    both,
		"?status=completed":   {w.ours.done},
		"?status=in_progress": {w.ours.going},
		"?status=failed":      {},
		"?agent_id=" + strings.ToUpper(w.ours.standard): both,
		"?agent_id=" + w.ours.agent:                     {},
		"?task_id=" + w.ours.task:                       {w.ours.done},
		"?task_id=" + w.ours.task + "&status=failed":    {},
		"?limit=1&offset=1":                             {w.ours.done},
	} {
		if diff := cmp.Diff(want, ids(query)); diff != "" {
			t.Errorf("%s: want - got +:\n%s", query, diff)
		}
	}
	a := w.want(w.ask(w.ours.key, "GET", calls+"?status=done&agent_id=1&task_id=x&limit=ten&offset=-1&page=2", ""), http.StatusBadRequest)
	for _, name := range []string{"status", "agent_id", "task_id", "limit", "offset", "page"} {
		if a.parsed.Details[name] == "" {
			t.Errorf("%s is not named: %s", name, a.body)
		}
	}
	w.want(w.ask(w.ours.key, "GET", calls+"?status=failed&status=completed", ""), http.StatusBadRequest)
	w.want(w.ask(w.ours.key, "GET", calls+"?offset=9999999999999999999", ""), http.StatusBadRequest)
}

func TestEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	end := func(id string) *answer { return w.ask(w.ours.key, "POST", calls+"/"+id+"/end", "") }
	a := w.want(end(w.ours.done), http.StatusBadRequest)
	if !strings.Contains(a.parsed.Error, "completed") {
		t.Errorf("the reason is not said: %s", a.body)
	}
	var got map[string]string
	w.want(end(w.ours.going), http.StatusOK).data(t, &got)
	if diff := cmp.Diff(map[string]string{"call_id": w.ours.going, "message": "Call ended"}, got); diff != "" {
		t.Errorf("want - got +:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"end " + w.ours.going}, w.live.ended); diff != "" {
		t.Errorf("ended, want - got +:\n%s", diff)
	}
	// It lives here no more, and the database does not know yet.
	if a := w.want(end(w.ours.going), http.StatusServiceUnavailable); a.head.Get("Retry-After") == "" {
		t.Errorf("no Retry-After: %s", a.body)
	}
	must(t, w.db.Record(t.Context(), []store.Entry{{Ended: &store.Ended{
		Call: w.ours.going, Status: store.Failed, End: store.End{Ended: time.Now().UTC(), Cause: "agent"},
	}}}))
	w.want(end(w.ours.going), http.StatusBadRequest)

	alone := newWorld(t, func(o *control.Options) { o.Live = nil })
	alone.want(alone.ask(alone.ours.key, "POST", calls+"/"+alone.ours.going+"/end", ""), http.StatusServiceUnavailable)
}

// TestCancel: as end, but the call has failed then.
func TestCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cancel := func(id string) *answer { return w.ask(w.ours.key, "POST", calls+"/"+id+"/cancel", "") }
	w.want(cancel(w.ours.done), http.StatusBadRequest)
	w.want(cancel(w.theirs.going), http.StatusNotFound)
	for _, c := range []struct {
		fails error
		says  string
	}{
		{fmt.Errorf("tell: %w", peers.ErrSilent), "node does not answer"},
		{fmt.Errorf("%w: hang up: refused", dialer.ErrCarrier), "carrier does not answer"},
		{fmt.Errorf("tell: %w", store.ErrUnavailable), ""},
	} {
		w.live.fails = c.fails
		a := w.want(cancel(w.ours.going), http.StatusServiceUnavailable)
		if !strings.Contains(a.parsed.Error, c.says) || a.head.Get("Retry-After") == "" {
			t.Errorf("%v: answered %s", c.fails, a.body)
		}
	}
	w.live.fails = nil
	var got map[string]string
	w.want(cancel(w.ours.going), http.StatusOK).data(t, &got)
	if diff := cmp.Diff(map[string]string{"call_id": w.ours.going, "message": "Call cancelled"}, got); diff != "" {
		t.Errorf("want - got +:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"cancel " + w.ours.going}, w.live.ended); diff != "" {
		t.Errorf("cancelled, want - got +:\n%s", diff)
	}
}

// TestTransfer: what is asked of a call becomes a command, or a complaint that names the field.
func TestTransfer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ask := func(id, path, body string) *answer {
		return w.ask(w.ours.key, "POST", calls+"/"+id+path, body)
	}
	w.want(ask(w.ours.going, "/transfer", `{"to": "+442071234567"}`), http.StatusOK)
	w.want(ask(w.ours.going, "/transfer", `{"to": "sip:desk@example.com", "mode": "bridge", "say": "One moment.", "brief": "John. Press 1.", "confirm": true, "ring_seconds": 20, "stay": "listen", "after": "end"}`), http.StatusOK)
	w.want(ask(w.ours.going, "/transfer", `{"to": "+442071234567", "mode": "attended", "brief": "John.", "confirm": true}`), http.StatusOK)
	w.want(ask(w.ours.going, "/take-back", ""), http.StatusOK)
	w.want(ask(w.ours.going, "/take-back", `{"say": "Here I am."}`), http.StatusOK)
	w.want(w.ask(w.ours.key, "PUT", "/api/v1/dialing", `{"deny": ["+7"]}`), http.StatusOK)
	want := []pipeline.Command{
		{Kind: pipeline.Transfer, To: "+442071234567"},
		{Kind: pipeline.Bridge, To: "sip:desk@example.com", Text: "One moment.", Join: pipeline.Join{Ring: 20 * time.Second, Brief: "John. Press 1.", Confirm: true, Stay: pipeline.Listen, After: pipeline.End}},
		{Kind: pipeline.Bridge, To: "+442071234567", Join: pipeline.Join{Ring: 30 * time.Second, Brief: "John.", Confirm: true, Attended: true}},
		{Kind: pipeline.Unbridge, Ask: true}, {Kind: pipeline.Unbridge, Text: "Here I am."},
	}
	if diff := cmp.Diff(want, w.live.ordered); diff != "" {
		t.Errorf("ordered, -want +got:\n%s", diff)
	}
	for body, field := range map[string]string{
		`{}`: "to", `{"to": "0207"}`: "to", `{"to": "sip:a b@c"}`: "to", `{"to": "+442071234567", "mode": "warm"}`: "mode", `{"to": "+442071234567", "brief": "a"}`: "brief",
		`{"to": "+442071234567", "stay": "listen"}`: "mode", `{"to": "+442071234567", "mode": "bridge", "confirm": true}`: "confirm",
		`{"to": "+442071234567", "mode": "bridge", "ring_seconds": 500}`: "ring_seconds", `{"to": "+442071234567", "mode": "bridge", "after": "x"}`: "after", `{"to": "+442071234567", "from": "1"}`: "from",
		`{"to": "+79161234567", "mode": "bridge"}`: "to", `{"to": "sip:112@example.com"}`: "to", `{"to": "+881712345678", "mode": "attended"}`: "to",
	} {
		if a := w.want(ask(w.ours.going, "/transfer", body), http.StatusBadRequest); a.parsed.Details[field] == "" {
			t.Errorf("%s: %s does not name %s", body, a.body, field)
		}
	}
	w.want(ask(w.ours.done, "/transfer", `{"to": "+442071234567"}`), http.StatusBadRequest)
	w.want(ask(w.theirs.going, "/transfer", `{"to": "+442071234567"}`), http.StatusNotFound)
	w.live.fails = &peers.Refusal{Reason: "transfer: this call cannot be transferred"}
	if a := w.want(ask(w.ours.going, "/transfer", `{"to": "+442071234567"}`), http.StatusBadRequest); !strings.Contains(a.parsed.Error, "cannot be transferred") {
		t.Errorf("the reason is not said: %s", a.body)
	}
	w.live.fails = fmt.Errorf("tell: %w", peers.ErrSilent)
	w.want(ask(w.ours.going, "/take-back", ""), http.StatusServiceUnavailable)
}

// TestCommands: what is asked of a call becomes a command, or a complaint that names the field.
func TestCommands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ask := func(id, body string) *answer {
		return w.ask(w.ours.key, "POST", calls+"/"+id+"/commands", body)
	}
	for _, body := range []string{
		`{"command": "say", "text": "One moment."}`, `{"command": "whisper", "text": "Offer a refund.", "ask": true}`, `{"command": "press", "keys": "12w#"}`,
		`{"command": "mute"}`, `{"command": "unmute"}`, `{"command": "hold", "text": "Please hold.", "every_seconds": 20}`, `{"command": "unhold", "ask": true}`,
	} {
		w.want(ask(w.ours.going, body), http.StatusOK)
	}
	want := []pipeline.Command{
		{Kind: pipeline.Say, Text: "One moment."}, {Kind: pipeline.Inject, Text: "Offer a refund.", Ask: true}, {Kind: pipeline.Press, Keys: "12w#"},
		{Kind: pipeline.Mute}, {Kind: pipeline.Unmute}, {Kind: pipeline.Hold, Text: "Please hold.", Every: 20 * time.Second}, {Kind: pipeline.Unhold, Ask: true},
	}
	if diff := cmp.Diff(want, w.live.ordered); diff != "" {
		t.Errorf("ordered, -want +got:\n%s", diff)
	}
	for _, c := range want {
		if err := c.Check(); err != nil {
			t.Errorf("no call takes %+v: %v", c, err)
		}
	}
	for body, field := range map[string]string{
		`{}`: "command", `{"command": "take_over"}`: "command", `{"command": "say"}`: "text", `{"command": "whisper", "text": " "}`: "text", `{"command": "mute", "text": "a"}`: "text",
		`{"command": "say", "text": "a", "ask": true}`: "ask", `{"command": "press"}`: "keys", `{"command": "press", "keys": "x"}`: "keys", `{"command": "say", "text": "a", "keys": "1"}`: "keys",
		`{"command": "hold", "every_seconds": 20}`: "text", `{"command": "hold", "every_seconds": 1}`: "every_seconds", `{"command": "mute", "every_seconds": 20}`: "every_seconds",
		`{"command": "unhold", "text": "a", "ask": true}`: "ask", `{"command": "press", "keys": "1", "text": "a"}`: "text",
	} {
		if a := w.want(ask(w.ours.going, body), http.StatusBadRequest); a.parsed.Details[field] == "" {
			t.Errorf("%s: %s does not name %s", body, a.body, field)
		}
	}
	w.want(ask(w.ours.done, `{"command": "mute"}`), http.StatusBadRequest)
	w.want(ask(w.theirs.going, `{"command": "mute"}`), http.StatusNotFound)
}

// TestListen: a token opens one call that goes on, in the name of whoever has asked for it, unless they say another.
func TestListen(t *testing.T) {
	t.Parallel()
	tokens, err := talk.NewTokens(nil, nil, secret)
	must(t, err)
	w := newWorld(t, func(o *control.Options) { o.Talk = tokens })
	ask := func(key, id, body string) *answer { return w.ask(key, "POST", calls+"/"+id+"/listen", body) }
	for body, name := range map[string]string{"": "", `{"name": "Anna", "ttl_seconds": 10}`: "Anna"} {
		var got struct {
			Token   string
			CallID  string `json:"call_id"`
			Name    string
			WHIPURL string `json:"whip_url"`
		}
		w.want(ask(w.ours.key, w.ours.going, body), http.StatusCreated).data(t, &got)
		p, err := tokens.Look(got.Token, time.Now())
		if err != nil || p.Call != w.ours.going || p.Org != w.ours.org || p.Agent != "" || p.Name != got.Name || got.CallID != w.ours.going || !strings.HasSuffix(got.WHIPURL, "/webrtc/whip") {
			t.Errorf("%s: %+v opens %+v, %v", body, got, p, err)
		}
		if got.Name == "" || name != "" && got.Name != name {
			t.Errorf("%s: the name is %q", body, got.Name)
		}
	}
	cookie, _ := w.begin(w.ours.org, w.ours.owner)
	w.want(w.ask("", "POST", calls+"/"+w.ours.going+"/listen", "", "Cookie", cookie), http.StatusCreated)
	for _, body := range []string{`{"name": "a\nb"}`, `{"name": "-"}`} {
		if a := w.want(ask(w.ours.key, w.ours.going, body), http.StatusBadRequest); a.parsed.Details["name"] == "" {
			t.Errorf("%s: %s does not name name", body, a.body)
		}
	}
	w.want(ask(w.ours.key, w.ours.done, ""), http.StatusBadRequest)
	w.want(ask(w.ours.key, w.theirs.going, ""), http.StatusNotFound)
	w.want(ask(w.ours.powerless, w.ours.going, ""), http.StatusForbidden)
	w.want(ask("", w.ours.going, ""), http.StatusUnauthorized)
}

func TestRecordingStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	srv := httptest.NewServer(w.mux)
	defer srv.Close()
	file, err := os.ReadFile(filepath.Join(w.dir, "recordings", w.ours.done+".wav"))
	must(t, err)

	get := func(method, url string, head ...string) (*http.Response, []byte) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
		must(t, err)
		for i := 0; i+1 < len(head); i += 2 {
			r.Header.Set(head[i], head[i+1])
		}
		resp, err := srv.Client().Do(r)
		must(t, err)
		defer resp.Body.Close() //nolint:errcheck // a test
		body, err := io.ReadAll(resp.Body)
		must(t, err)
		return resp, body
	}
	resp, body := get("GET", srv.URL+calls+"/"+w.ours.done+"/recording", "Authorization", "Bearer "+w.ours.key)
	a := &answer{status: resp.StatusCode, head: resp.Header, body: body}
	w.check("recording", a)
	var link struct {
		URL      string    `json:"recording_url"`
		Expires  time.Time `json:"expires_at"`
		Format   string
		Duration float64 `json:"duration_seconds"`
		Rate     int     `json:"sample_rate"`
		Channels int
		Size     int64 `json:"size_bytes"`
	}
	a.data(t, &link)
	if link.Format != "wav" || link.Duration != 4 || link.Rate != 8000 || link.Channels != 2 || link.Size != int64(len(file)) {
		t.Errorf("recording: %s", body)
	}
	if left := time.Until(link.Expires); left > voice.TicketLife || left < voice.TicketLife-10*time.Second {
		t.Errorf("the link is good for %v", left)
	}
	if !strings.HasPrefix(link.URL, srv.URL+"/") {
		t.Errorf("the link leads to %s, not to where the client came, %s", link.URL, srv.URL)
	}

	resp, body = get("GET", link.URL)
	etag := resp.Header.Get("ETag")
	if resp.StatusCode != http.StatusOK || string(body) != string(file) || resp.ContentLength != int64(len(file)) {
		t.Errorf("whole: %d, %d bytes of %d", resp.StatusCode, len(body), len(file))
	}
	for name, want := range map[string]string{
		"Content-Type": "audio/wav", "Accept-Ranges": "bytes", "Content-Disposition": `inline; filename="call-` + w.ours.done + `.wav"`,
		"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for name, tc := range map[string]struct {
		head   []string
		status int
		body   string
		of     string
	}{
		"the first bytes":  {[]string{"Range", "bytes=0-3"}, 206, "RIFF", "bytes 0-3/64044"},
		"a middle":         {[]string{"Range", "bytes=44-51"}, 206, string(file[44:52]), "bytes 44-51/64044"},
		"the rest":         {[]string{"Range", "bytes=64000-"}, 206, string(file[64000:]), "bytes 64000-64043/64044"},
		"the last bytes":   {[]string{"Range", "bytes=-4"}, 206, string(file[64040:]), "bytes 64040-64043/64044"},
		"the same file":    {[]string{"Range", "bytes=0-3", "If-Range", etag}, 206, "RIFF", "bytes 0-3/64044"},
		"another file":     {[]string{"Range", "bytes=0-3", "If-Range", `"another"`}, 200, string(file), ""},
		"known already":    {[]string{"If-None-Match", etag}, 304, "", ""},
		"a unit unknown":   {[]string{"Range", "seconds=0-3"}, 416, "", ""},
		"beyond the end":   {[]string{"Range", "bytes=64044-"}, 416, "", "bytes */64044"},
		"the wrong way up": {[]string{"Range", "bytes=3-0"}, 416, "", ""},
	} {
		resp, body := get("GET", link.URL, tc.head...)
		if resp.StatusCode != tc.status || resp.Header.Get("Content-Range") != tc.of || tc.status < 400 && string(body) != tc.body {
			t.Errorf("%s: %d, Content-Range %q, %d bytes", name, resp.StatusCode, resp.Header.Get("Content-Range"), len(body))
		}
		if tc.status >= 400 {
			w.check(name, &answer{status: resp.StatusCode, head: resp.Header, body: body})
		}
	}
	resp, body = get("HEAD", link.URL)
	if resp.StatusCode != http.StatusOK || len(body) != 0 || resp.ContentLength != int64(len(file)) {
		t.Errorf("HEAD: %d, %d", resp.StatusCode, resp.ContentLength)
	}
	resp, body = get("GET", srv.URL+calls+"/"+w.ours.done+"/recording/stream", "Authorization", "Bearer "+w.ours.key)
	if resp.StatusCode != http.StatusOK || string(body) != string(file) {
		t.Errorf("by key: %d, %d bytes", resp.StatusCode, len(body))
	}
}

func TestRecordingTickets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *control.Options) { o.PublicURL = "https://voice.example.com/" })
	var link struct {
		URL string `json:"recording_url"`
	}
	w.want(w.ask(w.ours.key, "GET", calls+"/"+w.ours.done+"/recording", ""), http.StatusOK).data(t, &link)
	if !strings.HasPrefix(link.URL, "https://voice.example.com/api/v1/calls/") {
		t.Errorf("the link leads to %s", link.URL)
	}
	u, err := url.Parse(link.URL)
	must(t, err)
	good := u.Query().Get("token")
	tickets, err := voice.NewTickets(secret, voice.ForRecording)
	must(t, err)
	strangers, err := voice.NewTickets([]byte("another secret, another house"), voice.ForRecording)
	must(t, err)
	make := func(t *voice.Tickets, org, call string, at time.Time) string {
		ticket, _ := t.Issue(org, call, at)
		return ticket
	}
	now := time.Now()
	stream := func(call, ticket string) string {
		return calls + "/" + call + "/recording/stream?token=" + url.QueryEscape(ticket)
	}
	w.want(w.ask("", "GET", stream(w.ours.done, good), ""), http.StatusOK)
	w.want(w.ask("", "GET", stream(w.ours.done, make(tickets, w.ours.org, w.ours.done, now.Add(-voice.TicketLife+time.Minute))), ""), http.StatusOK)

	expired := make(tickets, w.ours.org, w.ours.done, now.Add(-voice.TicketLife-time.Second))
	_, mac, _ := strings.Cut(expired, ".")
	later, _, _ := strings.Cut(good, ".")
	for name, url := range map[string]string{
		"of another call":        stream(w.theirs.done, good),
		"of a call in progress":  stream(w.ours.going, good),
		"expired":                stream(w.ours.done, expired),
		"with a later expiry":    stream(w.ours.done, later+"."+mac),
		"of another house":       stream(w.ours.done, make(strangers, w.ours.org, w.ours.done, now)),
		"with another org":       stream(w.ours.done, strings.Replace(good, w.ours.org, w.theirs.org, 1)),
		"cut short":              stream(w.ours.done, good[:len(good)-1]),
		"without a mac":          stream(w.ours.done, good[:strings.LastIndex(good, ".")+1]),
		"made of nothing":        stream(w.ours.done, ".."),
		"that is a key":          stream(w.ours.done, w.ours.key),
		"with the call in upper": stream(strings.ToUpper(w.ours.done), good),
		"elsewhere":              calls + "/" + w.ours.done + "?token=" + good,
		"at its own link":        calls + "/" + w.ours.done + "/recording?token=" + good,
	} {
		if a := w.ask("", "GET", url, ""); a.status != http.StatusUnauthorized {
			t.Errorf("a ticket %s: %d %s", name, a.status, a.body)
		}
	}
	// A signed ticket opens what its organisation has, no more.
	w.want(w.ask("", "GET", stream(w.theirs.done, make(tickets, w.ours.org, w.theirs.done, now)), ""), http.StatusNotFound)
	// A key goes before a ticket.
	w.want(w.ask(w.theirs.key, "GET", stream(w.ours.done, good), ""), http.StatusNotFound)
	if strings.Contains(w.log.String(), good) {
		t.Error("a ticket is in the log")
	}
	o := needed(w.db, w.dialer)
	o.Auth, o.Secret = nobody{}, []byte("short")
	_, err = control.New(o)
	if err == nil || !strings.Contains(err.Error(), "16") {
		t.Errorf("a short secret is taken: %v", err)
	}
}

func TestRecordingsThatAreNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	outside := filepath.Join(t.TempDir(), "outside.wav")
	must(t, os.WriteFile(outside, sound(10), 0o600))
	must(t, os.Symlink(outside, filepath.Join(w.dir, "recordings", "link.wav")))
	now := time.Now().UTC()
	record := func(path string) string {
		id := store.NewID()
		ended := &store.Ended{Call: id, Status: store.Completed, End: store.End{Ended: now, Cause: "caller"}}
		if path != "" {
			ended.Recording = &store.Recording{Call: id, Path: path, Rate: 8000, Channels: 2, Bytes: 44}
		}
		must(t, w.db.Record(t.Context(), []store.Entry{
			{Began: &store.Call{ID: id, Org: w.ours.org, Direction: store.Inbound, Status: store.InProgress, Leg: "sip", Node: "n", Boot: "b", Created: now}},
			{Ended: ended},
		}))
		return id
	}
	for name, tc := range map[string]struct{ id, recording, stream string }{
		"in progress":  {w.ours.going, "not over", "not over"},
		"not recorded": {record(""), "not recorded", "not recorded"},
		"gone":         {record("recordings/gone.wav"), "", "gone"},
	} {
		for path, reason := range map[string]string{"/recording": tc.recording, "/recording/stream": tc.stream} {
			if reason == "" {
				w.want(w.ask(w.ours.key, "GET", calls+"/"+tc.id+path, ""), http.StatusOK)
				continue
			}
			if a := w.want(w.ask(w.ours.key, "GET", calls+"/"+tc.id+path, ""), http.StatusNotFound); !strings.Contains(a.parsed.Error, reason) {
				t.Errorf("%s%s: %q does not say %q", name, path, a.parsed.Error, reason)
			}
		}
	}
	for _, path := range []string{"../outside.wav", "/etc/passwd", "recordings/link.wav", "recordings/../../x", "recordings"} {
		id := record(path)
		r := httptest.NewRequestWithContext(t.Context(), "GET", calls+"/"+id+"/recording/stream", nil)
		r.Header.Set("Authorization", "Bearer "+w.ours.key)
		rec := httptest.NewRecorder()
		w.mux.ServeHTTP(rec, r)
		if rec.Code != http.StatusInternalServerError && rec.Code != http.StatusNotFound || strings.Contains(rec.Body.String(), path) {
			t.Errorf("%s: %d %s", path, rec.Code, rec.Body)
		}
	}
	none := newWorld(t, func(o *control.Options) { o.Recordings = nil })
	none.want(none.ask(none.ours.key, "GET", calls+"/"+none.ours.done+"/recording/stream", ""), http.StatusNotFound)
}
