package score_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"parley/media"
	"parley/pipeline"
	. "parley/pipeline/score"
	"parley/pipeline/tool"
)

// backend is what the built-in tools lean on: it counts what it was given, or else is slow, wrong or rude.
type backend struct {
	mood string // slow, wrong, rude; empty: good
	kept int
}

func (b *backend) take(ctx context.Context) error {
	switch b.mood {
	case "slow":
		<-ctx.Done()
		return context.Cause(ctx)
	case "wrong":
		return errors.New("the calendar is closed")
	case "rude":
		panic("scripted panic")
	}
	b.kept++
	return nil
}

func (b *backend) Schedule(ctx context.Context, _ tool.Callback) error { return b.take(ctx) }
func (b *backend) Send(ctx context.Context, _ tool.Message) error      { return b.take(ctx) }
func (b *backend) Channels() []string                                  { return []string{"sms"} }
func (b *backend) Transfer(ctx context.Context, _, _ string) error     { return b.take(ctx) }

// builtIn are all of them, on one backend.
func (b *backend) builtIn() []pipeline.Tool {
	line := tool.Line{Call: "CA1", From: "+15550100"}
	return tool.Offered(
		tool.EndCall(), tool.PressKeys(), tool.WaitFor(), tool.ScheduleCallback(line, b), tool.SendMessage(line, b, false),
		tool.TransferTo(tool.Destinations{Named: []tool.Destination{{Name: "Billing", To: "+15550123"}}}, tool.Ways{Blind: true}),
		tool.HandOver([]tool.Colleague{{Name: "Second", When: "for complaints"}}),
		tool.Collect(line, tool.Form{Name: "booking", Fields: []tool.Field{{Name: "name"}, {Name: "day", Kind: tool.Date}, {Name: "phone", Kind: tool.Phone, Optional: true}}}),
	)
}

// rounds answers words with what stands under them, one after the other for each round of tools: text, or a tool and its arguments.
func rounds(lines map[string][]string) Model {
	return Model{Answer: func(k pipeline.Talk) []pipeline.Delta {
		said := ""
		for _, m := range k.History {
			if m.Role == pipeline.Caller {
				said = m.Text
			}
		}
		if k.Why != pipeline.ForWords && k.Why != pipeline.ForToolResult || k.Step >= len(lines[said]) {
			return Parrot(k)
		}
		name, args, call := strings.Cut(lines[said][k.Step], " {")
		if !call {
			return Text(name)
		}
		return []pipeline.Delta{{Call: &pipeline.ToolCall{Name: name, Args: json.RawMessage("{" + args)}}}
	}}
}

// Every built-in tool on a call, on backends that are good, slow, wrong and rude: the call goes on, and the model knows what happened.
func TestBuiltInTools(t *testing.T) {
	ask := Says("please do", 2, 2.6)
	once := func(call string) Model { return rounds(map[string][]string{"please do": {call, "That is that."}}) }
	const callback, message, transfer = `schedule_callback {"when":"tomorrow at 3 pm"}`, `send_message {"channel":"sms","text":"Hi."}`, `transfer {"destination":"billing","say":"One moment."}`
	var scenes []scene
	for _, c := range []struct {
		name, mood, call string
		caller           Cue
		told             string // to the model, at some time
		cause            media.Cause
		kept             int
	}{
		{"end_call ends the call", "", `end_call {"farewell":"Goodbye."}`, HangsUp(60), "The call is ending.", media.CauseAgent, 0},
		{"press_keys", "", `press_keys {"keys":"1w2#"}`, HangsUp(10), "The keys are pressed.", media.CauseCaller, 0},
		{"press_keys that are none", "", `press_keys {"keys":"one"}`, HangsUp(10), "error: press: 'o' is no key", media.CauseCaller, 0},
		{"wait for a minute", "", `wait {"seconds":60}`, HangsUp(50), "You are waiting.", media.CauseCaller, 0},
		{"hand_over", "", `hand_over {"agent":"Second"}`, HangsUp(14), "Second takes over", media.CauseCaller, 0},
		{"hand_over to nobody", "", `hand_over {"agent":"Third"}`, HangsUp(10), `error: wrong arguments: agent: want one of Second, got "Third"`, media.CauseCaller, 0},
		{"transfer by a tool", "", transfer, HangsUp(60), "connected to Billing", media.CauseTransfer, 1},
		{"transfer by a slow tool", "slow", transfer, HangsUp(80), "The transfer failed: it could not be done in time. The caller is still on the line.", media.CauseCaller, 0},
		{"transfer by a wrong tool", "wrong", transfer, HangsUp(16), "The transfer failed: the calendar is closed. The caller is still on the line.", media.CauseCaller, 0},
		{"schedule_callback", "", callback, HangsUp(10), "Written down: plus 1 5 5, 5 0 1, 0 0 will be called on Sunday 2 January 2000 at 3:00 PM (UTC).", media.CauseCaller, 1},
		{"schedule_callback slow", "slow", callback, HangsUp(30), "error: the tool did not answer in time", media.CauseCaller, 0},
		{"schedule_callback wrong", "wrong", callback, HangsUp(10), "error: the callback could not be written down: the calendar is closed", media.CauseCaller, 0},
		{"schedule_callback rude", "rude", callback, HangsUp(10), "error: the tool broke down", media.CauseCaller, 0},
		{"send_message", "", message, HangsUp(10), "The message has been sent to +15550100.", media.CauseCaller, 1},
		{"send_message slow", "slow", message, HangsUp(30), "error: the tool did not answer in time", media.CauseCaller, 0},
		{"send_message wrong", "wrong", message, HangsUp(10), "error: the message could not be sent: the calendar is closed", media.CauseCaller, 0},
		{"send_message rude", "rude", message, HangsUp(10), "error: the tool broke down", media.CauseCaller, 0},
	} {
		b := &backend{mood: c.mood}
		scenes = append(scenes, scene{name: c.name, waits: strings.Contains(c.name, "wait") || strings.Contains(c.name, "slow"), score: Score{
			Tools: b.builtIn(), Model: once(c.call), Caller: []Cue{ask, c.caller},
			Transfer: func(ctx context.Context, to string) error { return b.Transfer(ctx, "CA1", to) },
			Change: func(context.Context, string) (pipeline.Agent, pipeline.Parts, error) {
				return pipeline.Agent{Name: "Second", Lang: "en-US"}, pipeline.Parts{}, nil
			},
		}, check: func(t *testing.T, p *Performance) {
			if p.Ending.Cause != c.cause || b.kept != c.kept {
				t.Errorf("ended %q, the backend has %d: want %q and %d", p.Ending.Cause, b.kept, c.cause, c.kept)
			}
			for _, m := range p.Ending.History {
				if strings.Contains(m.Text, c.told) {
					return
				}
			}
			t.Errorf("the model was not told %q", c.told)
		}})
	}
	play(t, scenes)
}

// The tool collect: what the caller has agreed to is in the record of the turn, and nothing else.
func TestCollect(t *testing.T) {
	const given, agreed = `collect_booking {"name":"Ana","day":"tomorrow"}`, `collect_booking {"confirmed":true}`
	ask, yes := Says("please do", 2, 2.6), Says("yes", 7, 7.4)
	booked := map[string]string{"booking.name": "Ana", "booking.day": "2000-01-02"}
	record := func(turnOf string, want map[string]string) func(*testing.T, *Performance) {
		return func(t *testing.T, p *Performance) {
			t.Helper()
			var got map[string]string
			for _, e := range p.Events {
				if e.Turn != nil && e.Turn.Slots != nil {
					if got = e.Turn.Slots; e.Turn.Said != turnOf {
						t.Errorf("turn %d, of %q, has %v", e.Turn.N, e.Turn.Said, got)
					}
				}
			}
			if !maps.Equal(got, want) || p.Ending.Slots != nil {
				t.Errorf("the turns have %v, the end %v: want %v", got, p.Ending.Slots, want)
			}
		}
	}
	play(t, []scene{
		{name: "collect", score: Score{Tools: (&backend{}).builtIn(), Model: rounds(map[string][]string{
			"please do": {given, "Ana, tomorrow. Is that right?"}, "yes": {agreed, "It is booked."},
		}), Caller: []Cue{ask, yes, HangsUp(12)}}, check: record("yes", booked)},
		{name: "collect without asking the caller", score: Score{Tools: (&backend{}).builtIn(), Model: rounds(map[string][]string{
			"please do": {given, agreed, "It is booked."},
		}), Caller: []Cue{ask, HangsUp(10)}}, check: record("", nil)},
		{name: "collect and a changed mind", score: Score{Tools: (&backend{}).builtIn(), Model: rounds(map[string][]string{
			"please do": {given, "Is that right?"}, "no Friday": {`collect_booking {"day":"friday","confirmed":true}`, "Friday then?"}, "yes": {agreed, "It is booked."},
		}), Caller: []Cue{ask, Says("no Friday", 6, 6.8), Says("yes", 11, 11.4), HangsUp(16)}}, check: record("yes", map[string]string{"booking.name": "Ana", "booking.day": "2000-01-07"})},
		{name: "collect interrupted", score: Score{Tools: (&backend{}).builtIn(), Model: rounds(map[string][]string{
			"please do": {given, "Is that right?"}, "yes": {agreed, "It is booked, thank you, and we look forward to it."},
		}), Caller: []Cue{ask, yes, Says("stop please", 9.2, 9.9), HangsUp(14)}}, check: record("yes", booked)},
		{name: "collect beside a script", score: Score{Tools: (&backend{}).builtIn(), Model: Model{Answer: func(k pipeline.Talk) []pipeline.Delta {
			if k.Why == pipeline.ForWords {
				return []pipeline.Delta{{Slots: map[string]string{"topic": "booking"}}, {Do: &pipeline.Command{Kind: pipeline.Collect, Slots: map[string]string{"mood": "good"}}}, {Text: "Noted."}}
			}
			return Parrot(k)
		}}, Caller: []Cue{ask, HangsUp(9)}}, check: record("please do", map[string]string{"topic": "booking", "mood": "good"})},
		{name: "collect from outside, too late for a turn", score: Score{Caller: []Cue{
			Orders(pipeline.Command{Kind: pipeline.Collect, Slots: map[string]string{"mood": "good"}}, 4), HangsUp(4.5),
		}}, check: func(t *testing.T, p *Performance) {
			if want := map[string]string{"mood": "good"}; !maps.Equal(p.Ending.Slots, want) {
				t.Errorf("the end has %v, want %v", p.Ending.Slots, want)
			}
		}},
	})
}

// asked are the tools of operators, which ask servers over HTTP: slow ones that may be cancelled, and such as must not be.
func asked(name string, takes float64, firm bool, done *bool) pipeline.Tool {
	t := books(name, takes, done)
	t.Firm, t.Filler, t.Limit = firm, "I am looking that up.", 12*time.Second
	t.Parameters = json.RawMessage(`{"type":"object","properties":{"order":{"type":"string"}}}`)
	return t
}

// A tool that asks somebody, as providers/httptool makes them, between two built-in ones: a filler bridges the wait, and a caller who
// interrupts ends what can be asked again, but not what has changed something.
func TestAskingTools(t *testing.T) {
	ask, stop := Says("please do", 2, 2.6), Says("stop please", 6.4, 7.1)
	tells := pipeline.Manners{Interrupt: pipeline.Interrupt{Tool: pipeline.Bar{Words: 1, Speech: 300 * time.Millisecond}}}
	orders := rounds(map[string][]string{"please do": {`find_order {"order":"4711"}`, `send_message {"channel":"sms","text":"It is on its way."}`, "It is on its way."}})
	done := make([]bool, 3)
	with := func(t pipeline.Tool) []pipeline.Tool { return append((&backend{}).builtIn(), t) }
	play(t, []scene{
		{name: "a tool that asks, and one that tells", score: Score{Tools: with(asked("find_order", 4, false, &done[0])), Model: orders, Caller: []Cue{ask, HangsUp(16)}}, check: func(t *testing.T, p *Performance) {
			if got := turn(t, p, 2).Counts; got.Tools != 2 || got.ToolErrors != 0 || got.Fillers == 0 || !done[0] {
				t.Errorf("counts %+v", got)
			}
		}},
		{name: "a tool that asks is cancelled", score: Score{Manners: tells, Tools: with(asked("find_order", 6, false, &done[1])), Model: orders, Caller: []Cue{ask, stop, HangsUp(16)}}, check: func(t *testing.T, p *Performance) {
			if done[1] || results(p)[0] != "cancelled" {
				t.Errorf("done %v, the model was told %q", done[1], results(p))
			}
		}},
		{name: "a tool that has changed something is not", score: Score{Manners: tells, Tools: with(asked("find_order", 6, true, &done[2])), Model: orders, Caller: []Cue{ask, stop, HangsUp(16)}}, check: func(t *testing.T, p *Performance) {
			if !done[2] || notes(p, "find_order is done") != 1 {
				t.Errorf("done %v, the model was told %+v", done[2], p.Ending.History)
			}
		}},
		{name: "more rounds of tools than are allowed", score: Score{Manners: pipeline.Manners{ToolSteps: 1}, Tools: with(asked("find_order", 0, false, new(bool))), Model: orders, Caller: []Cue{ask, HangsUp(12)}}},
	})
}
