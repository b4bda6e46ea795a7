package stream

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"testing"
	"unicode/utf8"

	"parley/media/pace"
)

// plivoSign is the signature of a webhook, as a carrier makes it.
func plivoSign(token, nonce, target string, form url.Values) string {
	u, err := url.Parse(target)
	if err != nil {
		panic(err)
	}
	text, pairs := u.Scheme+"://"+u.Host+u.Path, ""
	for _, k := range slices.Sorted(maps.Keys(u.Query())) {
		pairs += "&" + k + "=" + u.Query().Get(k)
	}
	if pairs != "" {
		text += "?" + pairs[1:]
		if len(form) > 0 {
			text += "."
		}
	} else if len(form) > 0 {
		text += "?"
	}
	for _, k := range slices.Sorted(maps.Keys(form)) {
		text += k + form.Get(k)
	}
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte(text + "." + nonce))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// fuzzDialect holds a dialect's tokenizer to encoding/json: what it takes is valid, and means the same.
func fuzzDialect(f *testing.F, p *spelling, parse func([]byte, *message) error, seeds ...string) {
	for _, seed := range append(seeds, messageSeeds...) {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var fast, slow message
		plain := p.plain(text, &fast)
		err := parse(text, &slow)
		if !plain {
			return
		}
		if !json.Valid(text) || !utf8.Valid(text) || err != nil {
			t.Fatalf("the tokenizer takes %q: %v", text, err)
		}
		got := fmt.Sprintf("%v %q %q %v %q %q", fast.kind, fast.stream, fast.track, fast.at, fast.audio, fast.mark)
		want := fmt.Sprintf("%v %q %q %v %q %q", slow.kind, slow.stream, slow.track, slow.at, slow.audio, slow.mark)
		if got != want {
			t.Fatalf("%q: the tokenizer reads %s, encoding/json %s", text, got, want)
		}
	})
}

// takesNone says that parsing a text takes no allocation.
func takesNone(t *testing.T, parse func([]byte, *message) error, texts ...string) {
	t.Helper()
	for _, text := range texts {
		b, m := []byte(text), new(message)
		if n := testing.AllocsPerRun(100, func() {
			if err := parse(b, m); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%.40s: %v allocations", text, n)
		}
	}
}

// turningWheel is a pacer for as long as the test lasts.
func turningWheel(t *testing.T) *pace.Wheel {
	wheel, over := new(pace.Wheel), make(chan struct{})
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		defer close(over)
		_ = wheel.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-over
	})
	return wheel
}

// BenchmarkParseFamily reads a frame in each dialect: 20 ms of mu-law, and Exotel's 100 ms of linear sound.
func BenchmarkParseFamily(b *testing.B) {
	for name, text := range map[string]struct {
		parse func([]byte, *message) error
		media string
	}{
		"plivo": {parsePlivo, plivoMedia160(1, 5, make([]byte, 160))}, "exotel": {parseExotel, exotelMediaOf(1, 200, make([]byte, 1600))},
		"signalwire": {parseTwilio, mediaMessage(5, 100, make([]byte, 160))},
	} {
		b.Run(name, func(b *testing.B) {
			in, m := []byte(text.media), new(message)
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				if err := text.parse(in, m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
