package control_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/control"
	"parley/control/access"
	"parley/control/live"
	"parley/control/voice"
	"parley/media"
	"parley/pipeline"
	"parley/store"
)

// A theatre is a world whose calls can be watched, on a real server.
type theatre struct {
	*world

	desk   *live.Desk
	server *httptest.Server
	call   string // of ours, which goes on here
	stop   func() // ends the sockets
}

func newTheatre(t *testing.T, change ...func(*control.Options)) *theatre {
	t.Helper()
	th := &theatre{}
	var api *control.Control
	th.world = newWorld(t, append(change, func(o *control.Options) {
		if o.Desk == nil {
			o.Desk = live.New(live.Options{Calls: o.Calls})
		}
		th.desk = o.Desk
	}, func(o *control.Options) {
		var err error
		api, err = control.New(*o)
		must(t, err)
	})...)
	mux := http.NewServeMux()
	api.Mount(mux)
	th.mux, th.call, th.stop = mux, th.ours.going, api.Close
	th.server = httptest.NewServer(mux)
	t.Cleanup(func() { th.server.Close() })
	t.Cleanup(api.Close)
	for _, tenant := range []tenant{th.ours, th.theirs} {
		th.desk.Begin(store.Call{ID: tenant.going, Org: tenant.org, Created: time.Now(), Answered: time.Now()})
	}
	return th
}

// said has the caller say something that is not settled yet.
func (th *theatre) said(text string) {
	th.desk.Watch(pipeline.Event{Call: th.call, Kind: pipeline.Transcribed, Text: text})
}

// turn is an exchange that is over.
func (th *theatre) turn(n int, asked, answer string) []pipeline.Message {
	all := []pipeline.Message{{Role: pipeline.Caller, Text: asked, Turn: n}, {Role: pipeline.Assistant, Text: answer, Turn: n, At: time.Second, Length: time.Second}}
	th.desk.Watch(pipeline.Event{Call: th.call, Kind: pipeline.TurnEnded, Turn: &pipeline.Turn{N: n, First: 2 * (n - 1), Messages: all}})
	return all
}

func (th *theatre) ends(cause media.Cause, history ...pipeline.Message) {
	th.desk.Watch(pipeline.Event{Call: th.call, Kind: pipeline.CallEnded, Ending: &pipeline.Ending{Cause: cause, History: history}})
}

// knock asks for a call's socket. head are names and values.
func (th *theatre) knock(call, query string, head ...string) (*websocket.Conn, *http.Response) {
	th.t.Helper()
	h := http.Header{}
	for i := 0; i+1 < len(head); i += 2 {
		h.Set(head[i], head[i+1])
	}
	at := "ws" + strings.TrimPrefix(th.server.URL, "http") + "/ws/calls/" + call
	if query != "" {
		at += "?" + query
	}
	conn, answer, err := websocket.DefaultDialer.DialContext(th.t.Context(), at, h) //nolint:bodyclose // gorilla: it need not be closed
	if answer == nil {
		th.t.Fatal(err)
	}
	if err == nil {
		th.t.Cleanup(func() { _ = conn.Close() })
	}
	return conn, answer
}

// watch opens a call's socket by key.
func (th *theatre) watch() *client {
	th.t.Helper()
	conn, answer := th.knock(th.call, "api_key="+th.ours.key)
	if conn == nil {
		th.t.Fatalf("no socket: %d", answer.StatusCode)
	}
	return &client{t: th.t, conn: conn, schemas: th.schemas}
}

// A client is what a page's script would be.
type client struct {
	t       testing.TB
	conn    *websocket.Conn
	schemas *schemas
}

// A sent is a message of the socket's.
type sent struct {
	Type  string `json:"type"`
	Error string `json:"error"`
	Data  struct {
		CallID     string `json:"call_id"`
		Status     string `json:"status"`
		Held       bool   `json:"held"`
		Muted      bool   `json:"muted"`
		Transcript []struct {
			Seq   int    `json:"seq"`
			Role  string `json:"role"`
			Text  string `json:"text"`
			ID    string `json:"id"`
			Final bool   `json:"final"`
		} `json:"transcript"`
		Removed []string `json:"removed"`
		Missed  int      `json:"missed"`
	} `json:"data"`
}

// next waits for a message; for its kind, if there is one.
func (c *client) next(kind string) sent {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(time.Minute))
	_, text, err := c.conn.ReadMessage()
	if err != nil {
		c.t.Fatalf("waiting for %q: %v", kind, err)
	}
	var m sent
	must(c.t, json.Unmarshal(text, &m))
	if err := c.schemas.said(m.Type, text); err != nil {
		c.t.Errorf("said, not as described: %v: %s", err, text)
	}
	if kind != "" && m.Type != kind {
		c.t.Fatalf("got %s, want %s", text, kind)
	}
	return m
}

// closed waits for the socket's end.
func (c *client) closed(code int) {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(time.Minute))
	for {
		_, text, err := c.conn.ReadMessage()
		if err == nil {
			c.t.Logf("before the end: %s", text)
			continue
		}
		if !websocket.IsCloseError(err, code) {
			c.t.Errorf("closed with %v, want %d", err, code)
		}
		return
	}
}

// lines are a transcript, for comparing.
func (m sent) lines() (all []string) {
	for _, l := range m.Data.Transcript {
		final := ""
		if l.Final {
			final = " final"
		}
		all = append(all, fmt.Sprintf("%d %s %s%s: %s", l.Seq, l.ID, l.Role, final, l.Text))
	}
	return all
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestLiveInfo(t *testing.T) {
	t.Parallel()
	for public, base := range map[string]string{"": "ws://example.com", "https://voice.example.org/gw/": "wss://voice.example.org/gw"} {
		w := newWorld(t, func(o *control.Options) { o.PublicURL = public })
		var got map[string]any
		w.want(w.ask(w.ours.key, "GET", "/api/v1/calls/"+w.ours.going+"/live", ""), http.StatusOK).data(t, &got)
		at := base + "/ws/calls/" + w.ours.going
		if got["websocket_url"] != at || got["call_id"] != w.ours.going || got["temp_token"] == "" {
			t.Errorf("%v", got)
		}
		info, _ := got["connection_info"].(map[string]any)
		for name, want := range map[string]any{
			"url": at, "auth_method": "query_param", "auth_param": "api_key", "temp_auth_param": "session_token",
			"example": at + "?api_key=YOUR_API_KEY", "example_session": at + "?session_token=TEMP_TOKEN", "message_format": "json",
		} {
			if info[name] != want {
				t.Errorf("%s is %v, want %v", name, info[name], want)
			}
		}
		if types := fmt.Sprint(info["message_types"]); types != "[connected transcript_update call_status_update error]" {
			t.Error(types)
		}
	}
}

// A call is watched from its first words to its end.
func TestLiveSocket(t *testing.T) {
	t.Parallel()
	th := newTheatre(t)
	first := th.turn(1, "Hello.", "Good day.")
	c := th.watch()
	m := c.next("connected")
	if m.Data.CallID != th.call || m.Data.Status != "in_progress" {
		t.Errorf("%+v", m)
	}
	same(t, m.lines(), "0 user-1 user final: Hello.", "1 agent-1 agent final: Good day.")
	if m := c.next("call_status_update"); m.Data.Status != "in_progress" {
		t.Errorf("%+v", m)
	}
	must(t, c.conn.WriteJSON(map[string]string{"type": "ping"}))
	c.next("pong")
	for text, want := range map[string]string{`{"type":"hello"}`: "hello", "ping": "JSON", `["ping"]`: "JSON"} {
		must(t, c.conn.WriteMessage(websocket.TextMessage, []byte(text)))
		if m := c.next("error"); !strings.Contains(m.Error, want) {
			t.Errorf("%s is answered by %q", text, m.Error)
		}
	}
	th.said("What is")
	same(t, c.next("transcript_update").lines(), "2 user-2 user: What is")
	th.said("What is the time")
	same(t, c.next("transcript_update").lines(), "2 user-2 user: What is the time")
	second := th.turn(2, "What is the time?", "Noon.")
	same(t, c.next("transcript_update").lines(), "2 user-2 user final: What is the time?", "3 agent-2 agent final: Noon.")
	th.said("uh-huh")
	same(t, c.next("transcript_update").lines(), "4 user-3 user: uh-huh")
	th.ends(media.CauseCaller, append(first, second...)...)
	if m := c.next("transcript_update"); len(m.lines()) != 0 || !slices.Equal(m.Data.Removed, []string{"user-3"}) {
		t.Errorf("%+v", m)
	}
	if m := c.next("call_status_update"); m.Data.Status != "completed" {
		t.Errorf("%+v", m)
	}
	c.closed(websocket.CloseNormalClosure)
}

// Who watches is told when the call is put on hold, or muted; who comes later, too.
func TestLiveSocketOfACallOnHold(t *testing.T) {
	t.Parallel()
	th := newTheatre(t)
	early := th.watch()
	early.next("connected")
	early.next("call_status_update")
	for _, c := range []struct {
		kind        pipeline.EventKind
		order       pipeline.CommandKind
		held, muted bool
	}{
		{pipeline.Commanded, pipeline.Mute, false, true},
		{pipeline.Commanded, pipeline.Hold, true, true},
		{pipeline.Commanded, pipeline.Unmute, true, false},
		{pipeline.Commanded, pipeline.Unhold, false, false},
		{pipeline.Commanded, pipeline.Hold, true, false},
		{pipeline.CommandFailed, pipeline.Hold, false, false},
		{pipeline.Commanded, pipeline.Hold, true, false},
		{pipeline.Unbridged, "", false, false},
	} {
		th.desk.Watch(pipeline.Event{Call: th.call, Kind: c.kind, Text: string(c.order)})
		late := th.watch().next("connected")
		for who, m := range map[string]sent{"early": early.next("call_status_update"), "late": late} {
			if m.Data.Held != c.held || m.Data.Muted != c.muted || m.Data.Status != "in_progress" {
				t.Errorf("%s after %s %s: %+v", who, c.kind, c.order, m.Data)
			}
		}
	}
	th.desk.Watch(pipeline.Event{Call: th.call, Kind: pipeline.Commanded, Text: string(pipeline.Say)})
	th.said("Hello")
	same(t, early.next("transcript_update").lines(), "0 user-1 user: Hello")
}

// A call that is over is shown, and that it is.
func TestLiveSocketOfACallThatIsOver(t *testing.T) {
	t.Parallel()
	th := newTheatre(t)
	th.call = th.ours.done
	c := th.watch()
	if m := c.next("connected"); m.Data.Status != "completed" || len(m.lines()) != 3 {
		t.Errorf("%+v", m)
	}
	if m := c.next("call_status_update"); m.Data.Status != "completed" {
		t.Errorf("%+v", m)
	}
	c.closed(websocket.CloseNormalClosure)
}

// Who may watch, by what; and what the others are told before the upgrade.
func TestWhoMayWatch(t *testing.T) {
	t.Parallel()
	th := newTheatre(t)
	var info struct {
		Token string `json:"temp_token"`
	}
	th.want(th.ask(th.ours.key, "GET", "/api/v1/calls/"+th.call+"/live", ""), http.StatusOK).data(t, &info)
	var recording struct {
		URL string `json:"recording_url"`
	}
	th.want(th.ask(th.ours.key, "GET", "/api/v1/calls/"+th.ours.done+"/recording", ""), http.StatusOK).data(t, &recording)
	u, err := url.Parse(recording.URL)
	must(t, err)
	sound := u.Query().Get("token")
	th.want(th.ask("", "GET", "/api/v1/calls/"+th.ours.done+"/recording/stream?token="+info.Token, ""), http.StatusUnauthorized)
	cookie, _ := th.begin(th.ours.org, th.ours.owner)
	jwt := th.token(th.ours)
	host := strings.TrimPrefix(th.server.URL, "http://")
	own, foreign := "http://"+host, "https://evil.example.net"
	passes, err := voice.NewTickets(secret, voice.ForLive)
	must(t, err)
	old, _ := passes.Issue(th.ours.org, th.call, time.Now().Add(-6*time.Minute))

	for _, c := range []struct {
		name, call, query string
		head              []string
		want              int
	}{
		{name: "key in the URL", query: "api_key=" + th.ours.key, want: 101},
		{name: "and from any site", query: "api_key=" + th.ours.key, head: []string{"Origin", foreign}, want: 101},
		{name: "key in the header", head: []string{"Authorization", "Bearer " + th.ours.key}, want: 101},
		{name: "token of a session", query: "api_key=" + jwt, want: 101},
		{name: "session token", query: "session_token=" + info.Token, head: []string{"Origin", foreign}, want: 101},
		{name: "session token, padded", query: "session_token=" + info.Token + "%3D", want: 101},
		{name: "cookie, from our page", head: []string{"Cookie", cookie, "Origin", own}, want: 101},
		{name: "cookie, by a program", head: []string{"Cookie", cookie}, want: 101},
		{name: "upper-case id", call: strings.ToUpper(th.call), query: "session_token=" + info.Token, want: 101},

		{name: "cookie, from another site", head: []string{"Cookie", cookie, "Origin", foreign}, want: 403},
		{name: "cookie, from another site, as browsers say", head: []string{"Cookie", cookie, "Origin", own, "Sec-Fetch-Site", "cross-site"}, want: 403},
		{name: "cookie, from nowhere", head: []string{"Cookie", cookie, "Origin", "null"}, want: 403},
		{name: "nothing", want: 401},
		{name: "wrong key", query: "api_key=" + th.ours.key + "x", want: 401},
		{name: "wrong key, with a good token", query: "api_key=x&session_token=" + info.Token, want: 401},
		{name: "wrong token", query: "session_token=x" + info.Token, want: 401},
		{name: "wrong token, with a good cookie", query: "session_token=x", head: []string{"Cookie", cookie, "Origin", own}, want: 401},
		{name: "token of another call", call: th.ours.done, query: "session_token=" + info.Token, want: 401},
		{name: "token that is over", query: "session_token=" + old, want: 401},
		{name: "token of a recording", call: th.ours.done, query: "session_token=" + sound, want: 401},
		{name: "key without the scope", query: "api_key=" + th.ours.powerless, want: 403},
		{name: "another organisation's key", query: "api_key=" + th.theirs.key, want: 404},
		{name: "no such call", call: store.NewID(), query: "api_key=" + th.ours.key, want: 404},
		{name: "no id", call: "x", query: "api_key=" + th.ours.key, want: 404},
	} {
		if c.call == "" {
			c.call = th.call
		}
		conn, answer := th.knock(c.call, c.query, c.head...)
		if answer.StatusCode != c.want {
			t.Errorf("%s: %d, want %d", c.name, answer.StatusCode, c.want)
		}
		if answer.Header.Get("X-RateLimit-Limit") == "" && c.want != 101 {
			t.Errorf("%s: it is not counted", c.name)
		}
		if conn != nil {
			(&client{t: t, conn: conn, schemas: th.schemas}).next("connected")
			_ = conn.Close()
		}
	}
	plain := th.ask(th.ours.key, "GET", "/ws/calls/"+th.call, "")
	th.want(plain, http.StatusBadRequest)
	th.want(th.ask(th.ours.key, "POST", "/ws/calls/"+th.call, "{}"), http.StatusMethodNotAllowed)
	th.want(th.ask(th.ours.key, "GET", "/ws/calls", ""), http.StatusNotFound)

	log := th.log.String()
	for what, text := range map[string]string{"key": th.ours.key, "token": info.Token, "session": strings.TrimPrefix(cookie, "parley_session="), "jwt": jwt, "words": "How are you?"} {
		if strings.Contains(log, text) {
			t.Errorf("the %s is in the log", what)
		}
	}
	if !strings.Contains(log, `"route":"/ws/calls/{id}","status":101`) {
		t.Error("the log does not tell of sockets")
	}
	th.counts.mu.Lock()
	defer th.counts.mu.Unlock()
	if !slices.Contains(th.counts.routes, "GET /ws/calls/{id}") {
		t.Error("sockets are not counted")
	}
}

func TestSocketsAreLimited(t *testing.T) {
	t.Parallel()
	th := newTheatre(t, func(o *control.Options) {
		o.Desk = live.New(live.Options{Calls: o.Calls, PerCall: 2})
		o.Limiter = &access.Limiter{Limit: 5}
	})
	th.watch()
	th.watch()
	if _, answer := th.knock(th.call, "api_key="+th.ours.key); answer.StatusCode != http.StatusTooManyRequests || answer.Header.Get("Retry-After") == "" {
		t.Errorf("a third reader: %d", answer.StatusCode)
	}
	for _, want := range []int{429, 429, 429} { // the last by the rate limit
		if _, answer := th.knock(th.call, "api_key="+th.ours.key); answer.StatusCode != want {
			t.Errorf("%d, want %d", answer.StatusCode, want)
		}
	}
	for range 5 {
		th.knock(th.call, "api_key=va_wrong")
	}
	if _, answer := th.knock(th.call, "api_key=va_guess"); answer.StatusCode != http.StatusTooManyRequests {
		t.Errorf("guessing is not limited: %d", answer.StatusCode)
	}
}

// A client that misbehaves is let go.
func TestBadClients(t *testing.T) {
	t.Parallel()
	th := newTheatre(t, func(o *control.Options) { o.Sockets.Message = 100 })
	c := th.watch()
	must(t, c.conn.WriteMessage(websocket.TextMessage, []byte(strings.Repeat("x", 101))))
	c.closed(websocket.CloseMessageTooBig)
	c = th.watch()
	c.next("connected")
	c.next("call_status_update")
	for range 10 {
		must(t, c.conn.WriteMessage(websocket.BinaryMessage, []byte(`{"type":"ping"}`)))
		c.next("error")
	}
	c.closed(websocket.ClosePolicyViolation)
	th.alone()
}

// alone waits until nobody reads any more.
func (th *theatre) alone() {
	th.t.Helper()
	look, end := time.NewTicker(time.Millisecond), time.After(time.Minute)
	defer look.Stop()
	for th.desk.Stats().Readers > 0 {
		select {
		case <-look.C:
		case <-end:
			th.t.Fatalf("%d still read", th.desk.Stats().Readers)
		}
	}
}

// One that is silent, and does not even answer the protocol's pings, is gone; one that does answer is not.
func TestDeadClients(t *testing.T) {
	t.Parallel()
	th := newTheatre(t, func(o *control.Options) { o.Sockets.Ping, o.Sockets.Idle = 100*time.Millisecond, 2*time.Second })
	th.watch() // it does not read, so nobody answers pings
	th.alone()
	lively := th.watch()
	lively.next("connected")
	lively.next("call_status_update")
	time.AfterFunc(4*time.Second, func() { th.said("still here") })
	if m := lively.next("transcript_update"); m.Data.Transcript[0].Text != "still here" {
		t.Errorf("%+v", m)
	}
}

// A slow reader holds nobody up. It is told how much it has missed, of what changed in between; or let go.
func TestSlowReaders(t *testing.T) {
	t.Parallel()
	th := newTheatre(t, func(o *control.Options) { o.Sockets.Write, o.Sockets.Idle = 10*time.Minute, 10*time.Minute })
	slow, quick := th.slow(), th.watch()
	for _, c := range []*client{slow, quick} { // from then on nothing is said without them
		c.next("connected")
		c.next("call_status_update")
	}
	const n = 1000
	long := strings.Repeat("word ", 8000)
	for i := range n {
		text := fmt.Sprint(long, i)
		began := time.Now()
		th.said(text)
		if took := time.Since(began); took > time.Minute { // of ten that its writer waits
			t.Fatalf("the call was held up for %v", took)
		}
		for m := quick.next("transcript_update"); m.Data.Transcript[0].Text != text; m = quick.next("transcript_update") {
		}
	}
	got, missed, last := 0, 0, ""
	for last != fmt.Sprint(long, n-1) {
		m := slow.next("transcript_update")
		got, missed, last = got+1, missed+m.Data.Missed, m.Data.Transcript[0].Text
	}
	if got+missed != n || missed < n/2 {
		t.Errorf("it got %d, and missed %d of %d", got, missed, n)
	}
}

// slow is a client that does not read yet, with little room for what it is sent.
func (th *theatre) slow() *client {
	th.t.Helper()
	d := websocket.Dialer{NetDial: func(network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(th.t.Context(), network, addr)
		if err == nil {
			err = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		}
		return conn, err
	}}
	conn, _, err := d.DialContext(th.t.Context(), "ws"+strings.TrimPrefix(th.server.URL, "http")+"/ws/calls/"+th.call+"?api_key="+th.ours.key, nil) //nolint:bodyclose // gorilla
	must(th.t, err)
	th.t.Cleanup(func() { _ = conn.Close() })
	return &client{t: th.t, conn: conn, schemas: th.schemas}
}

func TestReadersThatDoNotReadAreLetGo(t *testing.T) {
	t.Parallel()
	th := newTheatre(t, func(o *control.Options) { o.Sockets.Write = 100 * time.Millisecond })
	th.slow()
	for i := 0; th.desk.Stats().Readers > 0; i++ {
		th.said(fmt.Sprint(strings.Repeat("word ", 20_000), i))
	}
}

// Who is not let in any more does not stay.
func TestARevokedKeyWatchesNoMore(t *testing.T) {
	t.Parallel()
	th := newTheatre(t, func(o *control.Options) { o.Sockets.Check = 20 * time.Millisecond })
	var text string
	key := th.newKey(&text, th.ours.org, access.CallsRead)
	key, err := th.db.CreateKey(t.Context(), key)
	must(t, err)
	cookie, session := th.begin(th.ours.org, th.ours.owner)
	byKey, _ := th.knock(th.call, "api_key="+text)
	byCookie, _ := th.knock(th.call, "", "Cookie", cookie)
	if byKey == nil || byCookie == nil {
		t.Fatal("no sockets")
	}
	for _, conn := range []*websocket.Conn{byKey, byCookie} {
		c := &client{t: t, conn: conn, schemas: th.schemas}
		c.next("connected")
		c.next("call_status_update")
	}
	owner, _ := th.begin(th.ours.org, th.ours.owner)
	th.want(th.ask("", "DELETE", "/api/v1/api-keys/"+key.ID, "", "Cookie", owner), http.StatusOK)
	th.want(th.ask("", "DELETE", "/api/v1/auth/sessions/"+session, "", "Cookie", owner), http.StatusOK)
	(&client{t: t, conn: byKey}).closed(websocket.ClosePolicyViolation)
	(&client{t: t, conn: byCookie}).closed(websocket.ClosePolicyViolation)
}

func TestAServerThatStopsSaysSo(t *testing.T) {
	t.Parallel()
	th := newTheatre(t)
	c := th.watch()
	c.next("connected")
	c.next("call_status_update")
	th.stop()
	c.closed(websocket.CloseGoingAway)
	if _, answer := th.knock(th.call, "api_key="+th.ours.key); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after that: %d", answer.StatusCode)
	}
}
