package voice

import (
	"math"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/envelope"
	"parley/control/report"
	"parley/pipeline"
	"parley/store"
)

// Call is a call as lists show it.
type Call struct {
	ID              string           `json:"id" format:"uuid"`
	Number          int64            `json:"number" doc:"Its second id, a number. Extension." example:"1"`
	AgentID         *string          `json:"agent_id" format:"uuid" doc:"The agent that served it; it may have been deleted since."`
	AgentVersion    *int             `json:"agent_version" doc:"Which version of the agent. Extension."`
	TaskID          *string          `json:"task_id" format:"uuid" doc:"The task that it carried out; null: none."`
	Direction       store.Direction  `json:"direction" enum:"inbound,outbound"`
	Status          store.Status     `json:"status" enum:"initiated,in_progress,completed,failed"`
	FromNumber      *string          `json:"from_number" doc:"Who called; null where the caller withheld it." example:"+442071234567"`
	ToNumber        *string          `json:"to_number" example:"+1234567890"`
	Carrier         string           `json:"carrier" doc:"By which door it came: twilio, sip, webrtc, ... Extension." example:"twilio"`
	CarrierCallID   *string          `json:"carrier_call_id" doc:"The carrier's own id of it, such as Twilio's CallSid. Extension."`
	Cause           *string          `json:"cause" doc:"Why it ended, in one word: caller, agent, silence, max_length, provider, media (the caller's sound stopped), crash, ...; null while it goes on. Extension." example:"caller"`
	Error           *string          `json:"error" doc:"What failed, if something did."`
	AnsweredBy      *string          `json:"answered_by" doc:"Who answered an outbound call: human, machine, ivr, screening, fax, nobody, unknown; null if its agent was not to find out. Extension." example:"human"`
	StartedAt       envelope.Time    `json:"started_at" doc:"When it came in, or was placed."`
	AnsweredAt      envelope.Time    `json:"answered_at" nullable:"true"`
	EndedAt         envelope.Time    `json:"ended_at" nullable:"true"`
	DurationSeconds *float64         `json:"duration_seconds" doc:"From the answer to the end; null while it goes on." example:"63.24"`
	TurnCount       int              `json:"turn_count" doc:"How many exchanges it had; 0 while it goes on. Extension." example:"4"`
	DroppedFrames   int              `json:"dropped_frames" doc:"Frames of 20 ms that recognition or recording lost. Extension." example:"0"`
	Latency         map[string]int64 `json:"latency" nullable:"true" doc:"From the caller's last word to the agent's first sound, in milliseconds: voice_to_voice_p50, voice_to_voice_p95; null if nothing was measured. Extension."`
	CreatedAt       envelope.Time    `json:"created_at"`
}

// CallDetail is a call with all that it left behind.
type CallDetail struct {
	Call

	Collected map[string]string `json:"collected" nullable:"true" doc:"What was collected from the caller: by a scripted dialog, by the names of its slots, and by the tool collect, by the names of its fields, a form's after its own (booking.day); a secret has *** for its value. null: nothing. It grows with each turn. Extension." example:"{\"day\":\"2026-11-24\"}"`

	Quality *Quality `json:"quality,omitempty" doc:"How its sound travelled, where Parley itself carries it in packets (SIP): until now while the call goes on, if this server has it; absent: not known. Extension."`

	Cost *report.Cost `json:"cost,omitempty" doc:"What vendors charge for it, by list prices (docs/providers.md): once it is over; absent: nothing was used, or it is not known. Extension."`

	PreAnswer *PreAnswer `json:"pre_answer,omitempty" doc:"What came of asking the organisation's server about it before it was answered (docs/preanswer.md); absent: nobody was asked. Extension."`

	RecordingAvailable bool           `json:"recording_available" doc:"Whether GET /calls/{id}/recording has one."`
	Transcript         []Entry        `json:"transcript" nullable:"false" doc:"What was said, in order; it grows with each turn."`
	Turns              []Turn         `json:"turns" nullable:"false" doc:"The exchanges, and where their time went. Extension."`
	Source             string         `json:"transcript_source" enum:"live,elevenlabs,recording" doc:"Which transcript this is: see GET /calls/{id}/transcript. Extension."`
	Report             *report.Report `json:"report" doc:"The report on the call, as it was made last; null until the call is over. Where none was made yet (GET /calls/{id}/report makes it), this is a sketch by rules."`
}

// TransformSchema implements huma.SchemaTransformer.
func (CallDetail) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	envelope.OrNull(s, "report")
	return s
}

// PreAnswer is what came of asking about a call before it was answered.
type PreAnswer struct {
	Outcome   string            `json:"outcome" enum:"heeded,empty,rejected,timeout,unreachable,refused,wrong,forbidden,unsigned,abandoned" doc:"heeded, empty (it said nothing: the number's own agent answered), rejected; or why there was no good answer."`
	Fallback  *string           `json:"fallback" enum:"agent,reject" doc:"What was done without a good answer; null: there was one."`
	AgentID   *string           `json:"agent_id" format:"uuid" doc:"The agent that was chosen; null: none."`
	Greeting  *string           `json:"greeting"`
	Variables map[string]string `json:"variables" nullable:"true"`
	Reject    *string           `json:"reject" enum:"busy,rejected" doc:"Why the call was not taken; null: it was."`
	Status    *int              `json:"status" doc:"HTTP status of the last try; null: there was no answer." example:"200"`
	Tries     int               `json:"tries" example:"1"`
	TookMS    int64             `json:"took_ms" doc:"For how long the caller waited." example:"84"`
	Error     *string           `json:"error"`
}

// TransformSchema implements huma.SchemaTransformer.
func (PreAnswer) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	envelope.OrNull(s, "fallback")
	envelope.OrNull(s, "reject")
	return s
}

// showPreAnswer makes a PreAnswer of a row's; nil: it has none.
func showPreAnswer(p *store.PreAnswer) *PreAnswer {
	if p == nil {
		return nil
	}
	out := &PreAnswer{
		Outcome: p.Outcome, Fallback: envelope.Optional(p.Fallback), AgentID: envelope.Optional(p.Agent), Greeting: envelope.Optional(p.Greeting), Variables: p.Variables,
		Reject: envelope.Optional(p.Reject), Tries: p.Tries, TookMS: p.Took.Milliseconds(), Error: envelope.Optional(p.Error),
	}
	if p.Status != 0 {
		out.Status = &p.Status
	}
	return out
}

// Quality is how a call's sound travelled. Counts are of packets, shares from 0 to 1.
type Quality struct {
	MOS         float64  `json:"mos" doc:"What a listener at our end would say of the far end's sound, 1 to 4.5 (ITU-T G.107, estimated); 0: none came." example:"4.36"`
	Received    int64    `json:"received"`
	Lost        int64    `json:"lost" doc:"That never came."`
	Late        int64    `json:"late" doc:"That came when their time was over."`
	Loss        float64  `json:"loss" doc:"Share of what the far end sent that was lost or late." example:"0.0021"`
	ConcealedMS int64    `json:"concealed_ms" doc:"For how long sound was made up in their place."`
	JitterMS    float64  `json:"jitter_ms" doc:"By how much the time that packets take varies (RFC 3550)." example:"2.1"`
	DelayMS     float64  `json:"delay_ms" doc:"For which they are held back to make up for it."`
	RoundTripMS *float64 `json:"round_trip_ms" doc:"There and back, by the far end's last report; null: it made none."`
	Sent        int64    `json:"sent"`
	FarLost     int64    `json:"far_lost" doc:"Of those sent, as the far end reports."`
	FarLoss     float64  `json:"far_loss" doc:"Share of them in its last report."`
	FarJitterMS float64  `json:"far_jitter_ms"`
}

// Entry is one line of a transcript.
type Entry struct {
	Seq         int           `json:"seq" doc:"Its place, from 0."`
	Role        string        `json:"role" enum:"agent,user,tool,system" doc:"Who: the agent, the caller, a tool's result, or the house, which tells of keys and silence."`
	Text        string        `json:"text" doc:"Of the agent: what the caller heard of it, not what was meant."`
	Interrupted bool          `json:"interrupted" doc:"The caller cut the agent off after this text."`
	Turn        *int          `json:"turn" doc:"The exchange that it belongs to; null: none."`
	OffsetMS    int64         `json:"offset_ms" doc:"When it began to sound, since the answer."`
	DurationMS  *int64        `json:"duration_ms" doc:"How long it sounded; null: not known."`
	Timestamp   envelope.Time `json:"timestamp" doc:"When it began to sound, by the clock."`
	Words       []EntryWord   `json:"words,omitempty" nullable:"false" doc:"Words of text whose times are known, in order: of the agent as the caller heard them, where the voice tells; of the caller where the recogniser does. Extension."`
}

// EntryWord is a word of an Entry.
type EntryWord struct {
	Text       string `json:"text" doc:"As it stands in the entry's text, with the punctuation at it."`
	OffsetMS   int64  `json:"offset_ms" doc:"When it began to sound, since the answer."`
	DurationMS int64  `json:"duration_ms"`
}

// Turn is one exchange of a call.
type Turn struct {
	N           int              `json:"n" doc:"From 1."`
	Why         string           `json:"why" doc:"What the agent answered to: greeting, words, keys, silence, tool_result, command." example:"words"`
	Said        *string          `json:"said" doc:"The caller's words or keys."`
	Text        *string          `json:"text" doc:"All that the agent meant to say."`
	Heard       *string          `json:"heard" doc:"What reached the caller's ear."`
	Interrupted bool             `json:"interrupted"`
	OffsetMS    *int64           `json:"offset_ms" doc:"When its first frame went out, since the answer; null: it never did."`
	DurationMS  int64            `json:"duration_ms" doc:"How much of it was heard."`
	Latency     map[string]int64 `json:"latency" nullable:"true" doc:"By stage, in milliseconds: voice_to_voice, endpoint, transcript, first_token, first_audio, first_frame."`
	Counts      map[string]int64 `json:"counts" nullable:"true" doc:"How often something happened: held (the agent paused for a sound of the caller's), false_alarms (and went on), fillers, tools (the model asked for), tool_errors, dropped_frames; masked_ms (for how long the caller was silenced in the recording, because of secrets); and input_tokens, output_tokens, cached_tokens."`
	Knowledge   *Lookup          `json:"knowledge,omitempty" doc:"What was looked up in the documents that the agent knows; absent: nothing was."`
	Remembered  []string         `json:"remembered,omitempty" nullable:"false" doc:"The earlier conversations with the caller that the model was told of, by their ids; absent: none. Extension."`
	Error       *string          `json:"error" doc:"The provider that failed, if one did."`
}

// Lookup is what was looked up for an exchange.
type Lookup struct {
	Sources    []Source `json:"sources" nullable:"false" doc:"Where the passages came from that the model was offered, best first."`
	DurationMS float64  `json:"duration_ms" doc:"How long the search took." example:"8.4"`
	Error      *string  `json:"error" doc:"Why there is nothing, or not all that there might be; null: there is no more." example:"late"`
}

// Source is where a passage came from.
type Source struct {
	Document string  `json:"document" doc:"The name of the file." example:"prices.pdf"`
	Place    *string `json:"place" doc:"Where in it: headings, page; null: the whole." example:"Fees > Blood tests, page 2"`
}

// showCall makes a Call of its row.
func showCall(c store.Call) Call {
	out := Call{
		ID: c.ID, Number: c.Number, AgentID: of(&c.Agent), TaskID: of(&c.Task), Direction: c.Direction, Status: c.Status,
		FromNumber: of(&c.From), ToNumber: of(&c.To), Carrier: c.Leg, CarrierCallID: of(&c.CarrierID), Cause: of(&c.Cause), Error: of(&c.Error),
		AnsweredBy: of(&c.AnsweredBy), StartedAt: envelope.Time(c.Created), AnsweredAt: envelope.Time(c.Answered), EndedAt: envelope.Time(c.Ended), TurnCount: c.Turns,
		DroppedFrames: c.Drops, Latency: c.Latency, CreatedAt: envelope.Time(c.Created),
	}
	if c.AgentVersion > 0 {
		out.AgentVersion = &c.AgentVersion
	}
	if c.Status.Final() {
		s := seconds(c.Length)
		out.DurationSeconds = &s
	}
	return out
}

// showQuality makes a Quality of a row's; nil: it has none.
func showQuality(q *store.Quality) *Quality {
	if q == nil {
		return nil
	}
	out := &Quality{
		MOS: math.Round(100*q.MOS) / 100, Received: q.Received, Lost: q.Lost, Late: q.Late, Loss: share(q.Loss), ConcealedMS: q.Concealed.Milliseconds(),
		JitterMS: milliseconds(q.Jitter), DelayMS: milliseconds(q.Delay), Sent: q.Sent, FarLost: q.FarLost, FarLoss: share(q.FarLoss), FarJitterMS: milliseconds(q.FarJitter),
	}
	if q.Trip > 0 {
		trip := milliseconds(q.Trip)
		out.RoundTripMS = &trip
	}
	return out
}

// share has hundredths of a percent and no more.
func share(f float64) float64 { return math.Round(1e4*f) / 1e4 }

// milliseconds has tenths and no more.
func milliseconds(d time.Duration) float64 { return math.Round(float64(d)/1e5) / 10 }

// showTranscript makes a transcript of a call's messages.
func showTranscript(c store.Call, messages []store.Message) []Entry {
	entries := make([]Entry, 0, len(messages))
	for _, m := range messages {
		entries = append(entries, showMessage(c, m))
	}
	return entries
}

// showMessage makes an entry of a call's message.
func showMessage(c store.Call, m store.Message) Entry {
	zero := c.Answered
	if zero.IsZero() {
		zero = c.Created
	}
	e := Entry{
		Seq: m.Seq, Role: Speaker(m.Role), Text: m.Text, Interrupted: m.Cut, OffsetMS: m.At.Milliseconds(),
		Timestamp: envelope.Time(zero.Add(m.At)),
	}
	if m.Turn > 0 {
		e.Turn = &m.Turn
	}
	if ms := m.Length.Milliseconds(); ms > 0 {
		e.DurationMS = &ms
	}
	for _, w := range m.WordTimes() {
		e.Words = append(e.Words, EntryWord{m.Text[w.From:w.To], w.At.Milliseconds(), w.Length.Milliseconds()})
	}
	return e
}

// Speaker is a role in the contract's words.
func Speaker(role string) string {
	switch pipeline.Role(role) {
	case pipeline.Assistant:
		return "agent"
	case pipeline.Caller:
		return "user"
	case pipeline.ToolRole:
		return "tool"
	default:
		return "system"
	}
}

// showTurns makes the list of exchanges.
func showTurns(rows []store.Turn) []Turn {
	turns := make([]Turn, 0, len(rows))
	for _, t := range rows {
		out := Turn{
			N: t.N, Why: t.Why, Said: envelope.Optional(t.Said), Text: envelope.Optional(t.Text), Heard: envelope.Optional(t.Heard), Interrupted: t.Cut,
			DurationMS: t.Sounded.Milliseconds(), Latency: t.Latency, Counts: t.Counts, Remembered: t.Remembered, Error: envelope.Optional(t.Error),
		}
		if t.At > 0 {
			ms := t.At.Milliseconds()
			out.OffsetMS = &ms
		}
		if l := t.Lookup; l != nil {
			out.Knowledge = &Lookup{Sources: []Source{}, DurationMS: float64(l.Took.Microseconds()) / 1000, Error: envelope.Optional(l.Error)}
			for _, s := range l.Sources {
				out.Knowledge.Sources = append(out.Knowledge.Sources, Source{s.Document, envelope.Optional(s.Place)})
			}
		}
		turns = append(turns, out)
	}
	return turns
}

// seconds has milliseconds and no more.
func seconds(d time.Duration) float64 {
	return math.Round(d.Seconds()*1000) / 1000
}
