package openai

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"parley/pipeline"
	"parley/providers/chat"
	"parley/providers/wire"
)

// How OpenAI is listened to on a socket.
const (
	socketChunk = 100 * time.Millisecond
	socketRate  = 24000 // of PCM; there is no other
	itemsKnown  = 32    // that were completed, in case they are completed again
)

// listen opens a socket of realtime transcription, and waits until it has been told how to listen. The call's Ear decides where stretches
// end: each Ended commits what was sent since they began, which makes an item, whose words answer it. Between stretches nothing is sent.
//
//	Began ──▶ append, append, ... ──Ended──▶ commit ──▶ committed ──▶ delta, delta, ... ──▶ completed, by the item's id
//
// Wire: https://platform.openai.com/docs/guides/realtime-transcription
func (a *Audio) listen(ctx context.Context, o pipeline.Listening) (pipeline.Transcription, error) {
	enc, err := wire.EncodingFor(o.Rate)
	if err != nil {
		return nil, fmt.Errorf("openai: %w", err)
	}
	if enc.Width == 2 {
		enc.Rate = socketRate
	}
	session, err := a.session(o, enc)
	if err != nil {
		return nil, fmt.Errorf("openai: %w", err)
	}
	d := &scribe{audio: a, session: session}
	t, err := wire.Open(ctx, wire.Listening{
		Name: "openai", Encoding: enc, Rate: o.Rate, Chunk: socketChunk, Exact: true, Gated: true, Lang: o.Lang,
		FinalLimit: cmp.Or(a.FinalLimit, defaultFinalLimit), CloseLimit: cmp.Or(a.CloseLimit, defaultCloseLimit),
		Spare: &a.reels, Log: a.log().With("provider", "openai"),
	}, d)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// session is the message that says how to listen.
func (a *Audio) session(o pipeline.Listening, enc wire.Encoding) ([]byte, error) {
	format := map[string]any{"type": "audio/pcmu"}
	if enc.Width == 2 {
		format = map[string]any{"type": "audio/pcm", "rate": enc.Rate}
	}
	transcription := map[string]any{"model": a.sttModel()}
	lang, lists := language(o), contextual(a.sttModel())
	switch {
	case lang != "" && lists:
		transcription["languages"] = []string{lang}
	case lang != "":
		transcription["language"] = lang
	}
	if lists && len(o.Words) > 0 {
		transcription["keywords"] = o.Words
	}
	if prompt := a.prompt(o.Words); prompt != "" {
		transcription["prompt"] = prompt
	}
	return json.Marshal(map[string]any{"type": "session.update", "session": map[string]any{
		"type":  "transcription",
		"audio": map[string]any{"input": map[string]any{"format": format, "transcription": transcription, "turn_detection": nil}},
	}})
}

// A scribe is how realtime transcription is spoken on one call's sockets. It implements wire.Dialect.
type scribe struct {
	audio   *Audio
	session []byte

	commits int // on the socket; who sends counts them

	// of the socket, for who reads
	items []*heardItem // that are not completed, in the order of their commits
	known []string     // ids of those that were
	short int          // commits of too little
}

// A heardItem is a stretch, from its commit or its first words to their completion.
type heardItem struct {
	id   string
	text string
	done bool
}

// Dial implements wire.Dialect. A session that is refused is told here, and not in the middle of the call.
func (d *scribe) Dial(ctx context.Context) (*websocket.Conn, error) {
	to, err := d.audio.endpoint("realtime")
	if err != nil {
		return nil, err
	}
	address, err := wire.Address(to, "", map[string][]string{"intent": {"transcription"}})
	if err != nil {
		return nil, fmt.Errorf("openai: %w", err)
	}
	d.commits, d.items, d.known = 0, nil, nil
	limit := cmp.Or(d.audio.DialLimit, defaultDialLimit)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %v: %w", limit, context.DeadlineExceeded))
	defer cancel()
	header := http.Header{}
	d.audio.sign(header)
	conn, err := wire.Dialer{Limit: limit, Biggest: 16 << 10, NetDial: d.audio.NetDial}.Dial(ctx, address, header)
	if err != nil {
		return nil, d.Broken(err)
	}
	if err := wire.Write(conn, websocket.TextMessage, d.session); err != nil {
		_ = conn.Close()
		return nil, d.Broken(err)
	}
	for {
		text, err := wire.First(ctx, conn, limit)
		if err != nil {
			return nil, d.Broken(err)
		}
		e, err := decodeHeard(text)
		switch {
		case err == nil && e.Type != "session.updated" && e.Type != "transcription_session.updated" && e.Type != "error":
			continue // session.created
		case err == nil && e.Type == "error":
			err = d.refused(&e.Error)
		}
		if err != nil {
			_ = conn.Close()
			return nil, d.Broken(err)
		}
		return conn, nil
	}
}

// Audio implements wire.Dialect.
func (d *scribe) Audio(dst, audio []byte) (message []byte, kind int) {
	dst = append(dst, `{"type":"input_audio_buffer.append","audio":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, audio)
	return append(dst, `"}`...), websocket.TextMessage
}

// Ask implements wire.Dialect. Its id comes back with what is wrong with it, such as that there was too little to hear.
func (d *scribe) Ask() []byte {
	d.commits++
	return append(strconv.AppendInt([]byte(`{"type":"input_audio_buffer.commit","event_id":"commit_`), int64(d.commits), 10), `"}`...)
}

// Alive implements wire.Dialect: pings are enough.
func (d *scribe) Alive() []byte { return nil }

// Bye implements wire.Dialect: there is none.
func (d *scribe) Bye() []byte { return nil }

// Expect implements wire.Dialect: words are told when a socket is opened.
func (d *scribe) Expect([]string) []byte { return nil }

// Broken implements wire.Dialect.
func (d *scribe) Broken(err error) error {
	e := wire.AsError("openai", err)
	if said := chat.ServerError([]byte(e.Message)); e.Status != 0 && said.Message != "" {
		e.Code, e.Message = cmp.Or(e.Code, said.Code, said.Type), said.Message
	}
	return e.Clean(d.audio.Key)
}

// A heardEvent is what the server says. What it has besides is let through.
type heardEvent struct {
	Type       string       `json:"type"`
	Item       string       `json:"item_id"`
	Delta      string       `json:"delta"`
	Transcript string       `json:"transcript"`
	Error      heardProblem `json:"error"`
}

// A heardProblem is what an event says is wrong.
type heardProblem struct {
	Type    string `json:"type"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Event   string `json:"event_id"` // of the client's, that it is about
}

// decodeHeard reads one message.
func decodeHeard(text []byte) (e heardEvent, err error) {
	if err := json.Unmarshal(text, &e); err != nil {
		return e, fmt.Errorf("decode event: %w", err)
	}
	if e.Type == "" {
		return e, fmt.Errorf("decode event: field type is missing")
	}
	return e, nil
}

// refused is the failure that a problem tells of.
func (d *scribe) refused(p *heardProblem) error {
	e := &wire.Error{Vendor: "openai", Code: cmp.Or(p.Code, p.Type), Message: p.Message, Status: statusOfProblem(p)}
	return e.Clean(d.audio.Key)
}

// statusOfProblem is the status of HTTP that says the same as a problem; 0: none does.
func statusOfProblem(p *heardProblem) int {
	switch words := p.Code + " " + p.Type; {
	case strings.Contains(words, "api_key"), strings.Contains(words, "authentication"):
		return http.StatusUnauthorized
	case strings.Contains(words, "insufficient_quota"), strings.Contains(words, "billing"):
		return http.StatusPaymentRequired
	case strings.Contains(words, "rate_limit"):
		return http.StatusTooManyRequests
	case strings.Contains(words, "session_expired"), strings.Contains(words, "server_error"):
		return http.StatusServiceUnavailable
	case p.Type == "invalid_request_error":
		return http.StatusBadRequest
	}
	return 0
}

// Understand implements wire.Dialect.
func (d *scribe) Understand(text []byte, _ time.Duration) (h wire.Heard, err error) {
	e, err := decodeHeard(text)
	if err != nil {
		return h, err
	}
	switch e.Type {
	case "input_audio_buffer.committed":
		d.find(e.Item)
	case "conversation.item.input_audio_transcription.delta":
		if i := d.find(e.Item); i != nil && !i.done {
			i.text += e.Delta
			if i == d.items[0] {
				return wire.Heard{Told: true, Text: strings.TrimSpace(i.text)}, nil
			}
		}
	case "conversation.item.input_audio_transcription.completed":
		return d.complete(e.Item, e.Transcript), nil
	case "conversation.item.input_audio_transcription.failed":
		if status := statusOfProblem(&e.Error); status == http.StatusUnauthorized || status == http.StatusPaymentRequired {
			return wire.Heard{Failure: d.refused(&e.Error)}, nil
		}
		h = d.complete(e.Item, "")
		h.Warning = wire.Printable(e.Error.Code + " " + e.Error.Message)
	case "error":
		return d.wrong(&e.Error), nil
	}
	return h, nil
}

// find is the item of an id, which is new if it is not known; nil if it was completed.
func (d *scribe) find(id string) *heardItem {
	if slices.Contains(d.known, id) {
		return nil
	}
	if at := slices.IndexFunc(d.items, func(i *heardItem) bool { return i.id == id }); at >= 0 {
		return d.items[at]
	}
	i := &heardItem{id: id}
	d.items = append(d.items, i)
	return i
}

// complete takes the words of an item, and answers what can be answered in its order.
func (d *scribe) complete(id, text string) (h wire.Heard) {
	i := d.find(id)
	if i == nil {
		return h
	}
	i.text, i.done = strings.TrimSpace(text), true
	last := &h
	for len(d.items) > 0 && d.items[0].done {
		first := d.items[0]
		d.items = d.items[1:]
		if d.known = append(d.known, first.id); len(d.known) > itemsKnown {
			d.known = d.known[1:]
		}
		if last.Answer {
			last.Then = new(wire.Heard)
			last = last.Then
		}
		*last = wire.Heard{Told: true, Settled: true, Answer: true, Text: first.text}
	}
	return h
}

// wrong is what an error means. A commit of too little is answered: there were no words in it. Most others are the session's affair, which
// goes on.
func (d *scribe) wrong(p *heardProblem) wire.Heard {
	switch {
	case strings.HasPrefix(p.Event, "commit_") || p.Code == "input_audio_buffer_commit_empty":
		d.short++
		return d.complete("short_"+strconv.Itoa(d.short), "")
	case p.Code == "session_expired", p.Type == "invalid_request_error" && p.Event == "", statusOfProblem(p) == http.StatusUnauthorized:
		return wire.Heard{Failure: d.refused(p)}
	}
	return wire.Heard{Warning: wire.Printable(cmp.Or(p.Code, p.Type) + " " + p.Message)}
}
