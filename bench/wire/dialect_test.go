package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/bench/stamp"
	"parley/media/g711"
)

// law is 20 ms of mu-law codes that come back from linear sound, as all do but 0x7F, which is the other zero.
func law() []byte {
	codes := make([]byte, Samples)
	for i := range codes {
		codes[i] = byte(0xFF - i)
	}
	codes[0x80] = 0
	return codes
}

// linear is mu-law as 16 bits a sample, the lower byte first.
func linear(codes []byte) (b []byte) {
	pcm := make([]int16, len(codes))
	g711.Ulaw.Decode(pcm, codes)
	for _, s := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	return b
}

// dialects are all that there are.
var dialects = []*Dialect{Twilio, Telnyx, Plivo, SignalWire, Exotel, Vonage, Asterisk, FreeSWITCH, Genesys, AudioSocket}

var b64 = base64.StdEncoding.EncodeToString

// said are a dialect's own messages of a call, as the carriers' pages have them.
var said = map[*Dialect]struct {
	call   Call
	hello  []string
	media  [2]string // the first two, up to the sound; empty: they are binary frames
	after  string    // the sound
	mark   string    // of m
	key    string    // 5
	clear  string    // to a clear
	stop   string
	server map[string]Message // what servers say; of media without Payload
}{
	Telnyx: {
		call: Call{"3e6f995f", "v3:T02llQx", "32DE0DEA-53CB-4B21-89A4-9E1819C043BC", "+15550100001", "+15550100002", ""},
		hello: []string{
			`{"event":"connected","version":"1.0.0"}`,
			`{"event":"start","sequence_number":"100000","stream_id":"32DE0DEA-53CB-4B21-89A4-9E1819C043BC","start":{"user_id":"3e6f995f","call_control_id":"v3:T02llQx",` +
				`"call_session_id":"32DE0DEA-53CB-4B21-89A4-9E1819C043BC","from":"+15550100001","to":"+15550100002","client_state":"",` +
				`"media_format":{"encoding":"PCMU","sample_rate":8000,"channels":1}}}`,
		},
		media: [2]string{
			`{"event":"media","sequence_number":"100001","stream_id":"32DE0DEA-53CB-4B21-89A4-9E1819C043BC","media":{"track":"inbound","chunk":"100001","timestamp":"1000020","payload":"`,
			`{"event":"media","sequence_number":"100002","stream_id":"32DE0DEA-53CB-4B21-89A4-9E1819C043BC","media":{"track":"inbound","chunk":"100002","timestamp":"1000040","payload":"`,
		},
		after: `"}}`,
		mark:  `{"event":"mark","sequence_number":"1","stream_id":"32DE0DEA-53CB-4B21-89A4-9E1819C043BC","mark":{"name":"m"}}`,
		key:   `{"event":"dtmf","sequence_number":"1","stream_id":"32DE0DEA-53CB-4B21-89A4-9E1819C043BC","dtmf":{"digit":"5"}}`,
		stop:  `{"event":"stop","sequence_number":"1","stream_id":"32DE0DEA-53CB-4B21-89A4-9E1819C043BC","stop":{"user_id":"3e6f995f","call_control_id":"v3:T02llQx"}}`,
		server: map[string]Message{
			`{"event":"media","media":{"payload":"$sound"}}`:     {Kind: Media, Audio: FrameTime, Text: true},
			`{"media": {"payload": "$sound"}, "event": "media"}`: {Kind: Media, Audio: FrameTime, Text: true},
			`{"event":"mark","mark":{"name":"utt-7:end"}}`:       {Kind: Mark, Name: []byte("utt-7:end")},
			`{"event":"clear"}`:                    {Kind: Clear},
			`{"event": "clear", "stream_id": "x"}`: {Kind: Clear},
			`{"event":"checkpoint","streamId":"20170ada","name":"not this carrier's"}`: {},
		},
	},
	Plivo: {
		call: Call{"MAXXXXXXXXXXXXXXXXXX", "97ceeb52-58b6-11ec-86da-77300b68f8bb", "20170ada-f610-433b-8758-c02a2aab3662", "15550100001", "15550100002", ""},
		hello: []string{
			`{"sequenceNumber":100000,"event":"start","start":{"callId":"97ceeb52-58b6-11ec-86da-77300b68f8bb","streamId":"20170ada-f610-433b-8758-c02a2aab3662",` +
				`"accountId":"MAXXXXXXXXXXXXXXXXXX","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000}},"extra_headers":"{}"}`,
		},
		media: [2]string{
			`{"sequenceNumber":100001,"streamId":"20170ada-f610-433b-8758-c02a2aab3662","event":"media","media":{"track":"inbound","timestamp":"1778597597091","chunk":100001,"payload":"`,
			`{"sequenceNumber":100002,"streamId":"20170ada-f610-433b-8758-c02a2aab3662","event":"media","media":{"track":"inbound","timestamp":"1778597597111","chunk":100002,"payload":"`,
		},
		after: `"},"extra_headers":"{}"}`,
		mark:  `{"event":"playedStream","sequenceNumber":1,"streamId":"20170ada-f610-433b-8758-c02a2aab3662","name":"m"}`,
		key:   `{"event":"dtmf","streamId":"20170ada-f610-433b-8758-c02a2aab3662","sequenceNumber":1,"dtmf":{"track":"inbound","digit":"5","timestamp":"1778597598123"}}`,
		clear: `{"sequenceNumber":1,"event":"clearedAudio","streamId":"20170ada-f610-433b-8758-c02a2aab3662"}`,
		stop:  `{"event":"stop","sequenceNumber":1,"streamId":"20170ada-f610-433b-8758-c02a2aab3662","stop":{"callId":"97ceeb52-58b6-11ec-86da-77300b68f8bb"}}`,
		server: map[string]Message{
			`{"event":"playAudio","media":{"contentType":"audio/x-mulaw","sampleRate":8000,"payload":"$sound"},"streamId":"20170ada"}`:  {Kind: Media, Audio: FrameTime, Text: true},
			`{"event":"playAudio", "media":{"payload":"$sound","sampleRate":8000,"contentType":"audio/x-mulaw"},"streamId":"20170ada"}`: {Kind: Media, Audio: FrameTime, Text: true},
			`{"event":"checkpoint","streamId":"20170ada","name":"utt-7:end"}`:                                                           {Kind: Mark, Name: []byte("utt-7:end")},
			`{"event":"checkpoint","name":"a\"b"}`:         {Kind: Mark, Name: []byte(`a\"b`)},
			`{"event":"clearAudio","streamId":"20170ada"}`: {Kind: Clear},
			`{"event":"sendDTMF","dtmf":"5"}`:              {},
		},
	},
	Exotel: {
		call: Call{"AC1", "CA1", "MZ00000000000000000000000000000001", "+919876543210", "+918047491899", `{"key1":"value1"}`},
		hello: []string{
			`{"event":"connected"}`,
			`{"event":"start","sequence_number":"100000","stream_sid":"MZ00000000000000000000000000000001","start":{"stream_sid":"MZ00000000000000000000000000000001","call_sid":"CA1",` +
				`"account_sid":"AC1","from":"+919876543210","to":"+918047491899","custom_parameters":{"key1":"value1"},` +
				`"media_format":{"encoding":"audio/x-raw","sample_rate":"8000","bit_rate":"16"}}}`,
		},
		media: [2]string{
			`{"event":"media","sequence_number":"100001","stream_sid":"MZ00000000000000000000000000000001","media":{"chunk":"100001","timestamp":"1000020","payload":"`,
			`{"event":"media","sequence_number":"100002","stream_sid":"MZ00000000000000000000000000000001","media":{"chunk":"100002","timestamp":"1000040","payload":"`,
		},
		after: `"}}`,
		mark:  `{"event":"mark","sequence_number":"1","stream_sid":"MZ00000000000000000000000000000001","mark":{"name":"m"}}`,
		key:   `{"event":"dtmf","sequence_number":"1","stream_sid":"MZ00000000000000000000000000000001","dtmf":{"digit":"5","duration":"100"}}`,
		stop:  `{"event":"stop","sequence_number":"1","stream_sid":"MZ00000000000000000000000000000001","stop":{"call_sid":"CA1","account_sid":"AC1","reason":"callended"}}`,
		server: map[string]Message{
			`{"event":"media","stream_sid":"MZ1","media":{"payload":"$sound"}}`: {Kind: Media, Audio: FrameTime, Text: true},
			`{"event":"mark","stream_sid":"MZ1","mark":{"name":"utt-7:end"}}`:   {Kind: Mark, Name: []byte("utt-7:end")},
			`{"event":"clear","stream_sid":"MZ1"}`:                              {Kind: Clear},
		},
	},
	Vonage: {
		call:  Call{Params: `{"tenant":"acme","session":"ses_01"}`},
		hello: []string{`{"event":"websocket:connected","content-type":"audio/l16;rate=8000","tenant":"acme","session":"ses_01"}`},
		mark:  `{"event":"websocket:notify","payload":{"mark":"m"}}`,
		key:   `{"event":"websocket:dtmf","digit":"5","duration":260}`,
		clear: `{"event":"websocket:cleared"}`,
		server: map[string]Message{
			"": {Kind: Media, Audio: FrameTime},
			`{"action":"notify","payload":{"mark":"utt-7:end"}}`:     {Kind: Mark, Name: []byte("utt-7:end")},
			`{"action": "notify", "payload": {"mark": "utt-7:end"}}`: {Kind: Mark, Name: []byte("utt-7:end")},
			`{"action":"clear"}`: {Kind: Clear},
		},
	},
	Asterisk: {
		call: Call{ID: "pbx1-1760000000.12", From: "+15550100001", To: "+15550100002"},
		hello: []string{
			`{"event":"MEDIA_START","connection_id":"parley","channel":"WebSocket/parley/0x1","channel_id":"pbx1-1760000000.12","format":"ulaw","optimal_frame_size":160,"ptime":20,` +
				`"channel_variables":{"PARLEY_FROM":"+15550100001","PARLEY_TO":"+15550100002"}}`,
		},
		mark: `{"event":"MEDIA_MARK_PROCESSED","channel_id":"pbx1-1760000000.12","correlation_id":"m"}`,
		key:  `{"event":"DTMF_END","channel_id":"pbx1-1760000000.12","digit":"5"}`,
		server: map[string]Message{
			"": {Kind: Media, Audio: FrameTime},
			`{"command":"MARK_MEDIA","correlation_id":"utt-7"}`: {Kind: Mark, Name: []byte("utt-7")},
			`{"command":"FLUSH_MEDIA"}`:                         {Kind: Clear},
			`{"command":"HANGUP"}`:                              {},
		},
	},
	Genesys: {
		call: Call{"d7934305-0972-4844-938e-9060eef73d05", "e160e428-53e2-487c-977d-96989bf5c99d", "090eaa2f-72fa-480a-83e0-8667ff89c0ec", "+15550100001", "+15550100002", ""},
		hello: []string{
			`{"version":"2","type":"open","seq":1,"serverseq":0,"position":"PT0.000S","id":"e160e428-53e2-487c-977d-96989bf5c99d",` +
				`"parameters":{"organizationId":"d7934305-0972-4844-938e-9060eef73d05","conversationId":"090eaa2f-72fa-480a-83e0-8667ff89c0ec",` +
				`"participant":{"id":"090eaa2f-72fa-480a-83e0-8667ff89c0ec","ani":"+15550100001","aniName":"","dnis":"+15550100002"},` +
				`"media":[{"type":"audio","format":"PCMU","channels":["external"],"rate":8000}],"language":"en-US","inputVariables":{}}}`,
		},
		key:  `{"version":"2","type":"dtmf","seq":2,"serverseq":3,"position":"PT0.040S","id":"e160e428-53e2-487c-977d-96989bf5c99d","parameters":{"digit":"5"}}`,
		stop: `{"version":"2","type":"close","seq":3,"serverseq":3,"position":"PT0.040S","id":"e160e428-53e2-487c-977d-96989bf5c99d","parameters":{"reason":"end"}}`,
		server: map[string]Message{
			"": {Kind: Media, Audio: FrameTime},
			`{"version":"2","type":"opened","seq":1,"clientseq":1,"id":"x","parameters":{"startPaused":false}}`:                                       {Kind: Opened, Number: 1},
			`{"version":"2","type":"event","seq":2,"clientseq":1,"id":"x","parameters":{"entities":[{"type":"barge_in","data":{}}]}}`:                 {Kind: Clear, Number: 2},
			`{"version":"2","type":"disconnect","seq":3,"clientseq":1,"id":"x","parameters":{"reason":"completed","outputVariables":{}}}`:             {Kind: Leave, Number: 3, Code: 1000},
			`{"version":"2","type":"disconnect","seq":4,"clientseq":1,"id":"x","parameters":{"reason":"error","info":"no more calls are taken now"}}`: {Kind: Leave, Number: 4, Code: 1011, Reason: []byte("no more calls are taken now")},
			`{"version":"2","type":"closed","seq":5,"clientseq":2,"id":"x","parameters":{}}`:                                                          {Number: 5},
		},
	},
	FreeSWITCH: {
		call:  Call{ID: "97ceeb52", From: "1001", To: "2000"},
		hello: []string{`{"uuid":"97ceeb52","from":"1001","to":"2000"}`},
		key:   `{"event":"dtmf","digit":"5"}`,
		server: map[string]Message{
			"": {Kind: Media, Audio: FrameTime},
			`{"type":"rawAudio","data":{"sampleRate":8000}}`:                                                {},
			`{"type":"streamAudio","data":{"audioDataType":"raw","sampleRate":8000,"audioData":"$sound"}}`:  {Kind: Media, Audio: FrameTime, Text: true},
			`{"type":"streamAudio","data":{"audioData":"$sound","audioDataType":"raw","sampleRate":8000 }}`: {Kind: Media, Audio: FrameTime, Text: true},
		},
	},
}

// opened reads a client's frame of sound as a server does.
func opened(t *testing.T, b []byte) (codes []byte) {
	t.Helper()
	if b[0] != 0x82 || len(b) < 8 || int(binary.BigEndian.Uint16(b[2:])) != len(b)-8 {
		t.Fatalf("frame %x", b)
	}
	for i, c := range b[8:] {
		codes = append(codes, c^b[4+i&3])
	}
	return codes
}

// sounds is the sound of a media frame, which has to begin and end so.
func (d *Dialect) sounds(t *testing.T, frame []byte, before, after string) (codes []byte) {
	t.Helper()
	if d.binary {
		codes = opened(t, frame)
	} else {
		text, rest := unmask(t, frame)
		inner, begins := strings.CutPrefix(strings.TrimLeft(string(text), " "), before)
		inner, ends := strings.CutSuffix(inner, after)
		var err error
		if codes, err = base64.StdEncoding.DecodeString(inner); err != nil || !begins || !ends || len(rest) != 0 || !json.Valid(text) {
			t.Fatalf("%s: %s, want %s", d.Name, text, before)
		}
	}
	if d.linear {
		codes = lawOf(codes)
	}
	return codes
}

// Every dialect says what its carrier's page has, byte by byte.
func TestDialectSays(t *testing.T) {
	t.Parallel()
	for d, c := range said {
		k := NewKey()
		texts := func(frames []byte) (all []string) {
			for len(frames) > 0 && frames[0] == 0x81 {
				text, rest := unmask(t, frames)
				all, frames = append(all, string(text)), rest
				if !json.Valid(text) {
					t.Errorf("%s: %s is no JSON", d.Name, text)
				}
			}
			return all
		}
		l := d.NewLine(k, c.call)
		p, err := d.NewPayload(k, law())
		if err != nil {
			t.Fatal(err)
		}
		if got := d.sounds(t, l.Media(p), c.media[0], c.after); !bytes.Equal(got, law()) {
			t.Errorf("%s: the sound is %x", d.Name, got)
		}
		got := d.sounds(t, l.Stamped(p, 12345*time.Second), c.media[1], c.after)
		if at, next := stamp.Find(got); at != 12345*time.Second || !bytes.Equal(got[next:], law()[next:]) {
			t.Errorf("%s: stamp %v: %x", d.Name, at, got)
		}
		want := slices.Concat(c.hello, some(c.mark), some(c.key), some(c.clear), some(c.stop))
		all := texts(d.Hello(k, nil, c.call))
		if d.mark != "" {
			all = append(all, texts(l.Mark(nil, []byte("m")))...)
		}
		l.Heard(&Message{Number: 3}) // where they are counted
		all = append(all, texts(l.Press(nil, '5'))...)
		all = append(all, texts(l.Cleared(nil))...)
		all = append(all, texts(l.Stop(nil))...)
		if diff := cmp.Diff(want, all); diff != "" {
			t.Errorf("%s: -want +got\n%s", d.Name, diff)
		}
	}
}

// some is a text, if there is one.
func some(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

// heardBy is a server's frame in a dialect: a text, or sound.
func heardBy(d *Dialect, text string) []byte {
	codes := law()
	if d.linear {
		codes = linear(codes)
	}
	if text == "" {
		b := framed(string(codes))
		b[0] = 0x82
		return b
	}
	return framed(strings.ReplaceAll(text, "$sound", b64(codes)))
}

// Every dialect hears what servers say, however they write it, and the sound is what it was.
func TestDialectHears(t *testing.T) {
	t.Parallel()
	for d, c := range said {
		for text, want := range c.server {
			in := heardBy(d, text)
			got, size, err := d.Parse(in)
			if err != nil || size != len(in) {
				t.Errorf("%s: %s: %d bytes of %d, %v", d.Name, text, size, len(in), err)
			}
			if got.Kind == Media {
				room := make([]byte, 7)
				for range 2 {
					if heard, err := d.Law(&room, &got); err != nil || !bytes.Equal(heard, law()) {
						t.Errorf("%s: %s: %v, the sound is %x", d.Name, text, err, heard)
					}
				}
				got.Payload = nil
			}
			if len(got.Reason) == 0 {
				got.Reason = nil
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s: -want +got\n%s", d.Name, text, diff)
			}
		}
	}
	for _, c := range []struct {
		d          *Dialect
		text, want string
	}{
		{Plivo, `{"event":"playAudio","media":{"contentType":"audio/x-l16","sampleRate":8000,"payload":"AAAA"}}`, "bad media message: audio/x-l16 at 8000: want audio/x-mulaw at 8000"},
		{FreeSWITCH, `{"type":"streamAudio","data":{"audioDataType":"wav","sampleRate":8000,"audioData":"AAAA"}}`, "bad media message: wav at 8000: want raw at 8000"},
		{Exotel, `{"event":"media","stream_sid":"MZ1","media":{"payload":"AAAA"}}`, "bad media message: 3 bytes of sound"},
		{Vonage, `hello`, "read the server's message"},
	} {
		if _, _, err := c.d.Parse(framed(c.text)); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %s: %v, want %s", c.d.Name, c.text, err, c.want)
		}
	}
	if _, _, err := Vonage.Parse([]byte{0x82, 1, 0}); err == nil {
		t.Error("half a sample is taken")
	}
	if m, _, err := Twilio.Parse([]byte{0x82, 1, 0}); err != nil || m.Kind != Other {
		t.Errorf("a binary frame to Twilio: %+v, %v", m, err)
	}
}

// Nothing allocates for a frame, nor for a mark that is written as most servers write it.
func TestDialectsAllocateNothing(t *testing.T) {
	socketAllocatesNothing(t)
	for d, c := range said {
		k := NewKey()
		l := d.NewLine(k, c.call)
		p, err := d.NewPayload(k, law())
		if err != nil {
			t.Fatal(err)
		}
		var in [][]byte
		for text := range c.server {
			for _, p := range []phrase{d.sound, d.asks, d.forget} { // what is written otherwise is rare
				if text == "" || p.begun([]byte(text)) {
					in = append(in, heardBy(d, text))
					break
				}
			}
		}
		room, out := make([]byte, 1000), make([]byte, 0, 1000)
		if n := testing.AllocsPerRun(100, func() {
			l.Media(p)
			l.Stamped(p, time.Second)
			out = l.Mark(l.Cleared(out[:0]), []byte("0:12345"))
			for _, b := range in {
				m, _, err := d.Parse(b)
				if err != nil {
					t.Fatal(err)
				}
				if m.Kind != Media {
					continue
				}
				if _, err := d.Law(&room, &m); err != nil {
					t.Fatal(err)
				}
			}
		}); n != 0 || len(in) == 0 {
			t.Errorf("%s: %v allocations a frame of %d", d.Name, n, len(in))
		}
	}
}

// AudioSocket has messages of its own.
func TestAudioSocket(t *testing.T) {
	t.Parallel()
	k := NewKey()
	c := Call{ID: "97ceeb52-58b6-11ec-86da-77300b68f8bb"}
	l := AudioSocket.NewLine(k, c)
	p, err := AudioSocket.NewPayload(k, law())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := AudioSocket.Hello(k, nil, c), []byte("\x01\x00\x10\x97\xce\xeb\x52\x58\xb6\x11\xec\x86\xda\x77\x30\x0b\x68\xf8\xbb"); !bytes.Equal(got, want) {
		t.Errorf("hello %x", got)
	}
	sound := append([]byte{0x10, 0x01, 0x40}, linear(law())...)
	if got := l.Media(p); !bytes.Equal(got, sound) {
		t.Errorf("sound %x", got)
	}
	if at, _ := stamp.Find(lawOf(l.Stamped(p, time.Hour)[3:])); at != time.Hour {
		t.Errorf("stamp %v", at)
	}
	if got := l.Stop(l.Press(nil, '5')); !bytes.Equal(got, []byte{0x03, 0, 1, '5', 0, 0, 0}) {
		t.Errorf("a key and the end: %x", got)
	}
	var room []byte
	m, size, err := AudioSocket.Parse(append(sound, 0))
	if heard, bad := AudioSocket.Law(&room, &m); err != nil || bad != nil || size != len(sound) || m.Audio != FrameTime || !bytes.Equal(heard, law()) {
		t.Errorf("%d bytes of %d, %v, %v: %x", size, len(sound), err, bad, heard)
	}
	if m, size, err := AudioSocket.Parse([]byte{0, 0, 0}); err != nil || size != 3 || m.Kind != Close || m.Code != 1000 {
		t.Errorf("a hang-up: %+v, %d, %v", m, size, err)
	}
	if _, size, err := AudioSocket.Parse(sound[:300]); size != 0 || err != nil {
		t.Errorf("half a message: %d, %v", size, err)
	}
	for _, bad := range [][]byte{{0x12, 0, 2, 0, 0}, {0x10, 0, 1, 0}, {0x10, 0, 0}} {
		if _, _, err := AudioSocket.Parse(bad); err == nil {
			t.Errorf("%x is taken", bad)
		}
	}
}

func socketAllocatesNothing(t *testing.T) {
	t.Helper()
	k := NewKey()
	l, room, sound := AudioSocket.NewLine(k, one), []byte(nil), append([]byte{0x10, 0x01, 0x40}, linear(law())...)
	p, err := AudioSocket.NewPayload(k, law())
	if n := testing.AllocsPerRun(100, func() {
		l.Media(p)
		l.Stamped(p, time.Second)
		var m Message
		if m, _, err = AudioSocket.Parse(sound); err == nil {
			_, err = AudioSocket.Law(&room, &m)
		}
	}); n != 0 || err != nil {
		t.Errorf("AudioSocket: %v allocations a frame, %v", n, err)
	}
}

// lawOf is linear sound as mu-law.
func lawOf(b []byte) []byte {
	pcm := make([]int16, len(b)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	codes := make([]byte, len(pcm))
	g711.Ulaw.Encode(codes, pcm)
	return codes
}

// FuzzDialects: whatever a server sends, to whatever dialect, is a message, half of one, or an error that says so; and its sound can be read.
func FuzzDialects(f *testing.F) {
	for i, d := range dialects {
		for text := range said[d].server {
			f.Add(byte(i), heardBy(d, text))
		}
	}
	f.Add(byte(9), append([]byte{0x10, 0x01, 0x40}, linear(law())...))
	f.Fuzz(func(t *testing.T, which byte, b []byte) {
		d := dialects[int(which)%len(dialects)]
		m, size, err := d.Parse(b)
		if size < 0 || size > len(b) || err == nil && size == 0 && m.Kind != Other {
			t.Fatalf("%s: size %d of %d: %+v, %v", d.Name, size, len(b), m, err)
		}
		if err != nil || m.Kind != Media {
			return
		}
		room := []byte{}
		if codes, err := d.Law(&room, &m); m.Audio <= 0 || err == nil && time.Duration(len(codes))*time.Second/8000 != m.Audio {
			t.Errorf("%s: %d samples, %v", d.Name, len(codes), m.Audio)
		}
	})
}
