package stream

import (
	"context"
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
)

// TestAfter: a call whose stream is over is connected again, or hung up on, as the server says; at its fallback URL a new one is answered.
func TestAfter(t *testing.T) {
	t.Parallel()
	const hangup, again, anew = "hung up on", "connected again", "answered"
	for _, c := range []struct {
		name, path, status string
		call               string
		known              bool
		want               string
		unasked            bool
	}{
		{"lost", "/twilio/after?agent=sales", "in-progress", "call-1", true, again, false},
		{"ended by us", "/twilio/after?agent=sales", "in-progress", "", true, hangup, false},
		{"unknown", "/twilio/after?agent=sales", "in-progress", "", false, hangup, false},
		{"hung up", "/twilio/after?agent=sales", "completed", "call-1", true, hangup, true},
		{"lost, nobody answered", "/twilio/fallback?agent=sales", "in-progress", "call-1", true, again, false},
		{"new, nobody answered", "/twilio/fallback?agent=sales", "ringing", "", false, anew, false},
		{"ended by us, nobody answered", "/twilio/fallback?agent=sales", "in-progress", "", true, hangup, false},
		{"hung up, nobody answered", "/twilio/fallback?agent=sales", "completed", "", false, hangup, true},
	} {
		var asked []Lost
		tw := &Twilio{Resume: func(_ context.Context, l Lost) (string, bool) {
			asked = append(asked, l)
			return c.call, c.known
		}}
		server := serve(t, tw, false)
		form := voiceForm(testCall)
		form.Set("CallStatus", c.status)
		status, body := post(t, server, c.path, form)
		var doc twiml
		if err := xml.Unmarshal([]byte(body), &doc); err != nil || status != http.StatusOK {
			t.Fatalf("%s: %d %s: %v", c.name, status, body, err)
		}
		got := hangup
		if doc.Connect != nil {
			_, params := readTwiML(t, body)
			if got = anew; strings.HasPrefix(params[onwardParam], "call-1.") {
				got = again
			}
			action := server.URL + "/twilio/after?agent=sales"
			if got == again {
				action += "&parley_again=1"
			}
			if doc.Connect.Action != action || params["agent"] != "sales" {
				t.Errorf("%s: action %q, want %q; parameters %v", c.name, doc.Connect.Action, action, params)
			}
		}
		if got != c.want {
			t.Errorf("%s: it is %s, want %s", c.name, got, c.want)
		}
		want := []Lost{{CallSID: testCall, From: form.Get("From"), To: form.Get("To"), Params: url.Values{"agent": {"sales"}}}}
		if c.unasked {
			want = nil
		}
		if diff := cmp.Diff(want, asked); diff != "" {
			t.Errorf("%s: asked about (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestAnswered: what machine detection has found is told as it comes, and what has no verdict is refused.
func TestAnswered(t *testing.T) {
	t.Parallel()
	var got []Verdict
	tw := &Twilio{Judged: func(_ context.Context, v Verdict) { got = append(got, v) }}
	server := serve(t, tw, false)
	form := url.Values{"AccountSid": {testAccount}, "CallSid": {testCall}, "AnsweredBy": {"machine_end_beep"}, "MachineDetectionDuration": {"4200"}}
	if status, body := post(t, server, "/twilio/answered?parley_call=t1", form); status != http.StatusNoContent {
		t.Errorf("%d %s", status, body)
	}
	form.Del("AnsweredBy")
	if status, body := post(t, server, "/twilio/answered?parley_call=t1", form); status != http.StatusBadRequest || !strings.Contains(body, "AnsweredBy") {
		t.Errorf("without a verdict: %d %s", status, body)
	}
	want := []Verdict{{CallSID: testCall, AnsweredBy: "machine_end_beep", Params: url.Values{"parley_call": {"t1"}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestGoesOn: the stream of a call that goes on says which it is, and nobody can make that up.
func TestGoesOn(t *testing.T) {
	t.Parallel()
	tw := &Twilio{Resume: func(_ context.Context, l Lost) (string, bool) {
		if l.Again != 3 {
			t.Errorf("it has gone on %d times", l.Again)
		}
		return "call-1", true
	}}
	server := serve(t, tw, false)
	legs := answered(t, tw)
	_, body := post(t, server, "/twilio/after?agent=sales&parley_again=3&goes_on=call-9.x", voiceForm(testCall))
	if !strings.Contains(body, "parley_again=4") {
		t.Errorf("the next action is not the fourth: %s", body)
	}
	target, params := readTwiML(t, body)
	ws := dial(t, target)
	write(t, ws, connected, startMessage(testCall, params))
	if info := within(t, legs, "leg").Info(); info.Resumes != "call-1" || info.Params[onwardParam] != "" || info.Params["agent"] != "sales" || info.Params[againParam] != "" {
		t.Errorf("the leg is %+v", info)
	}
	for name, change := range map[string]func(params map[string]string){
		"another call":   func(p map[string]string) { p[onwardParam] = strings.Replace(p[onwardParam], "call-1", "call-2", 1) },
		"no seal":        func(p map[string]string) { p[onwardParam] = "call-1" },
		"an empty seal":  func(p map[string]string) { p[onwardParam] = "call-1." },
		"another's seal": func(p map[string]string) { p[onwardParam] = params[onwardParam] },
	} {
		id := "CA" + strings.ReplaceAll(name, " ", "")
		id = strings.ReplaceAll(id, "'", "")
		_, body := post(t, server, "/twilio/after?parley_again=3", voiceForm(id))
		target, ps := readTwiML(t, body)
		change(ps)
		ws := dial(t, target)
		write(t, ws, connected, startMessage(id, ps))
		if code := closeCode(t, ws); code != websocket.ClosePolicyViolation {
			t.Errorf("%s: closed with %d", name, code)
		}
	}
}
