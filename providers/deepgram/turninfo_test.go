package deepgram

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const turnInfo = `{"type":"TurnInfo","request_id":"5f2a","sequence_id":12,"event":"Update","turn_index":0,"audio_window_start":0.0,"audio_window_end":1.28,` +
	`"transcript":"Où est 年","words":[{"word":"Où","confidence":0.98},{"word":"est","start":0.5,"end":0.4,"confidence":1.5},{"word":"年","confidence":7e-1}],"end_of_turn_confidence":0.31}`

// What is read by hand is what encoding/json reads, and what Flux writes is read by hand.
func TestTurnInfoIsReadByHand(t *testing.T) {
	t.Parallel()
	for _, text := range []string{turnInfo, strings.ReplaceAll(turnInfo, ",", " ,\n\t"), `{"type":"TurnInfo","words":[]}`} {
		if !sameByHand(t, []byte(text)) {
			t.Errorf("%s is left to encoding/json", text)
		}
	}
	for _, text := range []string{
		`{"type":"Results"}`, `{"type":"TurnInfo","Event":"Update"}`, `{"type":"TurnInfo","transcript":"a\u00e9"}`, `{"type":"TurnInfo","transcript":null}`,
		`{"type":"TurnInfo","audio_window_end":01}`, `{"type":"TurnInfo","audio_window_end":1.}`, `{"type":"TurnInfo"} x`, `{"type":"TurnInfo",}`,
		`{"type":"TurnInfo","words":[{}],"words":[]}`, `{"type":"TurnInfo","words":[{},]}`, `{"type":"TurnInfo"`, "{\"type\":\"TurnInfo\",\"transcript\":\"\xff\"}", "",
	} {
		if sameByHand(t, []byte(text)) {
			t.Errorf("%s is read by hand", text)
		}
	}
}

func FuzzTurnInfo(f *testing.F) {
	f.Add([]byte(turnInfo))
	f.Add([]byte(`{"type":"TurnInfo","audio_window_end":-1.5E+300,"words":[{"punctuated_word":"a"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) { sameByHand(t, text) })
}

// sameByHand says whether text is read by hand; if so, encoding/json must read the same.
func sameByHand(t *testing.T, text []byte) bool {
	t.Helper()
	got, ok := readTurnInfo(text)
	if !ok {
		return false
	}
	want, err := decode(text)
	if err == nil {
		want.words, err = decodeWords(text)
	}
	if err != nil {
		t.Fatalf("%q is read by hand, but: %v", text, err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(message{})); diff != "" {
		t.Fatalf("%q is read differently by hand (-want +got):\n%s", text, diff)
	}
	return true
}

// BenchmarkTurnInfo reads an Update with new words: by hand, and as encoding/json does.
func BenchmarkTurnInfo(b *testing.B) {
	text := []byte(turnInfo)
	b.Run("hand", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, ok := readTurnInfo(text); !ok {
				b.Fatal("it is left to encoding/json")
			}
		}
	})
	b.Run("json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := decode(text); err != nil {
				b.Fatal(err)
			}
			if _, err := decodeWords(text); err != nil {
				b.Fatal(err)
			}
		}
	})
}
