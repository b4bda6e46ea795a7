package stream

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestMediaInAnyOrder holds the tokenizer to every order of the keys and to white space.
func TestMediaInAnyOrder(t *testing.T) {
	t.Parallel()
	payload := base64.StdEncoding.EncodeToString(make([]byte, 160))
	inner := []string{`"track":"inbound"`, `"chunk":"2"`, `"timestamp":"25"`, `"payload":"` + payload + `"`}
	n := 0
	permute(inner, func(inner []string) {
		outer := []string{`"event":"media"`, `"sequenceNumber":"4"`, `"media":{` + strings.Join(inner, ",") + `}`, `"streamSid":"MZ1"`}
		permute(outer, func(outer []string) {
			for _, glue := range []string{",", " , ", ",\r\n\t"} {
				text := "{" + strings.Join(outer, glue) + "}"
				var m message
				if !twilioSpelling.plain([]byte(text), &m) {
					t.Fatalf("not plain: %s", text)
				}
				if got := fmt.Sprint(m.kind, string(m.stream), string(m.track), m.at, string(m.audio)); got != fmt.Sprint(kindMedia, "MZ1", "inbound", 25, payload) {
					t.Fatalf("%s is %s", text, got)
				}
				n++
			}
		})
	})
	if n != 24*24*3 {
		t.Errorf("%d cases", n)
	}
}

func permute(s []string, use func([]string)) {
	var from func(k int)
	s = slices.Clone(s)
	from = func(k int) {
		if k == len(s) {
			use(s)
			return
		}
		for i := k; i < len(s); i++ {
			s[k], s[i] = s[i], s[k]
			from(k + 1)
			s[k], s[i] = s[i], s[k]
		}
	}
	from(0)
}

// messageSeeds are what the tokenizer takes and what it must leave to encoding/json, or refuse.
var messageSeeds = []string{
	connected,
	startMessage(testCall, map[string]string{"token": "x"}),
	mediaMessage(1, 25, make([]byte, 160)),
	mediaMessage(1, 0, nil),
	`{"event":"media","media":{"payload":"AA==","new":1,"newer":true,"newest":null},"added":"x"}`,
	`{"event":"media","media":{"payload":"AA==","timestamp":25}}`,
	`{"event":"media","media":{"payload":"AA==","timestamp":"025"}}`,
	`{"event":"media","media":{"payload":"AA==","timestamp":"1.5"}}`,
	`{"event":"media","media":{"payload":"AA==","timestamp":"9999999999999999999"}}`,
	`{"event":"media","media":{"payload":"AA==","timestamp":null}}`,
	`{"event":"media","media":{"payload":"A\/=="}}`,
	`{"event":"media","media":{"payload":"AA==","track":"in\u0062ound"}}`,
	`{"event":"media","media":{"payload":"AA=="},"media":{"track":"outbound"}}`,
	`{"event":"media","event":"stop","media":{"payload":"AA=="}}`,
	`{"Event":"stop","event":"media","media":{"payload":"AA=="}}`,
	`{"event":"media","EVENT":"stop","media":{"payload":"AA==","PayLoad":"BB=="}}`,
	`{"event":"media","media":{"payload":"AA==","payload":"BB=="}}`,
	`{"event":"media","media":{"payload":"AA==","x":{"y":[1,2]}}}`,
	`{"event":"media","media":null}`, `{"event":"media","media":[]}`, `{"event":"media","media":"x"}`, `{"event":"media"}`,
	`{"event":"media","media":{"payload":7}}`,
	`{"event":"media","media":{"payload":"AA=="},}`, `{,"event":"media","media":{}}`, `{"event":"media","media":{,}}`,
	`{"event":"media","media":{"payload":"AA=="}`, `{"event":"media","media":{"payload":"AA=="}}}`, `{"event":"media","media":{"payload":"AA=="}} x`,
	`{"event":"media","media":{"payload":"AA==","n":01}}`, `{"event":"media","media":{"payload":"AA==","n":1e}}`, `{"event":"media","n":-0.5e3,"media":{}}`,
	`{"event":"media","media":{},"start":{"callSid":7}}`, `{"event":"media","media":{},"mark":"x"}`,
	"{\"event\":\"media\",\"media\":{\"payload\":\"A\nA==\"}}", "{\"event\":\"media\",\"media\":{\"payload\":\"\xff\"}}", "{\"event\":\"media\",\"media\":{}}\x00",
	`{"event":"media","media":{},"ſtart":1,"streamSid":"é"}`, `{"event":"media","media":{},"streamsid":"x"}`,
	`{"event":"mark","mark":{"name":"1:2","at":5},"mark":{}}`, `{"event":"mark","mark":{"name":"1:2"},"media":{}}`, `{"event":"media","mark":{"name":"1:2"}}`,
	`{"mark":{"Name":"1:2"},"event":"mark"}`, `{"mark":{"name":"é"},"event":"mark"}`, `{"event":"mark","mark":{}}`,
	`{"event":"mark","sequenceNumber":"88","streamSid":"MZ1","mark":{"name":"3:12400"}}`, `{"event":"mark"}`, `{"event":"mark","mark":{"name":5}}`,
	`{"event":"dtmf","streamSid":"MZ1","sequenceNumber":"57","dtmf":{"track":"inbound_track","digit":"5"}}`, `{"event":"dtmf"}`,
	`{"event":"stop","sequenceNumber":"402","stop":{"accountSid":"AC","callSid":"CA"},"streamSid":"MZ1"}`,
	`{"event":"new-thing"}`, `{"event":""}`, `{}`, `null`, `[]`, `7`, `""`, ``, ` `, `{`, `{"`, `{"event`, `{"event":`, `nul`, `{"event":"start"}`,
	strings.Repeat(`{"event":`, 1000), strings.Repeat("[", 20000),
}

// FuzzMessage checks that what the tokenizer takes is valid JSON and means to encoding/json what it means to us, and that nothing
// makes either panic.
func FuzzMessage(f *testing.F) {
	for _, seed := range messageSeeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var fast, slow message
		plain := twilioSpelling.plain(text, &fast)
		err := parseTwilioJSON(text, &slow)
		if !plain {
			return
		}
		if !json.Valid(text) || !utf8.Valid(text) {
			t.Fatalf("the tokenizer takes %q", text)
		}
		if err != nil {
			t.Fatalf("the tokenizer takes %q, of which encoding/json says %v", text, err)
		}
		got := fmt.Sprintf("%v %q %q %v %q %q", fast.kind, fast.stream, fast.track, fast.at, fast.audio, fast.mark)
		want := fmt.Sprintf("%v %q %q %v %q %q", slow.kind, slow.stream, slow.track, slow.at, slow.audio, slow.mark)
		if got != want {
			t.Fatalf("%q: the tokenizer reads %s, encoding/json %s", text, got, want)
		}
	})
}

// TestPlain compares the scan of eight bytes at a time with the obvious one, for every byte at every place.
func TestPlain(t *testing.T) {
	t.Parallel()
	for size := range 20 {
		for at := range size {
			for c := range 256 {
				b := []byte(strings.Repeat("a", size))
				b[at] = byte(c)
				want := size
				if c == '"' || c == '\\' || c < ' ' || c >= 0x80 {
					want = at
				}
				if got := plain(b); got != want {
					t.Fatalf("plain(%q) = %d, want %d", b, got, want)
				}
			}
		}
	}
}

func TestMarks(t *testing.T) {
	t.Parallel()
	for _, m := range []mark{{}, {3, 12400}, {1<<32 - 1, 1<<32 - 1}} {
		got, ok := parseMark(m.append(nil))
		if !ok || got != m || markOf(m.word()) != m {
			t.Errorf("%v became %v, %v", m, got, ok)
		}
	}
	for _, name := range []string{"", ":", "1", "1:", ":1", "utt-7:end", "1:2:3", "-1:2", "1:-2", "4294967296:0", "0:4294967296", "0x1:1", " 1:1", "01:1", "1:01"} {
		if m, ok := parseMark([]byte(name)); ok {
			t.Errorf("%q is %v", name, m)
		}
	}
}
