//go:build e2e

package main

import (
	"context"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/bench/carrier"
	"parley/providers/providertest"
	"parley/store"
	"parley/store/sql"
)

// A numberer is a model that numbers its answers, by how many it is shown, and keeps what it was asked.
type numberer struct {
	mu    sync.Mutex
	asked []string // the messages of each request, one a line
}

func (c *numberer) answer(r providertest.OpenAIRequest) providertest.OpenAIAnswer {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	for _, m := range r.Messages {
		if m.Content != nil {
			fmt.Fprintf(&b, "%s: %s\n", m.Role, *m.Content)
		}
	}
	c.asked = append(c.asked, b.String())
	return providertest.OpenAISay(fmt.Sprintf("This is answer number %d.", strings.Count(b.String(), "This is answer number")+1))
}

// knew says whether it was asked something with all of the texts in it.
func (c *numberer) knew(texts ...string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.asked, func(asked string) bool {
		return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(asked, text) })
	})
}

// lostLine is a caller whose line is lost when the agent has answered them: they wait until it is back, and go on.
var lostLine = []string{"hear within=3m", "say agent-pass", "hear within=3m", "hear within=3m", "say agent-pass", "hear within=3m", "hangup"}

// lostAt is the step of lostLine in which it is lost.
const lostAt = 3

// stepped waits until a caller is at lostAt.
func stepped(t *testing.T, steps <-chan int) {
	t.Helper()
	for late := time.After(4 * time.Minute); ; {
		select {
		case n := <-steps:
			if n == lostAt {
				return
			}
		case <-late:
			t.Fatal("the agent does not answer")
		}
	}
}

// goesOn checks what the model was asked after the line was lost, and what the record has of the call.
func goesOn(t *testing.T, db store.Calls, org, call string, c *numberer, r *carrier.Result) {
	t.Helper()
	if r.Streams != 2 || r.Ended != "caller" || r.Frames.BadMessages > 0 {
		t.Errorf("the carrier's call: %d streams, ended by %s, %d bad messages (%s)", r.Streams, r.Ended, r.Frames.BadMessages, r.Frames.FirstBad)
	}
	if !c.knew("assistant: This is answer number 1.", "cut off", "The line was lost for a moment") {
		t.Errorf("the model was not shown what was said before: %q", c.asked)
	}
	var row store.Call
	until(t, 60*time.Second, "the call is over", func() (over bool) {
		var err error
		if row, err = db.Call(t.Context(), org, call); err != nil {
			t.Fatal(err)
		}
		return row.Status.Final()
	})
	turns, err := db.Turns(t.Context(), org, call)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := db.Transcript(t.Context(), org, call)
	if err != nil {
		t.Fatal(err)
	}
	if row.Status != store.Completed || row.Cause != "caller" || len(turns) != 4 || row.Turns != 4 {
		t.Errorf("the call is %s by %s (%s), with %d turns of %d", row.Status, row.Cause, row.Error, len(turns), row.Turns)
	}
	said := map[string]int{}
	for i, m := range messages {
		if m.Seq != i || i > 0 && m.At < messages[i-1].At && m.Role != "caller" {
			t.Errorf("message %d is out of order: %+v after %+v", i, m, messages[max(i-1, 0)])
		}
		for _, text := range []string{"number 1.", "number 2.", "cut off"} {
			if m.Role == "assistant" && strings.Contains(m.Text, text) {
				said[text]++
			}
		}
	}
	if said["number 1."] != 1 || said["number 2."] != 1 || said["cut off"] != 1 {
		t.Errorf("what was said: %v in %+v", said, messages)
	}
	if recorded, err := db.Recording(t.Context(), org, call); err == nil && recorded.Length > row.Length {
		t.Errorf("%v are recorded of %v", recorded.Length, row.Length)
	}
	if heard := time.Duration(r.Length); row.Length < heard-5*time.Second || row.Length > heard+30*time.Second {
		t.Errorf("the call lasted %v, of %v", row.Length, heard)
	}
}

// TestEndToEndNodeDies: a node is killed in the middle of a call. Twilio asks the other one, which goes on with what was said: one call, one
// record, no end before the end.
func TestEndToEndNodeDies(t *testing.T) {
	t.Parallel()
	model := &numberer{}
	f := newFleet(t, 2, nil, append(mockVendors(t), "PARLEY_STT=deepgram", "PARLEY_TTS=deepgram",
		"OPENAI_BASE_URL="+providertest.StartOpenAI(t, &providertest.OpenAI{Answer: model.answer}))...)
	dead, other := f.nodes[0], f.nodes[1]
	f.front.lead(f.addresses(dead)...)
	script, err := carrier.ParseScript("caller", strings.Join(lostLine, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	type outcome struct {
		*carrier.Result
		error
	}
	done, answered := make(chan outcome, 1), make(chan int, len(lostLine))
	ctx, hangUp := context.WithCancel(context.WithoutCancel(t.Context()))
	go func() {
		r, err := carrier.Call{URL: nodesPublic + "/twilio/voice", Connect: f.front.addr, AccountSID: nodesSID, AuthToken: testToken, Script: script, Stepped: func(n int) { answered <- n }}.Place(ctx)
		done <- outcome{r, err}
	}()
	t.Cleanup(hangUp)
	stepped(t, answered)
	until(t, time.Minute, "the answer is in the record", func() bool {
		calls := f.of(0)
		if len(calls) != 1 {
			return false
		}
		turns, err := f.db.Turns(t.Context(), f.org, calls[0].ID)
		return err == nil && len(turns) == 2
	})
	call := f.of(0)[0].ID
	f.front.mu.Lock()
	f.front.to = f.addresses(other)
	f.front.mu.Unlock()
	if err := dead.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-dead.done
	dead.done = nil
	select {
	case got := <-done:
		if got.error != nil {
			t.Fatalf("the call: %v, %+v", got.error, got.Result)
		}
		goesOn(t, f.db, f.org, call, model, got.Result)
	case <-time.After(5 * time.Minute):
		t.Fatal("the call does not end")
	}
	if all := f.calls(store.Inbound); len(all) != 1 || all[0].Boot != f.boots[1] {
		t.Errorf("calls: %+v", all)
	}
	for _, r := range f.rows() {
		if r.Boot == f.boots[1] && !r.Gone.IsZero() {
			t.Errorf("the living node is gone: %+v", r)
		}
	}
}

// TestEndToEndLineLost: the connection of a placed call breaks, and its node lives. The call goes on there, and its task, and who is told of
// calls is told of one end. Twilio has found out who answered.
func TestEndToEndLineLost(t *testing.T) {
	t.Parallel()
	const sid, public = "AC00000000000000000000000000000001", "https://parley.test"
	model := &numberer{}
	answered := make(chan int, len(lostLine))
	results := make(chan *carrier.Result, 1)
	script, err := carrier.ParseScript("callee", strings.Join(lostLine, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	exchange := &carrier.Exchange{
		AccountSID: sid, AuthToken: testToken, Callee: func(string) carrier.Callee {
			return carrier.Callee{Script: script, Stepped: func(n int) { answered <- n }}
		},
		Ended: func(r *carrier.Result, err error) {
			if err != nil {
				t.Errorf("the call: %v", err)
			}
			results <- r
		},
	}
	api := httptest.NewServer(exchange)
	t.Cleanup(api.Close)
	t.Cleanup(exchange.Close)
	n := serve(t, append(mockVendors(t), "OPENAI_BASE_URL="+providertest.StartOpenAI(t, &providertest.OpenAI{Answer: model.answer}),
		"PARLEY_STT=deepgram", "PARLEY_TTS=deepgram", "PARLEY_SILENCE=10m", "TWILIO_MACHINE_DETECTION=start",
		"TWILIO_ACCOUNT_SID="+sid, "TWILIO_BASE_URL="+api.URL, "PARLEY_PUBLIC_URL="+public, "PARLEY_CALLER_ID=+15550100002", "PARLEY_DIAL_RATE=20")...)
	wire := newRelay(t, strings.TrimPrefix(n.url, "http://"))
	exchange.Connect = wire.addr
	db, err := sql.Open(t.Context(), sql.Options{URL: "sqlite:" + filepath.Join(n.data, "parley.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	orgs, err := db.Organisations(t.Context())
	if err != nil || len(orgs) != 1 {
		t.Fatalf("organisations %v: %v", orgs, err)
	}
	type told struct {
		out  string
		code int
	}
	dialled := make(chan told, 1)
	go func() {
		out, code := command(t, []string{"PARLEY_URL=" + n.url, "PARLEY_API_KEY=" + testKey}, "dial", "+15550100077", "--agent", "receptionist", "--say", "Good morning.", "--json")
		dialled <- told{out, code}
	}()
	var call store.Call
	stepped(t, answered)
	until(t, time.Minute, "the answer is in the record", func() bool {
		all, _, err := db.Calls(t.Context(), orgs[0].ID, store.CallFilter{}, store.Page{Limit: 9})
		if err != nil || len(all) != 1 {
			return false
		}
		call = all[0]
		turns, err := db.Turns(t.Context(), call.Org, call.ID)
		return err == nil && len(turns) == 2
	})
	wire.mu.Lock()
	for c := range wire.open {
		c.Close()
	}
	wire.mu.Unlock()
	select {
	case r := <-results:
		goesOn(t, db, call.Org, call.ID, model, r)
	case <-time.After(5 * time.Minute):
		t.Fatal("the call does not end")
	}
	if got := <-dialled; got.code != 0 || !strings.Contains(got.out, `"status": "completed"`) {
		t.Errorf("dial: exit code %d: %s", got.code, got.out)
	}
	if row, err := db.Call(t.Context(), call.Org, call.ID); err != nil || row.AnsweredBy != "human" {
		t.Errorf("it was answered by %q: %v", row.AnsweredBy, err)
	}
	recording, err := db.Recording(t.Context(), call.Org, call.ID)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := filepath.Glob(filepath.Join(n.data, "recordings", "*", call.ID+"*.wav"))
	if err != nil || len(parts) != 2 || !strings.HasSuffix(parts[0], ".1.wav") || !strings.HasSuffix(recording.Path, call.ID+".wav") {
		t.Errorf("recordings %q, the call's is %+v: %v", parts, recording, err)
	}
}
