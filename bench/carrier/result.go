package carrier

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Millis is a time that JSON has in milliseconds, to a tenth.
type Millis time.Duration

// MarshalJSON writes milliseconds.
func (m Millis) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%.1f", float64(m)/float64(time.Millisecond)), nil
}

// UnmarshalJSON reads milliseconds.
func (m *Millis) UnmarshalJSON(b []byte) error {
	var ms float64
	if err := json.Unmarshal(b, &ms); err != nil {
		return err
	}
	*m = Millis(ms * float64(time.Millisecond))
	return nil
}

// String is the time in seconds, as in 12.34 s.
func (m Millis) String() string { return fmt.Sprintf("%.2f s", time.Duration(m).Seconds()) }

// at is when a sample sounds.
func at(sample int64) Millis { return Millis(timeOf(sample)) }

// An Event is a line of the call's story. All times of a Result count from the stream's start message, on the clock of what is
// heard: the caller's sample n is spoken at n/8000 s, and its frame is sent when its last sample has been spoken.
type Event struct {
	At   Millis `json:"at_ms"`
	For  Millis `json:"for_ms,omitempty"`
	Who  string `json:"who"`  // caller, agent or carrier
	What string `json:"what"` // spoke, pressed, marked, cleared, ...
	Text string `json:"text,omitempty"`
}

// A Turn is one thing that the caller did and what the agent answered.
type Turn struct {
	Caller string `json:"caller"` // the words said, the key pressed; "" of the greeting
	Step   string `json:"step"`
	At     Millis `json:"at_ms"` // the caller's first voiced sample, or the key
	End    Millis `json:"end_ms"`

	Answered bool   `json:"answered"`
	Early    bool   `json:"early,omitempty"` // the agent began before the caller had ended
	Agent    string `json:"agent,omitempty"` // what it said, where Call.Transcribe is set
	From     Millis `json:"from_ms,omitempty"`
	To       Millis `json:"to_ms,omitempty"`

	// VoiceToVoice is from the caller's last voiced sample (or the key, or the stream's start) to the first sample of the agent's
	// that can be heard as speech. FirstSample is to the first sample that sounded at all: a voice may begin with silence.
	VoiceToVoice Millis `json:"voice_to_voice_ms,omitempty"`
	FirstSample  Millis `json:"first_sample_ms,omitempty"`

	// Of a barge-in, from the caller's first voiced sample: Cleared until the server's clear arrived, Hushed until the agent's last
	// audible sample.
	BargedIn bool   `json:"barged_in,omitempty"`
	Cleared  Millis `json:"cleared_ms,omitempty"`
	Hushed   Millis `json:"hushed_ms,omitempty"`
}

// Frames counts what went over the socket.
type Frames struct {
	Sent        int    `json:"sent"`
	SentLate    int    `json:"sent_late"` // more than 5 ms after they were due: this machine is too busy to be believed
	WorstSend   Millis `json:"worst_send_ms"`
	Received    int    `json:"received"` // media messages
	Audio       Millis `json:"audio_ms"`
	Sounded     Millis `json:"sounded_ms"`
	Dropped     Millis `json:"dropped_ms"` // forgotten by clear, or beyond ten minutes in the buffer
	Gaps        int    `json:"gaps"`       // breaks of 10 to 250 ms in the agent's audio: its frames came late
	GapTime     Millis `json:"gap_ms"`
	Marks       int    `json:"marks"`
	Clears      int    `json:"clears"`
	AfterClear  int    `json:"media_within_20ms_after_clear"`
	BadMessages int    `json:"bad_messages"`
	FirstBad    string `json:"first_bad,omitempty"`
}

// Packets is how sound travelled over RTP, as the caller's end saw it.
type Packets struct {
	MOS      float64 `json:"mos"` // of what was heard, 1 to 4.5 (ITU-T G.107)
	Received int64   `json:"received"`
	Lost     int64   `json:"lost"` // or late
	Jitter   Millis  `json:"jitter_ms"`
}

// A Result is how a call went.
type Result struct {
	CallSID   string `json:"call_sid"`
	StreamSID string `json:"stream_sid,omitempty"`
	From      string `json:"from"`
	To        string `json:"to"`

	Webhook  Millis `json:"webhook_ms"`         // the voice webhook's answer
	Upgrade  Millis `json:"upgrade_ms"`         // the socket's
	Setup    Millis `json:"setup_ms,omitempty"` // of a call by SIP, from INVITE to the answer
	Streams  int    `json:"streams,omitempty"`  // that the call had, one after the other
	Length   Millis `json:"length_ms"`
	Answered bool   `json:"answered"`          // the agent was heard to speak
	Ended    string `json:"ended"`             // caller, agent, rejected or failed
	Failure  string `json:"failure,omitempty"` // why the call is not a success

	Dialled     string `json:"dialled,omitempty"`      // where the server had the call go on
	DialledFrom string `json:"dialled_from,omitempty"` // the number that was shown there; empty: the caller's

	Conference *Conference `json:"conference,omitempty"` // the last that the server had the call be in

	Keys     string   `json:"keys,omitempty"` // that the agent pressed, as tones
	Turns    []Turn   `json:"turns"`
	Timeline []Event  `json:"timeline"`
	Frames   Frames   `json:"frames"`
	Packets  *Packets `json:"packets,omitempty"` // of a call by SIP
	Warnings []string `json:"warnings,omitempty"`

	Said  []int16 `json:"-"` // by the caller, at Rate, from the stream's start
	Heard []int16 `json:"-"` // by the caller, at Rate, from the stream's start
}

// tell makes turns and the agent's lines of the timeline from what the caller did and heard.
func (r *Result) tell(acts []act, ear *ear, begun []int64, clears []int64) {
	acts = append([]act{{over: -1}}, acts...)
	for i, a := range acts {
		next := int64(len(r.Heard))
		if i+1 < len(acts) {
			next = acts[i+1].start
		}
		t := Turn{Caller: a.said, At: at(a.start), End: at(a.end)}
		if i > 0 {
			t.Step = a.step.String()
		}
		t.overheard(a, ear, clears)
		t.answer(a, ear.talk, next)
		for _, b := range begun {
			if t.Answered && b >= a.end && b < next {
				t.FirstSample = at(b - a.end)
				break
			}
		}
		if i > 0 || t.Answered {
			r.Turns = append(r.Turns, t)
		}
	}
	for _, s := range ear.talk {
		r.Timeline = append(r.Timeline, Event{At: at(s.start), For: at(s.end - s.start), Who: "agent", What: "spoke"})
	}
	slices.SortStableFunc(r.Timeline, func(a, b Event) int { return cmp.Compare(a.At, b.At) })
	r.Answered = len(ear.talk) > 0
}

// overheard fills in how a barge-in went.
func (t *Turn) overheard(a act, ear *ear, clears []int64) {
	if a.over < 0 {
		return
	}
	t.BargedIn = true
	t.Hushed = at(max(0, ear.talk[a.over].end-a.start))
	for _, c := range clears {
		if c >= a.start {
			t.Cleared = at(c - a.start)
			break
		}
	}
}

// answer finds what the agent said to act a, before the caller acts again at sample next.
func (t *Turn) answer(a act, talk []stretch, next int64) {
	for i, s := range talk {
		if i == a.over || s.end <= a.end || s.start >= next || s.start < a.start {
			continue
		}
		if !t.Answered {
			t.Answered, t.Early = true, s.start < a.end
			t.From = at(s.start)
			t.VoiceToVoice = at(max(0, s.start-a.end))
		}
		t.To = at(s.end)
	}
}

// Print writes the conversation for people.
func (r *Result) Print(out io.Writer) error {
	w := bufio.NewWriter(out)
	for _, l := range r.lines() {
		fmt.Fprintf(w, "%9s  %-8s %s\n", l.at, l.who, l.text)
	}
	f := r.Frames
	if q := r.Packets; q != nil {
		fmt.Fprintf(w, "call: %s, ended by %s; set up in %.1f ms; %d packets heard, %d lost, jitter %.1f ms, MOS %.2f; %d frames sent, %d late (worst %.1f ms)\n",
			r.Length, r.Ended, ms(r.Setup), q.Received, q.Lost, ms(q.Jitter), q.MOS, f.Sent, f.SentLate, ms(f.WorstSend))
	} else {
		fmt.Fprintf(w, "call: %s, ended by %s; webhook %.1f ms, socket %.1f ms; agent audio %s, %d gaps, %d marks, %d clears; %d frames sent, %d late (worst %.1f ms)\n",
			r.Length, r.Ended, ms(r.Webhook), ms(r.Upgrade), f.Sounded, f.Gaps, f.Marks, f.Clears, f.Sent, f.SentLate, ms(f.WorstSend))
	}
	if 50*f.SentLate > f.Sent {
		r.Warnings = append(r.Warnings, "this machine was too busy to speak in time: the latencies say little")
	}
	for _, warning := range r.Warnings {
		fmt.Fprintln(w, "warning:", warning)
	}
	if f.BadMessages > 0 {
		fmt.Fprintf(w, "warning: %d bad messages from the server; the first: %s\n", f.BadMessages, f.FirstBad)
	}
	return w.Flush()
}

// line is one of the printed conversation.
type line struct {
	at        Millis
	who, text string
}

// lines tells the call turn by turn, with what else happened between.
func (r *Result) lines() (lines []line) {
	for _, t := range r.Turns {
		if t.Step != "" {
			lines = append(lines, line{t.At, "caller", t.said()})
		}
		switch {
		case t.Answered:
			lines = append(lines, line{t.From, "agent", t.answered()})
		case t.Step != "":
			lines = append(lines, line{t.End, "agent", "(no answer)"})
		}
	}
	for _, e := range r.Timeline {
		if e.What != "spoke" && e.What != "marked" && (e.What != "pressed" || e.Who != "caller") {
			lines = append(lines, line{e.At, e.Who, strings.TrimSpace(e.What + " " + e.Text)})
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(a.at, b.at) })
	return lines
}

func ms(m Millis) float64 { return float64(m) / float64(time.Millisecond) }

// said is what the caller did.
func (t *Turn) said() string {
	if t.End == t.At {
		return "pressed " + t.Caller
	}
	text := fmt.Sprintf("%s (%s)", t.Caller, t.End-t.At)
	if t.BargedIn {
		text = fmt.Sprintf("barges in: %s; the agent was silent after %.0f ms", text, ms(t.Hushed))
		if t.Cleared > 0 {
			text += fmt.Sprintf(", its clear came after %.0f ms", ms(t.Cleared))
		}
	}
	return text
}

// answered is what the agent did.
func (t *Turn) answered() string {
	text := t.Agent
	if text == "" {
		text = "speaks"
	}
	text = fmt.Sprintf("%s (%s)", text, t.To-t.From)
	switch {
	case t.Early:
		return text + "; before the caller had ended"
	case t.VoiceToVoice-t.FirstSample > Millis(20*time.Millisecond) && t.FirstSample > 0:
		return fmt.Sprintf("%s; voice after %.0f ms, of which the last %.0f are silence that it sent", text, ms(t.VoiceToVoice), ms(t.VoiceToVoice-t.FirstSample))
	}
	return fmt.Sprintf("%s; voice after %.0f ms", text, ms(t.VoiceToVoice))
}

// Transcribe fills in what the agent said, from the sound of it. f is given a passage of speech at Rate, with a little silence
// on either side.
func (r *Result) Transcribe(ctx context.Context, f func(ctx context.Context, pcm []int16, rate int) (string, error)) error {
	for i := range r.Turns {
		t := &r.Turns[i]
		if !t.Answered {
			continue
		}
		from := max(0, sampleAt(time.Duration(t.From))-edgePad)
		to := min(int64(len(r.Heard)), sampleAt(time.Duration(t.To))+edgePad)
		text, err := f(ctx, r.Heard[from:to], Rate)
		if err != nil {
			return fmt.Errorf("transcribe the agent's answer at %s: %w", t.From, err)
		}
		t.Agent = text
	}
	return nil
}
