//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/bench/carrier"
)

// eavesdrop has the page keep what its lines hear from now on. The browser records it beside the page's own work, however slow that is.
const eavesdrop = `{
	const RTC = RTCPeerConnection;
	const record = stream => {
		const tape = new MediaRecorder(stream);
		window.heard = () => new Promise(done => {
			tape.ondataavailable = async ({ data }) => {
				const sound = await new OfflineAudioContext(1, 1, 8000).decodeAudioData(await data.arrayBuffer());
				done([...sound.getChannelData(0)].map(v => Math.round(Math.max(-1, Math.min(1, v)) * 32767)));
			};
			tape.stop();
			record(stream);
		});
		tape.start();
		window.since = performance.now();
	};
	window.RTCPeerConnection = class extends RTC {
		constructor(...all) {
			super(...all);
			window.line = this;
			this.addEventListener('track', ({ track }) => record(new MediaStream([track])));
		}
	};
}`

// overheard is what the page has heard since it was asked before, once that is so long.
func (b *tab) overheard(length time.Duration) (pcm []int16) {
	b.t.Helper()
	b.sees(fmt.Sprintf("window.since && performance.now() - window.since >= %d", length.Milliseconds()))
	b.eval("window.heard()", &pcm)
	return pcm
}

// shows says whether the transcript on the page has a line of somebody with these words.
func (b *tab) shows(role, words string) {
	b.t.Helper()
	quoted, _ := json.Marshal(words)
	b.sees("[...document.querySelectorAll('.words ." + role + " p')].some(p => p.textContent.includes(" + string(quoted) + "))")
}

// within writes into the field of the dialog that is open, and sends its form.
func (b *tab) within(label, text string) {
	b.t.Helper()
	b.fill(label, text)
	b.eval("document.querySelector('dialog form').requestSubmit()", nil)
}

// TestEndToEndDesk has a person listen to a telephone call in Chromium, with recorded speech for a microphone: they hear the agent and the
// caller, whisper, have the agent say something, take the call over, so that the caller hears them, and give it back; and try to transfer it.
func TestEndToEndDesk(t *testing.T) {
	t.Parallel()
	axe := readAxe(t)
	n := serve(t, "PARLEY_RECORD=true")
	hear := recogniser(t)
	until(t, 2*time.Minute, "the speech models are there", func() bool { return strings.Contains(n.log.String(), "speech models loaded") })
	b := chromium(t, n.url, microphone(t, 2*time.Second)...)
	n.signIn(b, "/console/live")
	b.sees("document.querySelector('main')?.innerText.includes('Nobody is in a call')")

	script, err := carrier.ParseScript("patient", "hear\n"+strings.Repeat("silent 5s\nsay queue-callswaiting\n", 40)+"hangup")
	if err != nil {
		t.Fatal(err)
	}
	called := make(chan *carrier.Result, 1)
	go func() {
		r, err := carrier.Call{URL: n.url + "/twilio/voice", AuthToken: testToken, Script: script}.Place(t.Context())
		if err != nil && (r == nil || r.Ended != "agent") { // whose script does not know when that will be
			t.Errorf("the caller: %v", err)
		}
		called <- r
	}()
	b.sees("document.querySelector('.picks button')")
	b.eval("document.querySelector('.picks button').click()", nil)
	b.eval(eavesdrop, nil)
	b.press("Listen in")
	b.sees("document.body.innerText.includes('Nobody hears you')")
	b.fill("Tell the agent", "The refund is approved.")
	b.press("Whisper")
	b.sees("document.querySelector('.desk input').value === ''")
	b.fill("Say to the caller", "Your supervisor is listening.")
	b.press("Say")
	b.shows("agent", "Your supervisor is listening.")
	b.shows("system", "The refund is approved.") // when the caller has spoken again
	said, say := "", map[string]any{"command": "say", "text": "Your supervisor is listening."}
	until(t, 2*time.Minute, "the supervisor hears both", func() bool {
		if a := n.api("POST", "/api/v1/calls/"+n.going().ID+"/commands", say); a.Status != 200 {
			t.Errorf("the command is answered %d %s", a.Status, a.Error)
		}
		heard := hear(b.overheard(15 * time.Second))
		t.Logf("the supervisor hears: %s", heard)
		said += " " + strings.ToLower(heard)
		return strings.Contains(said, "listening") && strings.Contains(said, "representative")
	})
	check(b, "live-listening", axe)

	b.press("Take over")
	b.sees("document.body.innerText.includes('The caller hears you')")
	b.shows("system", "has taken over the call.")
	until(t, time.Minute, "the microphone has spoken", func() bool {
		var spoke bool
		b.eval(`line.getStats().then(all => [...all.values()].some(s => s.type === 'media-source' && s.totalSamplesDuration > 8))`, &spoke)
		return spoke
	})
	check(b, "live-talking", axe)
	b.press("Hand back")
	b.sees("document.body.innerText.includes('Nobody hears you')")
	b.shows("system", "The caller is with you again")

	b.press("Transfer")
	b.within("to", "0207")
	b.sees("document.querySelector('dialog')?.innerText.includes('E.164')")
	b.within("to", "+442071234567")
	b.sees("document.querySelector('dialog [role=alert]')?.innerText.includes('this call cannot be transferred')")  // it has no account
	b.troubles = slices.DeleteFunc(b.troubles, func(s string) bool { return strings.Contains(s, "status of 400") }) // refusals are errors to the browser's console
	b.press("Cancel")

	b.press("Stop listening")
	b.sees("document.body.innerText.includes('You no longer listen')")
	b.press("Hang up")
	b.eval("document.querySelector('dialog .button.danger').click()", nil)
	r := <-called
	if r == nil {
		return
	}
	heard, words := strings.ToLower(hear(r.Heard)), 0
	for _, word := range []string{"enter", "password", "followed", "pound"} { // of passwordPlease, and no words of the agent's
		if strings.Contains(heard, word) {
			words++
		}
	}
	if words < 2 { // a browser on a busy machine has gaps
		t.Errorf("the caller heard: %s", heard)
	}
	row := n.record(r.CallSID)
	if row.Cause != "agent" || !strings.Contains(row.text("system"), "localhost has taken over the call.") {
		t.Errorf("the call ended by %s, and its record has %q", row.Cause, row.text("system"))
	}
	b.quiet("live")
}

// TestConsoleOrders has a person mute a caller, put them on hold and go on, and transfer them, in Chromium: the carrier connects them with whom
// the page has named.
func TestConsoleOrders(t *testing.T) {
	t.Parallel()
	axe := readAxe(t)
	n, _, results := exchange(t, map[string]string{"+15550100077": strings.Repeat("hear\nsilent 2s\n", 40) + "hangup"})
	until(t, 2*time.Minute, "the speech models are there", func() bool { return strings.Contains(n.log.String(), "speech models loaded") })
	env := []string{"PARLEY_URL=" + n.url, "PARLEY_API_KEY=" + testKey}
	if out, code := command(t, env, "dial", "+15550100077", "--agent", "receptionist", "--say", "Good morning.", "--wait", "0"); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	call := n.going()
	b := chromium(t, n.url)
	n.signIn(b, "/console/live?call="+call.ID)
	marked := func(word string) string {
		return "[...document.querySelectorAll('.card-head .badge')].some(e => e.textContent === '" + word + "')"
	}
	b.sees(marked("in progress"))
	b.press("Mute the caller")
	b.sees(marked("muted"))
	b.press("Unmute the caller")
	b.sees("!" + marked("muted"))
	b.press("Hold")
	b.within("text", "Please stay on the line.")
	b.sees(marked("on hold"))
	b.shows("agent", "Please stay on the line.")
	check(b, "live-held", axe)
	b.open(n.url + "/console/live?call=" + call.ID) // who comes later is told, too
	b.sees(marked("on hold"))
	b.press("Resume")
	b.sees("!" + marked("on hold"))
	b.press("Transfer")
	b.within("to", "+442071234567")
	b.sees(marked("completed"))
	r := <-results
	if r.Dialled != "+442071234567" {
		t.Errorf("the carrier has dialled %q", r.Dialled)
	}
	if row := n.record(r.CallSID); row.Cause != "transfer" {
		t.Errorf("the call ended by %s", row.Cause)
	}
	b.quiet("live, orders")
}
