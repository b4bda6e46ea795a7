package carrier

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// This file has the carriers whose streams are Twilio's in JSON, but further from it than Telnyx'.

// others are what messages of servers have that Twilio's have not.
type others struct {
	StreamID    string `json:"streamId"`
	StreamSnake string `json:"stream_sid"`
	Name        string `json:"name"`
	DTMF        string `json:"dtmf"`

	key rune // what DTMF presses
}

// plivoDialect is Plivo's, as clients and servers of others' have it; its signature is that of Plivo's own library.
var plivoDialect = dialect{
	agent:  "Plivo",
	call:   uuid,
	stream: "streamId", number: "sequenceNumber", named: true, counts: true, words: plivoWords,
	sign: func(c *Call, r *http.Request, target, _ string, form url.Values) {
		nonce := sid("")
		r.Header.Set("X-Plivo-Signature-V3-Nonce", nonce)
		r.Header.Set("X-Plivo-Signature-V3", signPlivo(c.AuthToken, target, nonce, form))
	},
	form: func(p *placed, extra url.Values) url.Values {
		f := url.Values{
			"CallUUID": {p.result.CallSID}, "From": {strings.TrimPrefix(p.From, "+")}, "To": {strings.TrimPrefix(p.To, "+")},
			"Direction": {"inbound"}, "Event": {"StartApp"},
		}
		maps.Copy(f, extra)
		return f
	},
	bare:  plivoStream,
	hello: func() map[string]any { return nil },
	start: func(s *session) map[string]any {
		return map[string]any{
			"callId": s.p.result.CallSID, "streamId": s.p.result.StreamSID, "accountId": s.p.AccountSID, "tracks": []string{"inbound"},
			"mediaFormat": map[string]any{"encoding": "audio/x-mulaw", "sampleRate": Rate},
		}
	},
	digit: func(key string) map[string]string {
		return map[string]string{"track": "inbound", "digit": key, "timestamp": strconv.FormatInt(time.Now().UnixMilli(), 10)}
	},
	stop: func(s *session) map[string]string { return map[string]string{"callId": s.p.result.CallSID} },
	shape: func(s *session, m map[string]any) {
		switch m["event"] {
		case "start":
			delete(m, "streamId")
			m["extra_headers"] = "{}"
		case "media":
			m["media"] = map[string]any{
				"track": "inbound", "timestamp": strconv.FormatInt(s.start.UnixMilli()+(s.slots-1)*20, 10), "chunk": s.slots,
				"payload": m["media"].(map[string]string)["payload"],
			}
			m["extra_headers"] = "{}"
		case "mark":
			m["event"], m["name"] = "playedStream", m["mark"].(map[string]string)["name"]
			delete(m, "mark")
		}
	},
	read: func(s *session, m *fromServer) error {
		m.StreamSID = m.StreamID
		switch m.Event {
		case "playAudio":
			m.Event = "media"
			if m.Media.ContentType != "audio/x-mulaw" || m.Media.SampleRate != Rate {
				return fmt.Errorf("contentType %q at %d: want audio/x-mulaw at %d", m.Media.ContentType, m.Media.SampleRate, Rate)
			}
		case "checkpoint":
			m.Event, m.Mark.Name = "mark", m.Name
		case "clearAudio":
			m.Event = "clear"
		case "sendDTMF":
			if m.StreamSID = s.p.result.StreamSID; len(m.DTMF) != 1 || !strings.Contains("0123456789*#ABCD", m.DTMF) {
				return fmt.Errorf("dtmf %q: want a key", m.DTMF)
			}
			m.key = rune(m.DTMF[0])
		default:
			return errors.New("no such event of Plivo's")
		}
		return nil
	},
	cleared: func(s *session) map[string]any {
		return map[string]any{"event": "clearedAudio", "sequenceNumber": s.sequence(), "streamId": s.p.result.StreamSID}
	},
}

// plivoWords makes the fields of a webhook Plivo's: those of placed calls name their request, and a call's end its cause (plivo.com/docs/voice/xml/request).
func plivoWords(p *placed, form url.Values) {
	status, seconds := form.Get("CallStatus"), form.Get("CallDuration")
	for _, name := range []string{"CallbackSource", "SequenceNumber", "Timestamp", "CallDuration", "SipResponseCode"} {
		form.Del(name)
	}
	if p.outward {
		form.Set("Direction", "outbound")
		form.Set("ALegUUID", p.result.CallSID)
		form.Set("ALegRequestUUID", p.result.CallSID)
	}
	switch {
	case over(status):
		form.Set("Event", "Hangup")
		if status == "canceled" {
			form.Set("CallStatus", "cancel")
		}
		form.Set("HangupCause", map[string]string{"completed": "NORMAL_CLEARING", "busy": "USER_BUSY", "no-answer": "NO_ANSWER", "canceled": "ORIGINATOR_CANCEL"}[status])
		if seconds != "" {
			form.Set("Duration", seconds)
		}
	case status == "ringing" && p.outward:
		form.Set("Event", "Ring")
	}
}

// exotelDialect is Exotel's (developer.exotel.com, AgentStream): linear sound, and large pieces of it.
var exotelDialect = dialect{
	agent:  "Exotel",
	call:   func() string { return sid("") },
	stream: "stream_sid", number: "sequence_number", named: true, linear: true,
	sign: func(c *Call, r *http.Request, _, _ string, _ url.Values) {
		user, password, _ := strings.Cut(c.AuthToken, ":")
		r.SetBasicAuth(user, password)
	},
	form: func(p *placed, told url.Values) url.Values {
		f := url.Values{"CallSid": {p.result.CallSID}, "CallFrom": {p.From}, "CallTo": {p.To}, "Direction": {"incoming"}}
		if p.outward { // CallFrom is who is called. That an applet is told the CustomField is not known
			f = url.Values{"CallSid": {p.result.CallSID}, "CallFrom": {dialled(p.To)}, "CallTo": {dialled(p.From)}, "Direction": {"outbound-dial"}}
		}
		maps.Copy(f, told)
		return f
	},
	hello: func() map[string]any { return map[string]any{"event": "connected"} },
	start: func(s *session) map[string]any {
		from, to := s.p.From, s.p.To
		if s.p.outward {
			from, to = to, from
		}
		return map[string]any{
			"stream_sid": s.p.result.StreamSID, "call_sid": s.p.result.CallSID, "account_sid": s.p.AccountSID, "from": from, "to": to,
			"custom_parameters": s.params,
			"media_format":      map[string]any{"encoding": "audio/x-raw", "sample_rate": strconv.Itoa(Rate), "bit_rate": "16"},
		}
	},
	digit: func(key string) map[string]string { return map[string]string{"digit": key, "duration": "100"} },
	stop: func(s *session) map[string]string {
		return map[string]string{"call_sid": s.p.result.CallSID, "account_sid": s.p.AccountSID, "reason": "callended"}
	},
	shape: func(_ *session, m map[string]any) {
		if sound, ok := m["media"].(map[string]string); ok {
			delete(sound, "track")
		}
	},
	read: func(_ *session, m *fromServer) error {
		m.StreamSID = m.StreamSnake
		sound, err := base64.StdEncoding.DecodeString(m.Media.Payload)
		if n := len(sound); err == nil && m.Event == "media" && (n < 3200 || n > 100_000 || n%320 != 0) {
			return fmt.Errorf("%d bytes of sound: want a multiple of 320, from 3200 to 100000", n)
		}
		return nil
	},
}

// signalwireDialect is SignalWire's: Twilio's messages, a signature by its key in a header of its own, and a bearer token on the socket.
var signalwireDialect = func() dialect {
	d := twilioDialect
	d.agent, d.call = "SignalWire", uuid
	d.sign = func(c *Call, r *http.Request, target, _ string, form url.Values) {
		r.Header.Set("X-SignalWire-Signature", sign(c.AuthToken, target, form))
	}
	return d
}()

// signPlivo is X-Plivo-Signature-V3 of a POST: base64 of HMAC-SHA256 over the URL, its query in order, the form in order, and the nonce.
func signPlivo(token, target, nonce string, form url.Values) string {
	path, text, _ := strings.Cut(target, "?")
	query, _ := url.ParseQuery(text)
	var told, posted []string
	for name, values := range query {
		for _, value := range values {
			told = append(told, name+"="+value)
		}
	}
	slices.Sort(told)
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, value := range slices.Sorted(slices.Values(form[name])) {
			posted = append(posted, name+value)
		}
	}
	switch {
	case len(told) > 0 && len(posted) > 0:
		path += "?" + strings.Join(told, "&") + "."
	case len(told) > 0 || len(posted) > 0:
		path += "?" + strings.Join(told, "&")
	}
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte(path + strings.Join(posted, "") + "." + nonce))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// plivoStream reads Plivo's <Stream>, whose URL is its text.
func plivoStream(p *placed, e element) (*streamNoun, error) {
	u, err := url.Parse(e.text())
	switch {
	case err != nil:
		return nil, fmt.Errorf("<Stream>: url: %w", err)
	case u.Scheme != "wss" && (u.Scheme != "ws" || p.Connect == "" && !isLoopback(u.Hostname())):
		return nil, fmt.Errorf("<Stream>: url %q: want wss://", e.text())
	case e.attr("bidirectional", "false") != "true":
		return nil, errors.New("<Stream>: bidirectional is not true: nothing that is sent would sound")
	case e.attr("keepCallAlive", "false") != "true":
		return nil, errors.New("<Stream>: keepCallAlive is not true: the call would end at once")
	case e.attr("contentType", "audio/x-l16;rate=8000") != "audio/x-mulaw;rate=8000":
		return nil, fmt.Errorf("<Stream>: contentType %q: this simulation speaks audio/x-mulaw;rate=8000", e.attr("contentType", ""))
	}
	return &streamNoun{url: e.text()}, nil
}

// placeByApplet makes a call of Exotel's.
func (p *placed) placeByApplet(ctx context.Context) error {
	noun, err := p.applet(ctx)
	if err != nil {
		return err
	}
	return p.stream(ctx, noun)
}

// applet is the stream that an applet of Exotel's opens: it knows where the socket is, or asks a page.
func (p *placed) applet(ctx context.Context) (*streamNoun, error) {
	target, header := p.URL, http.Header{}
	if strings.HasPrefix(target, "http") {
		asked := time.Now()
		body, err := p.request(ctx, http.MethodGet, target, p.form(nil))
		if err != nil {
			return nil, fmt.Errorf("applet's page: %w", err)
		}
		p.result.Webhook = Millis(time.Since(asked))
		var page struct {
			URL string `json:"url"`
		}
		if err := json.Unmarshal(body, &page); err != nil || page.URL == "" {
			return nil, fmt.Errorf("applet's page: url is missing in %.200q", body)
		}
		target = page.URL
	} else {
		r := &http.Request{Header: header}
		p.speaks().sign(&p.Call, r, target, "", nil)
	}
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("applet: url: %w", err)
	}
	query := u.Query()
	if rate := cmp.Or(query.Get("sample-rate"), "8000"); rate != strconv.Itoa(Rate) {
		return nil, fmt.Errorf("applet: sample-rate %s: this simulation speaks at %d", rate, Rate)
	}
	query.Del("sample-rate")
	noun := &streamNoun{url: target, header: header, params: map[string]string{}}
	for name, values := range query {
		noun.params[name] = values[0]
	}
	return noun, nil
}

// decode is the sound of a message.
func (d *dialect) decode(sound []byte) []int16 {
	if !d.linear {
		return decodeMulaw(make([]int16, 0, len(sound)), sound)
	}
	pcm := make([]int16, len(sound)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(sound[2*i:])) //nolint:gosec // the sign is in the top bit
	}
	return pcm
}

// spoken is the frame in the making, as the dialect writes sound.
func (s *session) spoken() []byte {
	if !s.d.linear {
		return s.frame
	}
	var b []byte
	for _, v := range s.said[len(s.said)-slot:] {
		b = binary.LittleEndian.AppendUint16(b, uint16(v)) //nolint:gosec // as above
	}
	return b
}
