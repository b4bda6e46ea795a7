//go:build e2e

package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
	natsd "github.com/nats-io/nats-server/v2/server"

	"parley/store/storetest/pgtest"
)

// spectator is `parley calls live`, in a process of its own.
type spectator struct {
	out  *syncBuffer
	done chan error
}

// watch shows a call as JSON.
func (n *node) watch(call string) *spectator {
	n.t.Helper()
	s := &spectator{out: &syncBuffer{}, done: make(chan error, 1)}
	cmd := exec.CommandContext(n.t.Context(), binary, "calls", "live", call, "--json", "--url", n.url)
	cmd.Env = append(cleanEnv(), "PARLEY_API_KEY="+testKey)
	cmd.Stdout, cmd.Stderr = s.out, s.out
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	go func() { s.done <- cmd.Wait() }()
	return s
}

// messages are what it has seen.
func (s *spectator) messages() (all []liveMessage) {
	for line := range strings.Lines(s.out.String()) {
		var m liveMessage
		if strings.HasSuffix(line, "\n") && json.Unmarshal([]byte(line), &m) == nil {
			all = append(all, m)
		}
	}
	return all
}

// going waits for a call that goes on.
func (n *node) going() (c callRow) {
	n.t.Helper()
	until(n.t, time.Minute, "a call goes on", func() bool {
		for _, row := range n.calls() {
			if row.Status == "in_progress" {
				c = row
				return true
			}
		}
		return false
	})
	return c
}

// TestEndToEndLive watches a real call from another process, on its node and on another one: words arrive while the call is up, both sides'
// before they are final, and what is final in the end is the record.
func TestEndToEndLive(t *testing.T) {
	t.Parallel()
	t.Run("here", func(t *testing.T) {
		t.Parallel()
		n := serve(t, "PARLEY_LOG_LEVEL=debug", "PARLEY_RECORD=false")
		n.checkAfterwards(n.checkLive(n))
	})
	t.Run("on another node", func(t *testing.T) {
		t.Parallel()
		broker, err := natsd.NewServer(&natsd.Options{Host: "127.0.0.1", Port: natsd.RANDOM_PORT, NoLog: true, NoSigs: true})
		if err != nil {
			t.Fatal(err)
		}
		broker.Start()
		t.Cleanup(func() { broker.Shutdown(); broker.WaitForShutdown() })
		if !broker.ReadyForConnections(30 * time.Second) {
			t.Fatal("NATS does not start")
		}
		env := []string{"NATS_URL=" + broker.ClientURL(), "DATABASE_URL=" + pgtest.New(t, pgtest.Options{}).URL(), "PARLEY_RECORD=false"}
		here, there := serve(t, env...), serve(t, env...)
		here.checkLive(there)
		if n := here.metric("parley_bus_published_total"); n < 10 {
			t.Errorf("the call's node told of it %v times", n)
		}
	})
}

// checkLive has a call here be watched by another process, which asks there.
func (n *node) checkLive(there *node) callRow {
	t := n.t
	t.Helper()
	ended := make(chan error, 1)
	go func() {
		_, err := n.place(context.WithoutCancel(t.Context()), "hear", "say agent-pass", "hear", "silent 2s", "hangup")
		ended <- err
	}()
	call := n.going()
	s := there.watch(call.ID)
	interim := map[string]bool{}
	look := func() {
		for _, m := range s.messages() {
			for _, l := range m.Data.Transcript {
				interim[l.Role] = interim[l.Role] || !l.Final && l.Text != ""
			}
		}
	}
	until(t, time.Minute, "both sides' words are seen before they are final", func() bool {
		look()
		return interim["agent"] && interim["user"]
	})
	select {
	case err := <-ended:
		t.Fatalf("the call was over by then: %v", err)
	default:
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := <-s.done; err != nil {
		t.Errorf("parley calls live: %v\n%s", err, s.out)
	}
	if a := there.api("GET", "/api/v1/calls/"+call.ID+"/report", nil); a.Status != http.StatusOK {
		t.Errorf("the report, once the call's end was told: %d %s", a.Status, a.Error)
	}
	all := s.messages()
	if first, last := all[0], all[len(all)-1]; first.Type != "connected" || last.Type != "call_status_update" || last.Data.Status != "completed" {
		t.Errorf("the first message is %+v, the last %+v", first, last)
	}
	var live, record []string
	for _, m := range all {
		for _, l := range m.Data.Transcript {
			if l.Final {
				live = append(live, l.Role+": "+l.Text)
			}
		}
	}
	for _, m := range n.record(call.CarrierID).Transcript {
		record = append(record, m.Role+": "+m.Text)
	}
	if diff := cmp.Diff(record, live); diff != "" {
		t.Errorf("what was watched is not the record (-record +live):\n%s", diff)
	}

	return call
}

// checkAfterwards watches a call that is over, with the key in the URL, and looks for that where it must not be.
func (n *node) checkAfterwards(call callRow) {
	t := n.t
	t.Helper()
	at := "ws" + strings.TrimPrefix(n.url, "http") + "/ws/calls/" + call.ID + "?api_key=" + testKey
	socket, _, err := websocket.DefaultDialer.DialContext(t.Context(), at, nil) //nolint:bodyclose // gorilla
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, _, err = socket.ReadMessage()
	}
	if !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		t.Errorf("the socket of a call that is over: %v", err)
	}
	_ = socket.Close()
	_, metrics := n.get("/metrics")
	if strings.Contains(n.log.String()+metrics, testKey) || !strings.Contains(n.log.String(), "/ws/calls/{id}") {
		t.Error("the log has the key, or nothing of the socket")
	}
	if n.metric("parley_live_readers") != 0 {
		t.Error("somebody still reads")
	}
	if out, code := command(t, []string{"PARLEY_API_KEY=" + testKey}, "calls", "live", call.ID, "--url", n.url); code != 0 || !strings.Contains(out, "-- completed") || !strings.Contains(out, "agent") {
		t.Errorf("parley calls live of a call that is over: %d\n%s", code, out)
	}
	if _, code := command(t, []string{"PARLEY_API_KEY=" + testKey}, "calls", "live", "nonsense", "--url", n.url); code == 0 {
		t.Error("parley calls live shows a call that there is not")
	}
}

// TestEndToEndLiveDrain: who watches a call while the server stops sees it to its end, for which the server waits.
func TestEndToEndLiveDrain(t *testing.T) {
	t.Parallel()
	n := serve(t, "PARLEY_RECORD=false")
	until(t, 2*time.Minute, "the speech models are loaded", func() bool { return strings.Contains(n.log.String(), "speech models loaded") }) // for which a stop would wait
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = n.place(context.WithoutCancel(t.Context()), "silent 3s", "hangup") // it may hang up before the agent has spoken
	}()
	call := n.going()
	var info struct {
		URL   string `json:"websocket_url"`
		Token string `json:"temp_token"`
	}
	n.into(n.api(http.MethodGet, "/api/v1/calls/"+call.ID+"/live", nil), &info)
	socket, _, err := websocket.DefaultDialer.DialContext(t.Context(), info.URL+"?session_token="+info.Token, nil) //nolint:bodyclose // gorilla
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	var said []string
	over := make(chan error, 1)
	go func() {
		for {
			_, text, err := socket.ReadMessage()
			if err != nil {
				over <- err
				return
			}
			said = append(said, string(text))
		}
	}()
	n.stop()
	<-ended
	if err := <-over; !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		t.Errorf("the socket: %v", err)
	}
	if all := strings.Join(said, "\n"); !strings.Contains(all, `"status":"completed"`) {
		t.Errorf("the end of the call was not seen:\n%s", all)
	}
}
