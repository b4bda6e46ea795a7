package carrier

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gorilla/websocket"

	"parley/media/dtmf"
)

// A session is one socket of a stream: it keeps real time, sends what the caller does, and sounds what the agent sends.
type session struct {
	p      *placed
	d      *dialect
	socket *websocket.Conn
	params map[string]string
	layout layout // of sound in binary frames

	noun    *streamNoun
	start   time.Time
	slots   int64 // frames sent
	before  int64 // of them, or of the time that they would have taken, before this stream
	frame   []byte
	said    []int16
	playout playout
	ear     ear
	keys    *dtmf.Detector // of the agent's
	caller  *caller
	clears  []int64
	seq     int
}

// arrival is a message of the server's, or the end of the socket.
type arrival struct {
	at     time.Time
	binary bool
	text   []byte
	err    error
}

// writeWait is how long a message may take to leave.
const writeWait = 5 * time.Second

// fromServer is any message that a server may send.
type fromServer struct {
	Event     string `json:"event"`
	StreamSID string `json:"streamSid"`
	Media     struct {
		Payload     string `json:"payload"`
		ContentType string `json:"contentType"` // Plivo's, as the next is
		SampleRate  int    `json:"sampleRate"`
	} `json:"media"`
	Mark struct {
		Name string `json:"name"`
	} `json:"mark"`

	others
}

// stream connects to a server and lets the script run until the caller hangs up, the server closes the socket, or a step fails.
func (p *placed) stream(ctx context.Context, noun *streamNoun) error {
	p.result.StreamSID = sid("MZ")
	dialer := websocket.Dialer{NetDialContext: p.dial, HandshakeTimeout: 10 * time.Second}
	header := http.Header{"User-Agent": {p.speaks().agent}}
	maps.Copy(header, noun.header)
	dialer.Subprotocols = noun.protocols
	if p.speaks() == &twilioDialect { // others sign no upgrade
		header.Set("X-Twilio-Signature", sign(p.AuthToken, noun.url, nil))
	}
	asked := time.Now()
	socket, answer, err := dialer.DialContext(ctx, p.real(noun.url), header) //nolint:bodyclose // gorilla: it need not be closed
	if err != nil {
		if answer != nil {
			err = fmt.Errorf("%w: %s", err, answer.Status)
		}
		p.streamStatus(noun, "stream-error", "31920 - WebSocket - Handshake Error: "+err.Error())
		return fmt.Errorf("connect stream to %s: %w", noun.url, err)
	}
	p.result.Upgrade = Millis(time.Since(asked))
	socket.SetReadLimit(4 << 20)

	if p.session == nil {
		s := &session{p: p, d: p.speaks(), layout: noun.layout, ear: newEar(), keys: dtmf.NewDetector(Rate)}
		s.caller = &caller{script: p.Script, prompts: p.prompts, ear: &s.ear, stepped: p.Stepped, log: func(e Event) {
			p.result.Timeline = append(p.result.Timeline, e)
		}}
		p.session = s
	} else {
		p.note("carrier", "connected again", "")
	}
	s := p.session
	s.socket, s.noun, s.params, s.seq, p.parted = socket, noun, noun.params, 0, nil
	p.result.Streams++
	p.streamStatus(noun, "stream-started", "")
	err = s.run(ctx)
	p.streamStatus(noun, "stream-stopped", "")
	return err
}

// run is the session's whole life; its one other goroutine has ended when it returns.
func (s *session) run(ctx context.Context) error {
	arrivals := make(chan arrival, 64)
	gone := make(chan struct{})
	defer func() {
		s.socket.Close()
		close(gone)
		for range arrivals { // until read has ended
		}
	}()
	go s.read(arrivals, gone)
	if err := s.open(); err != nil {
		return fmt.Errorf("send start: %w", err)
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(time.Until(s.next()))
		select {
		case a := <-arrivals:
			s.sound(a.at)
			if a.err != nil {
				return s.closed(a.err)
			}
			if s.d.wire != nil {
				s.takeBinary(a)
			} else {
				s.take(a.text)
			}
		case <-timer.C:
			s.sound(time.Now())
		case <-ctx.Done():
			s.hangUp()
			return ctx.Err()
		}
		for time.Since(s.start) >= s.due() {
			leave, err := s.speak()
			if leave || err != nil {
				s.hangUp()
				s.linger(arrivals)
				s.p.end("caller")
				return err
			}
		}
	}
}

// read hands over messages with the time of their arrival until the socket ends.
func (s *session) read(arrivals chan<- arrival, gone <-chan struct{}) {
	defer close(arrivals)
	for {
		kind, text, err := s.socket.ReadMessage()
		select {
		case arrivals <- arrival{time.Now(), kind == websocket.BinaryMessage, text, err}:
		case <-gone:
			return
		}
		if err != nil {
			return
		}
	}
}

// due is when the frame in the making must leave: when its last sample has been spoken.
func (s *session) due() time.Duration { return timeOf((s.slots + 1) * slot) }

// next is when something has to be done unasked: a frame or a mark.
func (s *session) next() time.Time {
	due := s.due()
	if at, ok := s.playout.nextMark(); ok {
		due = min(due, timeOf(at))
	}
	return s.start.Add(due)
}

// open sends connected and start; the stream's time begins.
func (s *session) open() error {
	if w := s.d.wire; w != nil {
		s.start = time.Now()
		s.frame = make([]byte, 0, slot)
		s.fill(nil)
		if w.first == nil {
			return nil
		}
		return s.send(w.first(s))
	}
	hello := map[string]any{"event": "connected", "protocol": "Call", "version": "1.0.0"}
	if s.d.hello != nil {
		hello = s.d.hello()
	}
	if hello != nil {
		if err := s.send(hello); err != nil {
			return err
		}
	}
	if s.start.IsZero() {
		s.start = time.Now()
		s.frame = make([]byte, 0, slot)
	} else { // the caller's time went on meanwhile
		s.playout.clear()
		s.slots = sampleAt(time.Since(s.start)) / slot
		s.said = append(s.said, make([]int16, max(0, int(s.slots)*slot-len(s.said)))...)[:s.slots*slot]
	}
	s.before = s.slots
	s.fill(nil)
	return s.send(s.message("start", s.d.start(s)))
}

// message is one of the stream's, numbered, with its object by its own name.
func (s *session) message(event string, object any) map[string]any {
	m := map[string]any{"event": event, s.d.number: s.sequence(), s.d.stream: s.p.result.StreamSID, event: object}
	if s.d.shape != nil {
		s.d.shape(s, m)
	}
	return m
}

func (s *session) sequence() any {
	s.seq++
	if s.d.counts {
		return s.seq - 1
	}
	return strconv.Itoa(s.seq)
}

// tell sends a message. If it does not go out the reader will say why.
func (s *session) tell(message any) { _ = s.send(message) }

func (s *session) send(message any) error {
	s.socket.SetWriteDeadline(time.Now().Add(writeWait))
	return s.socket.WriteJSON(message)
}

// sound plays the agent's voice up to now, for the ear and the tape, and echoes the marks that were reached.
func (s *session) sound(now time.Time) {
	r := s.p.result
	from := len(r.Heard)
	var marks []string
	r.Heard, marks = s.playout.play(max(s.playout.at, sampleAt(now.Sub(s.start))), r.Heard)
	s.ear.hear(r.Heard[from:])
	for piece := range slices.Chunk(r.Heard[from:], slot) {
		if k, ok := s.keys.Hear(piece); ok {
			s.p.pressed(k)
		}
	}
	s.echo(marks)
}

// echo returns marks to the server. A failed write shows in the reader too.
func (s *session) echo(marks []string) {
	for _, name := range marks {
		s.p.note("carrier", "marked", name)
		s.p.result.Frames.Marks++
		if w := s.d.wire; w != nil {
			s.tell(w.marked(s, name))
			continue
		}
		s.tell(s.message("mark", map[string]string{"name": name}))
	}
}

// take does what a message of the server's says.
func (s *session) take(text []byte) {
	var m fromServer
	if err := json.Unmarshal(text, &m); err != nil {
		s.bad("not JSON: %v", err)
		return
	}
	if s.d.read != nil {
		if err := s.d.read(s, &m); err != nil {
			s.bad("%s: %v", m.Event, err)
			return
		}
	}
	if s.d.named && m.StreamSID != s.p.result.StreamSID {
		s.bad("%s: streamSid %q: want %s", m.Event, m.StreamSID, s.p.result.StreamSID)
		return
	}
	if m.key != 0 {
		s.p.pressed(dtmf.Press{Key: m.key, At: timeOf(s.playout.at)})
		return
	}
	switch m.Event {
	case "media":
		law, err := base64.StdEncoding.DecodeString(m.Media.Payload)
		if err != nil {
			s.bad("media: payload: %v", err)
			return
		}
		s.received(s.d.decode(law))
	case "mark":
		s.playout.mark(m.Mark.Name)
		s.sound(s.start) // returned at once when nothing is before it
	case "clear":
		s.takeClear()
	default:
		s.bad("event %q is unknown", m.Event)
	}
}

// received queues a message of the agent's sound.
func (s *session) received(pcm []int16) {
	f := &s.p.result.Frames
	f.Received++
	f.Audio += at(int64(len(pcm)))
	if n := len(s.clears); n > 0 && s.playout.at-s.clears[n-1] < slot {
		f.AfterClear++
	}
	s.playout.add(pcm)
}

// takeClear forgets what has not sounded.
func (s *session) takeClear() {
	s.p.result.Frames.Clears++
	s.p.note("agent", "cleared", at(s.playout.waiting).String()+" of audio")
	marks := s.playout.clear()
	w := s.d.wire
	switch {
	case s.d.cleared != nil:
		s.tell(s.d.cleared(s))
	case w == nil || !w.forgets:
		s.echo(marks)
	}
	if w != nil && w.cleared != nil {
		s.tell(w.cleared())
	}
	s.ear.split()
	s.clears = append(s.clears, s.playout.at)
}

func (s *session) bad(format string, args ...any) {
	f := &s.p.result.Frames
	if f.BadMessages++; f.FirstBad == "" {
		f.FirstBad = fmt.Sprintf(format, args...)
	}
}

// speak sends the frame that has just been spoken and asks the caller for the next.
func (s *session) speak() (leave bool, err error) {
	f := &s.p.result.Frames
	late := time.Since(s.start) - s.due()
	s.slots++
	f.Sent++
	if f.WorstSend = max(f.WorstSend, Millis(late)); late > 5*time.Millisecond {
		f.SentLate++
	}
	if s.d.wire != nil {
		s.speakBinary()
	} else {
		s.tell(s.message("media", map[string]string{
			"track": "inbound", "chunk": strconv.FormatInt(s.slots-s.before, 10), "timestamp": strconv.FormatInt((s.slots-s.before-1)*20, 10),
			"payload": base64.StdEncoding.EncodeToString(s.spoken()),
		}))
	}
	if timeOf(s.slots*slot) >= s.p.MaxLength {
		return true, fmt.Errorf("the call was still going after %v", s.p.MaxLength)
	}
	m, err := s.caller.next(s.slots * slot)
	if m.key != 0 && s.d.wire != nil {
		s.tell(s.d.wire.pressed(s, string(m.key)))
	} else if m.key != 0 {
		s.tell(s.message("dtmf", s.d.digit(string(m.key))))
	}
	s.fill(m.voice)
	return m.leave, err
}

// fill makes the next frame: the caller's voice, and silence for the rest of it.
func (s *session) fill(voice []int16) {
	s.frame = encodeMulaw(s.frame[:0], voice)
	for len(s.frame) < slot {
		s.frame = append(s.frame, silence)
	}
	s.said = decodeMulaw(s.said, s.frame)
}

// hangUp ends the stream as a caller's hang-up does.
func (s *session) hangUp() {
	if w := s.d.wire; w == nil {
		s.tell(s.message("stop", s.d.stop(s)))
	} else if w.gone != nil {
		s.tell(w.gone())
	}
	_ = s.socket.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
}

// linger lets a server whose sound is binary frames, and comes without a pause, answer the close frame: a socket that is closed with unread data is reset.
func (s *session) linger(arrivals <-chan arrival) {
	if s.d.wire == nil {
		return
	}
	enough := time.After(writeWait)
	for {
		select {
		case a := <-arrivals:
			if a.err != nil {
				return
			}
		case <-enough:
			return
		}
	}
}

// closed judges the socket's end: in good order it is the agent's hang-up, which the script must have been ready for. Where there is an action
// to ask, that tells whether the call goes on.
func (s *session) closed(err error) error {
	if websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway) {
		err = s.caller.forsaken()
	} else {
		err = fmt.Errorf("the server dropped the stream: %w", err)
	}
	if s.noun.action != "" {
		s.p.note("carrier", "lost the stream", "")
		s.p.parted = err
		s.p.http.CloseIdleConnections() // they may lead to a server that is dead
		return nil
	}
	s.p.end("agent")
	return err
}

// finish makes the result.
func (s *session) finish() {
	r, f := s.p.result, &s.p.result.Frames
	r.Said = s.said[:min(len(s.said), int(s.slots)*slot)]
	r.Length = at(int64(len(r.Heard)))
	f.Sounded, f.Dropped = at(s.playout.sounded), at(s.playout.dropped)
	f.Gaps, f.GapTime = s.playout.gaps, at(s.playout.gapTime)
	r.tell(s.caller.acts, &s.ear, s.playout.begun, s.clears)
}
