package carrier

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestPlivoSignature holds the simulated Plivo's signatures to vectors that Plivo's own library made.
func TestPlivoSignature(t *testing.T) {
	t.Parallel()
	p := url.Values{"CallUUID": {"97ceeb52"}, "From": {"15550100001"}, "To": {"15550100002"}}
	for _, v := range []struct {
		target string
		form   url.Values
		want   string
	}{
		{"https://gw.example.net/plivo/answer?tenant=acme", p, "8geiRg8QVqH5Gdjk2IUlS/6ugyDtOrSUD82NIOepdy0="},
		{"https://gw.example.net/plivo/answer", p, "Zkbxi3biB8bICmWM0GHsxWucMUR3/jmsykNA7kBguKI="},
		{"https://gw.example.net/plivo/answer", nil, "MUFYYonUpvaQYkF6pFVyYHD/XBaG3hL39B57IU+h8IA="},
	} {
		if got := signPlivo("MA0TESTTOKEN00000001", v.target, "12345678901234567890", v.form); got != v.want {
			t.Errorf("%s %v: %s, want %s", v.target, v.form, got, v.want)
		}
	}
}

// TestFamilySays compares what the simulated carriers say with what the real ones do, as the wire sheet has it.
func TestFamilySays(t *testing.T) {
	t.Parallel()
	sound := map[string]string{"track": "inbound", "chunk": "1", "timestamp": "0", "payload": "AAAA"}
	for kind, want := range map[Kind][]string{
		Plivo: {
			`{"sequenceNumber":0,"event":"start","start":{"callId":"CALL","streamId":"STREAM","accountId":"MA1","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000}},"extra_headers":"{}"}`,
			`{"sequenceNumber":1,"streamId":"STREAM","event":"media","media":{"track":"inbound","timestamp":"1778597597091","chunk":1,"payload":"AAAA"},"extra_headers":"{}"}`,
			`{"event":"playedStream","sequenceNumber":2,"streamId":"STREAM","name":"utt-7:end"}`,
			`{"event":"stop","sequenceNumber":3,"streamId":"STREAM","stop":{"callId":"CALL"}}`,
		},
		Exotel: {
			`{"event":"start","sequence_number":"1","stream_sid":"STREAM","start":{"stream_sid":"STREAM","call_sid":"CALL","account_sid":"MA1","from":"+1","to":"+2","custom_parameters":{"key1":"value1"},"media_format":{"encoding":"audio/x-raw","sample_rate":"8000","bit_rate":"16"}}}`,
			`{"event":"media","sequence_number":"2","stream_sid":"STREAM","media":{"chunk":"1","timestamp":"0","payload":"AAAA"}}`,
			`{"event":"mark","sequence_number":"3","stream_sid":"STREAM","mark":{"name":"utt-7:end"}}`,
			`{"event":"stop","sequence_number":"4","stream_sid":"STREAM","stop":{"call_sid":"CALL","account_sid":"MA1","reason":"callended"}}`,
		},
	} {
		call := Call{Kind: kind, AccountSID: "MA1", From: "+1", To: "+2"}
		s := &session{
			p: &placed{Call: call, result: &Result{CallSID: "CALL", StreamSID: "STREAM"}}, d: dialects[kind], params: map[string]string{"key1": "value1"},
			start: time.UnixMilli(1778597597091), slots: 1,
		}
		for i, m := range []map[string]any{
			s.message("start", s.d.start(s)), s.message("media", sound), s.message("mark", map[string]string{"name": "utt-7:end"}), s.message("stop", s.d.stop(s)),
		} {
			if diff := cmp.Diff(generic(t, want[i]), generic(t, m)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", kind, diff)
			}
		}
	}
}

// generic is what text says, or what a message says as text.
func generic(t *testing.T, v any) (m map[string]any) {
	t.Helper()
	text, ok := v.(string)
	if !ok {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		text = string(b)
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestFamilyHears gives the simulated carriers messages of a server's that are wrong, and one that is right.
func TestFamilyHears(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind       Kind
		text, want string
	}{
		"another codec":   {Plivo, `{"event":"playAudio","streamId":"STREAM","media":{"contentType":"audio/x-l16","sampleRate":8000,"payload":"AAAA"}}`, "contentType"},
		"Twilio's":        {Plivo, `{"event":"media","streamId":"STREAM","media":{"payload":"AAAA"}}`, "no such event"},
		"no key":          {Plivo, `{"event":"sendDTMF","dtmf":"55"}`, "want a key"},
		"another stream":  {Plivo, `{"event":"clearAudio","streamId":"X"}`, "want STREAM"},
		"a key":           {Plivo, `{"event":"sendDTMF","dtmf":"#"}`, ""},
		"a clear":         {Exotel, `{"event":"clear","stream_sid":"STREAM"}`, ""},
		"too little":      {Exotel, `{"event":"media","stream_sid":"STREAM","media":{"payload":"` + strings.Repeat("AAAA", 100) + `"}}`, "300 bytes"},
		"an odd piece":    {Exotel, `{"event":"media","stream_sid":"STREAM","media":{"payload":"` + strings.Repeat("AAAA", 1100) + `"}}`, "3300 bytes"},
		"a piece":         {Exotel, `{"event":"media","stream_sid":"STREAM","media":{"payload":"` + strings.Repeat("AAAA", 1280) + `"}}`, ""},
		"another's clear": {Exotel, `{"event":"clear","streamSid":"STREAM"}`, "want STREAM"},
	} {
		var m fromServer
		if err := json.Unmarshal([]byte(test.text), &m); err != nil {
			t.Fatal(err)
		}
		s := &session{p: &placed{Call: Call{Kind: test.kind}, result: &Result{StreamSID: "STREAM"}}, d: dialects[test.kind]}
		got := ""
		if err := s.d.read(s, &m); err != nil {
			got = err.Error()
		} else if m.StreamSID != "STREAM" {
			got = "want STREAM"
		}
		if got != test.want && (test.want == "" || !strings.Contains(got, test.want)) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
