package tracing_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/control/tracing"
	"parley/control/tracing/tracingtest"
	"parley/media"
	"parley/pipeline"
)

// open is a Tracer that tells a collector of the test's.
func open(t testing.TB, change func(*tracing.Options)) (*tracing.Tracer, *tracingtest.Collector) {
	t.Helper()
	c := tracingtest.Listen(t)
	o := tracing.Options{Endpoint: c.URL, Version: "v1", Instance: "node-1", Ratio: 1}
	if change != nil {
		change(&o)
	}
	tracer, err := tracing.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return tracer, c
}

// shut sends all that waits.
func shut(t testing.TB, tracer *tracing.Tracer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := tracer.Close(ctx); err != nil {
		t.Error(err)
	}
}

const (
	callID  = "01930d5e-7a3c-7cc1-9d52-0c1c2d3e4f50"
	traceID = "01930d5e7a3c7cc19d520c1c2d3e4f50"
)

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func started() pipeline.Event {
	return pipeline.Event{Call: callID, Kind: pipeline.CallStarted, At: ms(40)}
}

func turned(t pipeline.Turn) pipeline.Event {
	return pipeline.Event{Call: callID, Kind: pipeline.TurnEnded, At: t.Times.Closed, Turn: &t}
}

func ended(cause media.Cause, length time.Duration) pipeline.Event {
	return pipeline.Event{Call: callID, Kind: pipeline.CallEnded, At: length, Ending: &pipeline.Ending{
		Call: callID, Info: media.Info{Kind: "twilio", From: "+15550100001", To: "+15550100002"}, Cause: cause,
		Answered: time.Now().Add(-length), Length: length, Turns: 2,
	}}
}

// greeting is a turn that nobody asked for.
func greeting() pipeline.Turn {
	return pipeline.Turn{N: 1, Why: pipeline.ForGreeting, Heard: "Hello.", Sounded: ms(900), Times: pipeline.Times{
		Opened: ms(40), Closed: ms(1100),
		Steps: []pipeline.StepTimes{{Asked: ms(40), FirstText: ms(50), LastText: ms(60), FirstAudio: ms(120), LastAudio: ms(300), FirstFrame: ms(121), Sounded: ms(900)}},
	}}
}

// answer is a turn that the caller asked for, with one response.
func answer() pipeline.Turn {
	return pipeline.Turn{
		N: 2, Why: pipeline.ForWords, Said: "my card is 4111", Heard: "I see.", Sounded: ms(700),
		Latency: pipeline.Latency{VoiceToVoice: ms(900), Endpoint: ms(500), Transcript: ms(20), FirstToken: ms(180), FirstAudio: ms(190), FirstFrame: ms(10)},
		Usage:   pipeline.Usage{Input: 120, Output: 14, Cached: 64},
		Times: pipeline.Times{
			Began: ms(2000), Spoke: ms(3000), Judged: ms(3500), Final: ms(3520), Opened: ms(3520), Closed: ms(4700),
			Steps: []pipeline.StepTimes{{Asked: ms(3520), FirstText: ms(3700), LastText: ms(3900), FirstAudio: ms(3890), LastAudio: ms(4100), FirstFrame: ms(3900), Sounded: ms(700)}},
		},
	}
}

var cast = tracing.Cast{Agent: "a1", Name: "Night desk", Organisation: "o1", Hears: "deepgram", Thinks: "openai", Speaks: "deepgram", Model: "gpt-x"}

// TestTrees: what becomes of calls of all kinds.
func TestTrees(t *testing.T) {
	t.Parallel()
	twice := answer() // a tool between two responses
	twice.Counts = pipeline.Counts{Tools: 1}
	twice.Times.Steps = []pipeline.StepTimes{
		{Asked: ms(3520), LastText: ms(3700)},
		{Asked: ms(4000), FirstText: ms(4100), LastText: ms(4200), FirstAudio: ms(4250), LastAudio: ms(4400), FirstFrame: ms(4260), Sounded: ms(400)},
	}
	twice.Times.Tools = []pipeline.ToolTimes{{Name: "clock", ID: "c1", Asked: ms(3650), Ended: ms(3990)}}
	broken := twice
	broken.Times.Tools = []pipeline.ToolTimes{{Name: "clock", ID: "c1", Asked: ms(3650), Ended: ms(3990), Bad: true}, {Name: "errand", ID: "c2", Asked: ms(3660)}}
	cut := answer()
	cut.Cut, cut.Times.Steps[0].LastText, cut.Times.Steps[0].LastAudio = true, 0, 0
	mute := answer() // the model failed, and the house apologised
	mute.Err = "responder"
	mute.Times.Steps = []pipeline.StepTimes{{Asked: ms(3520)}, {FirstText: ms(9520), LastText: ms(9520), FirstAudio: ms(9600), LastAudio: ms(9700), FirstFrame: ms(9601), Sounded: ms(500)}}
	mute.Times.Closed = ms(10200)
	whole := "  turn\n    stt deepgram\n    chat gpt-x\n    tts deepgram\n    playout\n"
	hello := "  turn\n    chat gpt-x\n    tts deepgram\n    playout\n"
	for _, c := range []struct {
		name   string
		events []pipeline.Event
		want   string
	}{
		{"two turns", []pipeline.Event{started(), turned(greeting()), turned(answer()), ended(media.CauseCaller, ms(5000))}, "conversation\n" + hello + whole},
		{"never spoke", []pipeline.Event{started(), ended(media.CauseCaller, ms(50))}, "conversation\n"},
		{"no agent was there", []pipeline.Event{ended(media.CauseRejected, ms(50))}, "conversation !\n"},
		{"barge-in", []pipeline.Event{started(), turned(cut), ended(media.CauseCaller, ms(5000))}, "conversation\n" + whole},
		{"tool", []pipeline.Event{started(), turned(twice), ended(media.CauseAgent, ms(5000))},
			"conversation\n  turn\n    stt deepgram\n    chat gpt-x\n    execute_tool clock\n    chat gpt-x\n    tts deepgram\n    playout\n"},
		{"bad tool", []pipeline.Event{started(), turned(broken), ended(media.CauseAgent, ms(5000))},
			"conversation\n  turn\n    stt deepgram\n    chat gpt-x\n    execute_tool clock !\n    execute_tool errand\n    chat gpt-x\n    tts deepgram\n    playout\n"},
		{"provider fails", []pipeline.Event{started(), turned(mute), ended(media.CauseProvider, ms(10300))},
			"conversation !\n  turn !\n    stt deepgram\n    chat gpt-x !\n    tts deepgram\n    playout\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tracer, collector := open(t, nil)
			tracer.Cast(t.Context(), callID, cast)
			for _, e := range c.events {
				tracer.Watch(e)
			}
			shut(t, tracer)
			if diff := cmp.Diff(c.want, collector.Tree(traceID)); diff != "" {
				t.Errorf("tree (-want +got):\n%s", diff)
			}
			if n := tracer.Dropped(); n != 0 {
				t.Errorf("%d spans dropped", n)
			}
		})
	}
}

// TestSpans: times, words and numbers are those of the events; what callers said and who they are is not there.
func TestSpans(t *testing.T) {
	t.Parallel()
	tracer, collector := open(t, func(o *tracing.Options) {
		o.Headers, o.Attributes = map[string]string{"X-Key": "k"}, map[string]string{"deployment.environment.name": "test"}
	})
	tracer.Cast(t.Context(), callID, cast)
	at := time.Now()
	for _, e := range []pipeline.Event{
		started(), turned(greeting()), turned(answer()),
		{Call: callID, Kind: pipeline.ProviderFail, At: ms(4800), Text: "voice", Err: errors.New("no such voice as 4111")},
		{Call: callID, Kind: pipeline.Echo, At: ms(4900), Text: "I see."},
		ended(media.CauseCaller, ms(5000)),
	} {
		tracer.Watch(e)
	}
	shut(t, tracer)
	spans := collector.Spans("")
	by := map[string]tracingtest.Span{}
	for _, s := range spans {
		by[s.Name] = s // of turns, the second
		for k, v := range s.Attributes {
			if text, ok := v.(string); ok && (strings.Contains(text, "4111") || strings.Contains(text, "+1555") || strings.Contains(text, "I see")) {
				t.Errorf("%s: %s is %q", s.Name, k, text)
			}
		}
		if s.Trace != traceID {
			t.Errorf("%s is in trace %s", s.Name, s.Trace)
		}
	}
	root := by["conversation"]
	if d := root.Begin.Sub(at.Add(-ms(40))).Abs(); d > 10*time.Second {
		t.Errorf("the conversation began %v off", d)
	}
	for name, want := range map[string][2]time.Duration{
		"conversation": {0, ms(5000)}, "turn": {ms(2000), ms(4700)}, "stt deepgram": {ms(2000), ms(3520)}, "chat gpt-x": {ms(3520), ms(3900)},
		"tts deepgram": {ms(3700), ms(4100)}, "playout": {ms(3900), ms(4600)},
	} {
		s := by[name]
		if got := [2]time.Duration{s.Begin.Sub(root.Begin), s.End.Sub(root.Begin)}; got != want {
			t.Errorf("%s lasted from %v to %v, want %v", name, got[0], got[1], want)
		}
	}
	for name, want := range map[string]map[string]any{
		"conversation": {"gen_ai.conversation.id": callID, "gen_ai.agent.id": "a1", "gen_ai.agent.name": "Night desk", "parley.organisation.id": "o1",
			"parley.leg": "twilio", "parley.direction": "inbound", "parley.cause": "caller", "parley.turns": int64(2), "parley.frames.dropped": int64(0)},
		"turn": {"parley.turn.number": int64(2), "parley.turn.reason": "words", "parley.turn.interrupted": false, "parley.turn.heard": 0.7,
			"parley.latency.voice_to_voice": 0.9, "parley.latency.endpoint": 0.5, "parley.latency.transcript": 0.02, "parley.latency.first_token": 0.18,
			"parley.latency.first_audio": 0.19, "parley.latency.first_frame": 0.01},
		"chat gpt-x": {"parley.stage": "llm", "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-x",
			"gen_ai.response.time_to_first_chunk": 0.18, "gen_ai.usage.input_tokens": int64(120), "gen_ai.usage.output_tokens": int64(14),
			"gen_ai.usage.cache_read.input_tokens": int64(64)},
		"stt deepgram": {"parley.stage": "stt", "gen_ai.provider.name": "deepgram"},
	} {
		if diff := cmp.Diff(want, by[name].Attributes); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	happened := []tracingtest.Event{{Name: "agent_there", At: root.Begin.Add(ms(40))}, {Name: "provider_failed", At: root.Begin.Add(ms(4800))}, {Name: "echo", At: root.Begin.Add(ms(4900))}}
	if diff := cmp.Diff(happened, root.Events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	want := map[string]any{"service.name": "parley", "service.version": "v1", "service.instance.id": "node-1", "deployment.environment.name": "test"}
	if diff := cmp.Diff(want, root.Resource); diff != "" {
		t.Errorf("resource (-want +got):\n%s", diff)
	}
	if got := collector.Header("X-Key"); got != "k" {
		t.Errorf("the collector was sent X-Key %q", got)
	}
}

// TestContent: who asks for it finds what was said, and who called.
func TestContent(t *testing.T) {
	t.Parallel()
	tracer, collector := open(t, func(o *tracing.Options) { o.Content = true })
	for _, e := range []pipeline.Event{started(), turned(answer()), ended(media.CauseCaller, ms(5000))} {
		tracer.Watch(e)
	}
	shut(t, tracer)
	got := map[string]any{}
	for _, s := range collector.Spans(traceID) {
		for _, k := range []string{"parley.turn.said", "parley.turn.answer", "parley.from", "parley.to"} {
			if v := s.Attributes[k]; v != nil {
				got[k] = v
			}
		}
	}
	want := map[string]any{"parley.turn.said": "my card is 4111", "parley.turn.answer": "I see.", "parley.from": "+15550100001", "parley.to": "+15550100002"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
}

// TestHandOver: turns are told of the agent that spoke them.
func TestHandOver(t *testing.T) {
	t.Parallel()
	tracer, collector := open(t, nil)
	other := cast
	other.Model, other.Name = "gpt-y", "Day desk"
	tracer.Cast(t.Context(), callID, cast)
	tracer.Watch(started())
	tracer.Cast(t.Context(), callID, other) // asked for, not there yet
	tracer.Watch(turned(greeting()))
	tracer.Watch(pipeline.Event{Call: callID, Kind: pipeline.AgentChanged, At: ms(1200), Text: "Day desk"})
	tracer.Watch(turned(answer()))
	tracer.Watch(ended(media.CauseCaller, ms(5000)))
	late, cancel := context.WithCancel(t.Context())
	cancel()
	tracer.Cast(late, callID, other) // of a call that is over
	tracer.Watch(turned(answer()))   // of which nothing may be kept
	shut(t, tracer)
	want := "conversation\n  turn\n    chat gpt-x\n    tts deepgram\n    playout\n  turn\n    stt deepgram\n    chat gpt-y\n    tts deepgram\n    playout\n"
	if diff := cmp.Diff(want, collector.Tree(traceID)); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
}

// TestScript: a script is no model, unless it hands over to one.
func TestScript(t *testing.T) {
	t.Parallel()
	tracer, collector := open(t, nil)
	tracer.Cast(t.Context(), callID, tracing.Cast{Hears: "local", Thinks: "flow", Speaks: "local", Model: "gpt-x"})
	tracer.Watch(started())
	tracer.Watch(turned(greeting()))
	tracer.Watch(turned(answer()))
	tracer.Watch(ended(media.CauseCaller, ms(5000)))
	shut(t, tracer)
	want := "conversation\n  turn\n    flow\n    tts local\n    playout\n  turn\n    stt local\n    chat gpt-x\n    tts local\n    playout\n"
	if diff := cmp.Diff(want, collector.Tree(traceID)); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
}

// TestUnsampled: a call that is not sampled leaves nothing, and costs nothing.
func TestUnsampled(t *testing.T) {
	t.Parallel()
	tracer, collector := open(t, func(o *tracing.Options) { o.Sampler, o.Ratio = "traceidratio", 0 })
	e := turned(answer())
	tracer.Cast(t.Context(), callID, cast)
	tracer.Watch(started())
	tracer.Watch(e)
	tracer.Watch(ended(media.CauseCaller, ms(5000)))
	shut(t, tracer)
	if s := collector.Spans(""); len(s) != 0 {
		t.Errorf("%d spans of a call that is not sampled", len(s))
	}
}

// TestCheap: what comes often costs nothing, and a turn of a call that is not sampled next to nothing.
func TestCheap(t *testing.T) { // not parallel: it counts allocations
	tracer, _ := open(t, func(o *tracing.Options) { o.Sampler, o.Ratio = "traceidratio", 0 })
	defer shut(t, tracer)
	often := []pipeline.Event{
		{Call: callID, Kind: pipeline.SpeechBegan}, {Call: callID, Kind: pipeline.Transcribed, Text: "so far"}, {Call: callID, Kind: pipeline.Spoken}, turned(answer()),
	}
	if n := testing.AllocsPerRun(100, func() {
		for _, e := range often {
			tracer.Watch(e)
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// TestLogs: a line that names a call has its trace; one that names a turn, its span; one of a request, the request's.
func TestLogs(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	log := slog.New(tracing.Logs(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}})))
	of := log.With("call", callID, "leg", "twilio")
	of.Info("provider failed", "turn", 2)
	of.Info("call ended")
	log.Info("written", "call", callID)
	log.Info("draining", "calls", 3, "turn", 7)
	log.With("call", "CA1").Info("not a uuid")
	want := strings.Join([]string{
		`msg="provider failed" call=` + callID + ` leg=twilio trace_id=` + traceID + ` turn=2 span_id=` + tracing.SpanID(callID, 2).String(),
		`msg="call ended" call=` + callID + ` leg=twilio trace_id=` + traceID,
		`msg=written call=` + callID + ` trace_id=` + traceID,
		`msg=draining calls=3 turn=7`,
		`msg="not a uuid" call=CA1 trace_id=` + tracing.TraceID("CA1").String(),
	}, "\n") + "\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if got := tracing.SpanID(callID, 2).String(); got != "9d520c1c2d3e4f52" {
		t.Errorf("the second turn's span is %s", got)
	}
}

// TestOptionsRefused: what is wrong is said.
func TestOptionsRefused(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]tracing.Options{
		"base URL": {Endpoint: "localhost:4318"},
		"sampler":  {Endpoint: "http://localhost:4318", Sampler: "some"},
		"0 to 1":   {Endpoint: "http://localhost:4318", Sampler: "traceidratio", Ratio: 1.5},
	} {
		if _, err := tracing.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want it to say %q", o, err, want)
		}
	}
}
