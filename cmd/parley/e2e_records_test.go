//go:build e2e

package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/bench/carrier"
	"parley/media/wav"
	"parley/providers/providertest"
	"parley/store/storetest/pgtest"
)

func itoa(n int) string { return strconv.Itoa(n) }

// databases runs a test on both: "" is SQLite in the data directory.
func databases(t *testing.T, test func(t *testing.T, env []string)) {
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); test(t, nil) })
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, []string{"DATABASE_URL=" + pgtest.New(t, pgtest.Options{}).URL()})
	})
}

// TestEndToEndRecords: a call that `parley call` made is found over the API the moment it has ended, with what was said, heard and
// recorded, and how long each answer took.
func TestEndToEndRecords(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, env []string) {
		n := serve(t, env...)
		out, code := command(t, []string{"TWILIO_AUTH_TOKEN=" + testToken}, "call", "--connect", strings.TrimPrefix(n.url, "http://"), "--no-transcribe",
			"--wav", t.TempDir()+"/call.wav", "--from", "+442071234567", "--do", "hear", "--do", "say agent-pass", "--do", "hear", "--do", "press 1", "--do", "hear", "--do", "hangup")
		if code != 0 {
			t.Fatalf("parley call: %d\n%s", code, out)
		}
		calls := n.calls()
		if len(calls) != 1 {
			t.Fatalf("%d calls are listed, want 1", len(calls))
		}
		c := n.record(calls[0].CarrierID)
		if c.Status != "completed" || c.Cause != "caller" || c.From != "+442071234567" || c.Seconds < 5 || c.Ended == nil || c.AgentID == "" || c.AgentVersion != 1 {
			t.Errorf("the call: %+v", c)
		}
		if d := c.Latency["voice_to_voice_p50"]; d < 350 || d > 5000 { // pipeline.Patience: a whole sentence is waited for 350 ms
			t.Errorf("latency %v", c.Latency)
		}
		var wer providertest.WER
		if errs := wer.Add("Please enter your password followed by the pound key.", c.text("user")); errs > 2 {
			t.Errorf("the caller's words: %q", c.text("user"))
		}
		if !strings.Contains(c.text("agent"), "We are open") {
			t.Errorf("the agent's words: %q", c.text("agent"))
		}
		measured := 0
		for _, turn := range c.Turns {
			if turn.Latency["voice_to_voice"] > 0 {
				measured++
			}
		}
		if measured == 0 {
			t.Errorf("no turn has its latency: %+v", c.Turns)
		}
		for i, m := range c.Transcript {
			if m.Seq != i || float64(m.OffsetMS+m.DurationMS) > 1000*c.Seconds+50 || m.Role == "agent" && m.DurationMS == 0 {
				t.Errorf("message %d: %+v of a call of %v s", i, m, c.Seconds)
			}
		}
		n.checkRecording(c)
		n.checkCLI(env, c)
	})
}

// checkRecording fetches a call's sound as a browser would: by the link alone, a part of it, and the whole.
func (n *node) checkRecording(c callRow) {
	n.t.Helper()
	var link struct {
		URL string `json:"recording_url"`
	}
	n.into(n.api(http.MethodGet, "/api/v1/calls/"+c.ID+"/recording", nil), &link)
	req, err := http.NewRequestWithContext(n.t.Context(), http.MethodGet, link.URL, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header.Set("Range", "bytes=0-43")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	head, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusPartialContent || len(head) != 44 || string(head[:4]) != "RIFF" {
		n.t.Errorf("the first 44 bytes: %d, %q, %v", resp.StatusCode, head, err)
	}
	if resp, err = http.Get(link.URL); err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	sound, err := wav.Read(resp.Body, 1<<26)
	if err != nil || sound.Channels != 2 || sound.Duration().Seconds() < 0.9*c.Seconds {
		n.t.Errorf("the recording: %d channels, %v of a call of %v s, %v", sound.Channels, sound.Duration(), c.Seconds, err)
	}
	if resp, err := http.Get(n.url + "/api/v1/calls/" + c.ID + "/recording/stream"); err != nil || resp.StatusCode != http.StatusUnauthorized {
		n.t.Errorf("without a key or a link: %v, %v", resp.StatusCode, err)
	}
}

// checkCLI uses the commands beside the running server: what they change, the server knows within seconds.
func (n *node) checkCLI(env []string, c callRow) {
	n.t.Helper()
	env = append([]string{"PARLEY_DATA_DIR=" + n.data}, env...)
	run := func(args ...string) string {
		out, code := command(n.t, env, args...)
		if code != 0 {
			n.t.Fatalf("parley %v: exit code %d\n%s", args, code, out)
		}
		return out
	}
	if out := run("agents"); !strings.Contains(out, c.AgentID) {
		n.t.Errorf("parley agents:\n%s", out)
	}
	run("agents", "create", "--name", "Night desk", "--prompt", "You answer at night.", "--starting-message", "Good night, this is the night desk.")
	run("numbers", "set", "+15557654321", "night desk")
	secret := strings.TrimSpace(run("keys", "create", "reader", "--scope", "calls:read"))
	ask := func(method, path string) int {
		req, err := http.NewRequestWithContext(n.t.Context(), method, n.url+path, nil)
		if err != nil {
			n.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+secret)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			n.t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if got := ask(http.MethodGet, "/api/v1/calls/"+c.ID); got != http.StatusOK {
		n.t.Errorf("a reader's key reads a call: %d", got)
	}
	if got := ask(http.MethodDelete, "/api/v1/agents/"+c.AgentID); got != http.StatusForbidden {
		n.t.Errorf("a reader's key deletes an agent: %d", got)
	}
	run("keys", "revoke", secret[:11])
	until(n.t, 15*time.Second, "the revoked key is refused", func() bool { return ask(http.MethodGet, "/api/v1/calls/"+c.ID) == http.StatusUnauthorized })

	var to callRow
	until(n.t, 30*time.Second, "the night desk answers its number", func() bool {
		script, err := carrier.ParseScript("steps", "hear\nhangup")
		if err != nil {
			n.t.Fatal(err)
		}
		r, err := carrier.Call{URL: n.url + "/twilio/voice", AuthToken: testToken, To: "+15557654321", Script: script}.Place(n.t.Context())
		if err != nil {
			n.t.Fatal(err)
		}
		to = n.record(r.CallSID)
		return to.AgentID != c.AgentID
	})
	if len(to.Turns) == 0 || !strings.HasPrefix(to.Turns[0].Text, "Good night, this is the night desk") {
		n.t.Errorf("the night desk: %+v", to.Turns)
	}
}

// TestEndToEndAPI changes agents and ends a call over the API.
func TestEndToEndAPI(t *testing.T) {
	t.Parallel()
	n := serve(t, "PARLEY_RECORD=false")
	var agent struct {
		ID      string `json:"id"`
		Version int    `json:"version"`
	}
	n.into(n.api(http.MethodPost, "/api/v1/agents", map[string]any{"name": "Day desk", "system_prompt": "Be kind."}), &agent)
	n.into(n.api(http.MethodPatch, "/api/v1/agents/"+agent.ID, map[string]any{"starting_message": "Hello."}), &agent)
	if agent.Version != 2 {
		t.Errorf("a change makes version %d", agent.Version)
	}
	if a := n.api(http.MethodPost, "/api/v1/agents", map[string]any{"name": "", "colour": "red"}); a.Status != http.StatusBadRequest || len(a.Details) < 3 {
		t.Errorf("a bad agent: %d %v", a.Status, a.Details)
	}
	ended := make(chan *carrier.Result, 1)
	go func() {
		r, _ := n.place(context.WithoutCancel(t.Context()), "hear", "silent 60s")
		ended <- r
	}()
	var live callRow
	until(t, time.Minute, "the call is listed while it goes on", func() bool {
		calls := n.calls()
		if len(calls) == 1 {
			live = calls[0]
		}
		return live.Status == "in_progress"
	})
	if a := n.api(http.MethodGet, "/api/v1/calls/"+live.ID+"/recording", nil); a.Status != http.StatusNotFound || a.Error == "" {
		t.Errorf("the recording of a call in progress: %d %q", a.Status, a.Error)
	}
	if a := n.api(http.MethodPost, "/api/v1/calls/"+live.ID+"/end", nil); a.Status != http.StatusOK {
		t.Errorf("end: %d %q", a.Status, a.Error)
	}
	if r := <-ended; r == nil || r.Ended != "agent" {
		t.Errorf("the caller saw: %+v", r)
	}
	if c := n.record(live.CarrierID); c.Status != "completed" || c.Cause != "agent" {
		t.Errorf("the ended call: %s, %s", c.Status, c.Cause)
	}
	if a := n.api(http.MethodPost, "/api/v1/calls/"+live.ID+"/end", nil); a.Status != http.StatusBadRequest {
		t.Errorf("ending a call twice: %d %q", a.Status, a.Error)
	}
	if _, log := n.get("/openapi.json"); !strings.Contains(log, "/api/v1/agents") {
		t.Error("no description at /openapi.json")
	}
	if log := n.log.String(); strings.Contains(log, testKey) || strings.Contains(log, testToken) {
		t.Error("a secret is in the log")
	}
}

// TestEndToEndFirstStart: an empty database gets an organisation, an owner and a key, which are printed once.
func TestEndToEndFirstStart(t *testing.T) {
	t.Parallel()
	n := serve(t, "PARLEY_API_KEY=") // an empty variable is none
	until(t, time.Minute, "serve has greeted", func() bool { return strings.Contains(n.out.String(), "Try next") })
	first := n.out.String()
	key := regexp.MustCompile(`va_[0-9A-Za-z_-]{30,}`).FindString(first)
	if key == "" || !strings.Contains(first, "owner@localhost, password ") {
		t.Fatalf("serve printed:\n%s", first)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.url+"/api/v1/agents", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the printed key: %d", resp.StatusCode)
	}
	n.stop()
	again := serve(t, "PARLEY_API_KEY=", "PARLEY_DATA_DIR="+n.data)
	until(t, time.Minute, "serve has greeted", func() bool { return strings.Contains(again.out.String(), "Try next") })
	if text := again.out.String(); strings.Contains(text, "va_") || strings.Contains(text, "password") {
		t.Errorf("the second start printed:\n%s", text)
	}
}

// TestEndToEndDatabaseGone kills Postgres in the middle of 20 live calls and keeps it away for a minute. No call drops, the API says 503,
// calls that come meanwhile are answered; when the database is back every row is there, once. In the middle the server itself is killed
// too: what it had written down by then is kept, and the calls that died with it are closed.
func TestEndToEndDatabaseGone(t *testing.T) {
	t.Parallel()
	away := time.Minute
	if s := os.Getenv("PARLEY_E2E_AWAY"); s != "" {
		var err error
		if away, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	const live = 20
	pg := pgtest.New(t, pgtest.Options{Durable: true})
	n := serve(t, append(mockVendors(t), "DATABASE_URL="+pg.URL(), "PARLEY_RECORD=false")...)

	// Twenty callers, who hear and press keys for longer than the database is away.
	var calling sync.WaitGroup
	results := make([]*carrier.Result, live)
	steps := []string{"hear"}
	for range int(away/(4*time.Second)) + 3 {
		steps = append(steps, "press 1", "hear", "silent 1s")
	}
	for i := range live {
		calling.Go(func() {
			r, err := n.place(context.WithoutCancel(t.Context()), append(steps, "hangup")...)
			if err != nil {
				t.Errorf("call %d: %v", i, err)
			}
			results[i] = r
		})
	}
	until(t, time.Minute, "20 calls are live and listed", func() bool {
		return n.metric("parley_calls_live") == live && len(n.calls()) == live
	})
	if err := pg.Kill(); err != nil {
		t.Fatal(err)
	}
	gone := time.Now()
	if a := n.api(http.MethodGet, "/api/v1/calls", nil); a.Status != http.StatusServiceUnavailable || a.Error == "" {
		t.Errorf("the API without its database: %d %q", a.Status, a.Error)
	}
	during, err := n.place(t.Context(), "hear", "press 1", "hear", "hangup")
	if err != nil {
		t.Errorf("a call while the database is away: %v", err)
	}
	if code, _ := n.get("/readyz"); code != http.StatusOK {
		t.Errorf("readyz while the database is away: %d: calls are welcome", code)
	}
	until(t, away+time.Minute, "the minute is over", func() bool { return time.Since(gone) >= away })
	if got := n.metric("parley_calls_live"); got != live {
		t.Errorf("%v calls are live after %v without a database, want %d", got, away, live)
	}
	waiting := n.metric("parley_records_waiting")
	if err := pg.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	calling.Wait()
	until(t, time.Minute, "all is written", func() bool { return n.metric("parley_records_waiting") == 0 })
	t.Logf("%v entries waited", waiting)
	if waiting == 0 {
		t.Error("nothing waited for the database")
	}
	if calls := n.calls(); len(calls) != live+1 {
		t.Errorf("%d calls are listed, want %d", len(calls), live+1)
	}
	for i, r := range append(results, during) {
		if r == nil {
			continue
		}
		pressed := 0
		for _, turn := range r.Turns {
			if !turn.Answered {
				t.Errorf("call %d: %q was not answered", i, turn.Step)
			}
			if strings.HasPrefix(turn.Step, "press") {
				pressed++
			}
		}
		n.checkWhole(r.CallSID, "completed", pressed)
	}
	if lost := n.metric("parley_records_lost_total") + n.metric("parley_records_refused_total"); lost != 0 {
		t.Errorf("%v entries were lost or refused", lost)
	}
}

// checkWhole checks that a call's rows are all there, once, in order.
func (n *node) checkWhole(carrierID, status string, pressed int) callRow {
	n.t.Helper()
	c := n.record(carrierID)
	if c.Status != status {
		n.t.Errorf("%s: %s (%s), want %s", carrierID, c.Status, c.Cause, status)
	}
	keys := 0
	for i, turn := range c.Turns {
		if turn.N != i+1 {
			n.t.Errorf("%s: turn %d stands at place %d", carrierID, turn.N, i+1)
		}
		if turn.Why == "keys" {
			keys++
		}
	}
	if keys != pressed {
		n.t.Errorf("%s: %d turns are of keys, %d were pressed", carrierID, keys, pressed)
	}
	var agent, heard []string
	for i, m := range c.Transcript {
		if m.Seq != i {
			n.t.Errorf("%s: message %d stands at place %d", carrierID, m.Seq, i)
		}
		if m.Role == "agent" {
			agent = append(agent, m.Text)
		}
	}
	for _, turn := range c.Turns {
		if turn.Heard != "" {
			heard = append(heard, turn.Heard)
		}
	}
	if a, h := strings.Join(agent, " "), strings.Join(heard, " "); a != h {
		n.t.Errorf("%s: the transcript has %q, the turns have %q", carrierID, a, h)
	}
	return c
}

// spooled is how often text stands in the spool on disk.
func (n *node) spooled(text string) (times int) {
	n.t.Helper()
	err := filepath.WalkDir(n.data, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".spool" {
			return err
		}
		all, err := os.ReadFile(path)
		times += strings.Count(string(all), text)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // segments come and go
		n.t.Fatal(err)
	}
	return times
}

// TestEndToEndKilledWithoutDatabase kills the server while its database is away and 20 calls are live, then brings both back: the calls
// that had ended are whole, those that died are closed with cause crash and keep the turns that had ended.
func TestEndToEndKilledWithoutDatabase(t *testing.T) {
	t.Parallel()
	const live = 20
	pg := pgtest.New(t, pgtest.Options{Durable: true})
	env := append(mockVendors(t), "DATABASE_URL="+pg.URL(), "PARLEY_SILENCE=2m")
	n := serve(t, env...)
	if r, err := n.place(t.Context(), "hear", "press 1", "hear", "hangup"); err != nil {
		t.Fatal(err)
	} else {
		n.checkWhole(r.CallSID, "completed", 1)
	}
	if err := pg.Kill(); err != nil {
		t.Fatal(err)
	}
	before := n.spooled(`"why":"keys"`)
	whole, err := n.place(t.Context(), "hear", "press 1", "hear", "press 2", "hear", "hangup")
	if err != nil {
		t.Fatal(err)
	}
	var calling sync.WaitGroup
	sids := make([]string, live)
	for i := range live {
		calling.Go(func() {
			r, _ := n.place(context.WithoutCancel(t.Context()), "hear", "press 1", "hear", "silent 2m")
			if r != nil {
				sids[i] = r.CallSID
			}
		})
	}
	until(t, time.Minute, "each of the 20 has pressed a key and heard the answer", func() bool {
		return n.metric("parley_calls_live") == live && n.metric("parley_turns_total", `why="keys"`) >= live+3
	})
	until(t, time.Minute, "that is on disk", func() bool { return n.spooled(`"why":"keys"`) >= before+live+2 })
	if err := n.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-n.done
	n.done = nil
	calling.Wait()

	early := serve(t, append(env, "PARLEY_DATA_DIR="+n.data)...) // the database is still away
	if r, err := early.place(t.Context(), "hear", "press 1", "hear", "hangup"); err != nil {
		t.Errorf("a call to the new server, which never saw its database: %v", err)
	} else {
		defer early.checkWhole(r.CallSID, "completed", 1)
	}
	if err := pg.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, time.Minute, "all is written", func() bool {
		return early.api(http.MethodGet, "/api/v1/calls", nil).Status == http.StatusOK && early.metric("parley_records_waiting") == 0
	})
	if calls := early.calls(); len(calls) != live+3 {
		t.Errorf("%d calls are listed, want %d", len(calls), live+3)
	}
	early.checkWhole(whole.CallSID, "completed", 2)
	for i, sid := range sids {
		if sid == "" {
			t.Errorf("call %d has no id", i)
			continue
		}
		c := early.checkWhole(sid, "failed", 1)
		if c.Cause != "crash" || c.Ended == nil || !c.Recorded {
			t.Errorf("call %d: cause %q, ended %v, recorded %v", i, c.Cause, c.Ended, c.Recorded)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(n.data, "recordings", "*", "*.part")); len(left) != 0 {
		t.Errorf("unfinished recordings: %v", left)
	}
}
