package stream

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/media"
	"parley/media/legtest"
)

const (
	exotelCall     = "CA0a1b2c3d4e5f60718293a4b5c6d7e8f9"
	exotelStreamID = "MZ8c1d0e2f3a4b5c6d7e8f901a2b3c4d5e"
	exotelUser     = "parley"
	exotelPassword = "made up by us, not Exotel's"
)

// Exotel's messages, as the sheet has them.
const (
	exotelConnected = `{"event":"connected"}`
	exotelStop      = `{"event":"stop","sequence_number":"22","stream_sid":"` + exotelStreamID + `","stop":{"call_sid":"` + exotelCall + `","account_sid":"AC1","reason":"callended"}}`
)

func exotelStart(rate int) string {
	return `{"event":"start","sequence_number":"1","stream_sid":"` + exotelStreamID + `","start":{"stream_sid":"` + exotelStreamID + `","call_sid":"` + exotelCall +
		`","account_sid":"AC1","from":"+919876543210","to":"+918047491899","custom_parameters":{"key1":"value1"},"media_format":{"encoding":"audio/x-raw","sample_rate":"` +
		strconv.Itoa(rate) + `","bit_rate":"16"}}}`
}

func exotelMediaOf(n int, ms int64, pcm []byte) string {
	return `{"event":"media","sequence_number":"` + strconv.Itoa(n+2) + `","stream_sid":"` + exotelStreamID + `","media":{"chunk":"` + strconv.Itoa(n+1) +
		`","timestamp":"` + strconv.FormatInt(ms, 10) + `","payload":"` + base64.StdEncoding.EncodeToString(pcm) + `"}}`
}

func exotelMark(name string) string {
	return `{"event":"mark","sequence_number":"15","stream_sid":"` + exotelStreamID + `","mark":{"name":"` + name + `"}}`
}

func exotelDigit(digit rune) string {
	return `{"event":"dtmf","sequence_number":"7","stream_sid":"` + exotelStreamID + `","dtmf":{"digit":"` + string(digit) + `","duration":"100"}}`
}

// newExotel serves Exotel's side.
func newExotel(tb testing.TB, e *Exotel) *httptest.Server {
	tb.Helper()
	e.User, e.Password, e.Secret = exotelUser, exotelPassword, []byte("of this server")
	return servesDoor(tb, e, &e.Host)
}

// asUser is what a URL with a user and a password in it makes of a request's header.
func asUser(user, password string) http.Header {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return r.Header
}

// exotelCalls opens a stream as an applet does that knows where the socket is.
func exotelCalls(tb testing.TB, server *httptest.Server, rate int) *websocket.Conn {
	tb.Helper()
	ws := dialPlain(tb, overSocket(server.URL)+"/exotel/media?agent=sales&sample-rate="+strconv.Itoa(rate), asUser(exotelUser, exotelPassword))
	write(tb, ws, exotelConnected, exotelStart(rate))
	return ws
}

// exotelAsks is what the page that names a socket says.
func exotelAsks(tb testing.TB, server *httptest.Server, query string, header http.Header) (int, string) {
	tb.Helper()
	r, err := http.NewRequest(http.MethodGet, server.URL+"/exotel/voice"+query, nil)
	if err != nil {
		tb.Fatal(err)
	}
	r.Header = header
	status, body := do(tb, server, r)
	var page struct{ URL string }
	if status == http.StatusOK {
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			tb.Fatalf("%s: %v", body, err)
		}
	}
	return status, page.URL
}

// TestExotel holds a stream of Exotel's to the promises of every leg, at each of its rates.
func TestExotel(t *testing.T) {
	for _, rate := range []int{8000, 16000, 24000} {
		t.Run(strconv.Itoa(rate), func(t *testing.T) {
			legtest.Conformance(t, func(t *testing.T) (media.Leg, legtest.Far) {
				e := &Exotel{}
				server := newExotel(t, e)
				legs := answeredBy(t, &e.Host)
				ws := exotelCalls(t, server, rate)
				return within(t, legs, "leg"), newFarOf(t, ws, farWords{
					stream: exotelStreamID, wide: format{linear, rate},
					media: exotelMediaOf, mark: exotelMark, digit: exotelDigit, stop: exotelStop,
				})
			})
		})
	}
}

func TestExotelTells(t *testing.T) {
	t.Parallel()
	for rate, want := range map[int]time.Duration{8000: 200 * time.Millisecond, 16000: 100 * time.Millisecond, 24000: 80 * time.Millisecond} {
		e := &Exotel{}
		server := newExotel(t, e)
		legs := answeredBy(t, &e.Host)
		ws := exotelCalls(t, server, rate)
		leg := within(t, legs, "leg")
		got := leg.Info()
		if got.Kind != "exotel" || got.ID != exotelCall || got.From != "+919876543210" || got.To != "+918047491899" || got.Rate != rate || got.Outbound ||
			fmt.Sprint(got.Params) != "map[agent:sales key1:value1]" {
			t.Errorf("the leg says %+v", got)
		}
		if got.Least != want || got.Chunk < want || got.Lead < 2*got.Chunk {
			t.Errorf("at %d: %v at least, %v at most, %v ahead", rate, got.Least, got.Chunk, got.Lead)
		}
		if _, presses := leg.(media.Keypad); presses {
			t.Error("Exotel presses keys")
		}
		for _, say := range []func() error{
			func() error { return leg.Send(media.Frame{PCM: []int16{1, -2, 0x1234}, Rate: rate}) }, leg.(media.Marker).Mark, leg.Clear,
		} {
			if err := say(); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range []string{
			`{"event":"media","stream_sid":"` + exotelStreamID + `","media":{"payload":"` + base64.StdEncoding.EncodeToString([]byte{1, 0, 0xfe, 0xff, 0x34, 0x12}) + `"}}`,
			`{"event":"mark","stream_sid":"` + exotelStreamID + `","mark":{"name":"0:3"}}`,
			`{"event":"clear","stream_sid":"` + exotelStreamID + `"}`,
		} {
			if _, got, err := ws.ReadMessage(); err != nil || string(got) != want {
				t.Errorf("we say %s %v, want %s", got, err, want)
			}
		}
		write(t, ws, exotelStop)
	}
}

// TestExotelPieces has a voice speak by a stream: whatever it says, Exotel is sent pieces as it wants them.
func TestExotelPieces(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{8000, 16000, 24000} {
		e := &Exotel{}
		server := newExotel(t, e)
		legs := answeredBy(t, &e.Host)
		ws := exotelCalls(t, server, rate)
		leg := within(t, legs, "leg")
		mouth := media.NewPlayout(leg, turningWheel(t), nil)
		ctx, cancel := context.WithTimeout(t.Context(), testWait)
		defer cancel()
		said := legtest.Tone(rate, 400, 333*time.Millisecond)
		u := mouth.Begin()
		mouth.Release(u)
		if err := u.Write(ctx, said); err != nil {
			t.Fatal(err)
		}
		u.CloseWrite()
		heard, want := []byte(nil), make([]byte, 2*len(said))
		format{linear, rate}.encode(want, said)
		for len(heard) < len(want) {
			_, text, err := ws.ReadMessage()
			if err != nil {
				t.Fatal(err)
			}
			var m struct{ Media struct{ Payload []byte } }
			if err := json.Unmarshal(text, &m); err != nil {
				t.Fatal(err)
			}
			if n := len(m.Media.Payload); n > 0 && (n < 3200 || n%320 != 0 || n > 100_000) {
				t.Errorf("at %d: %d bytes in a message", rate, n)
			}
			heard = append(heard, m.Media.Payload...)
		}
		if !bytes.Equal(heard[:len(want)], want) || strings.Trim(string(heard[len(want):]), "\x00") != "" {
			t.Errorf("at %d: what is heard is another", rate)
		}
		_ = mouth.Close()
	}
}

// TestExotelPage asks where the socket is, and goes there.
func TestExotelPage(t *testing.T) {
	t.Parallel()
	e := &Exotel{}
	server := newExotel(t, e)
	legs := answeredBy(t, &e.Host)
	const query = "?sample-rate=16000&agent=sales&CallSid=" + exotelCall + "&CallFrom=09876543210&Direction=incoming&flow_id=7"
	status, target := exotelAsks(t, server, query, asUser(exotelUser, exotelPassword))
	u, err := url.Parse(target)
	if status != http.StatusOK || err != nil || u.Scheme != "ws" || u.RawQuery != "agent=sales&sample-rate=16000" {
		t.Fatalf("the page says %d %s %v", status, target, err)
	}
	for i, want := range []int{0, closePolicy} { // its ticket is good once
		ws := dialPlain(t, target, nil)
		write(t, ws, exotelConnected, exotelStart(16000))
		if want == 0 {
			if got := within(t, legs, "leg").Info(); got.ID != exotelCall || got.Rate != 16000 || got.Params["agent"] != "sales" {
				t.Errorf("the leg says %+v", got)
			}
		} else if code := closeCode(t, ws); code != want {
			t.Errorf("stream %d: closed with %d", i+1, code)
		}
	}
	_, target = exotelAsks(t, server, query, asUser(exotelUser, exotelPassword))
	for name, target := range map[string]string{"another ticket": strings.Replace(target, "?", "x?", 1), "another's": strings.Replace(target, "exotel-", "exotel-x", 1)} {
		if ws, answer, err := dialer().Dial(target, nil); err == nil {
			_ = ws.Close()
			t.Errorf("%s: a stream opens", name)
		} else if answer == nil || answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestExotelRefuses turns away who is not Exotel, and streams that make no sense.
func TestExotelRefuses(t *testing.T) {
	t.Parallel()
	e := &Exotel{Host: Host{Answer: func(context.Context, media.Leg) { t.Error("answered") }}}
	server := newExotel(t, e)
	socket := overSocket(server.URL) + "/exotel/media"
	for name, header := range map[string]http.Header{
		"nobody": {}, "another password": asUser(exotelUser, "x"), "no password": asUser(exotelUser, ""), "another user": asUser("x", exotelPassword),
		"a bearer": {"Authorization": {"Bearer " + exotelPassword}},
	} {
		if ws, answer, err := dialer().Dial(socket, header); err == nil {
			_ = ws.Close()
			t.Errorf("%s: a stream opens", name)
		} else if answer == nil || answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %v", name, err)
		}
		if status, _ := exotelAsks(t, server, "", header); status != http.StatusForbidden {
			t.Errorf("%s: the page says %d", name, status)
		}
	}
	for name, start := range map[string]string{
		"mu-law": strings.Replace(exotelStart(8000), "audio/x-raw", "audio/x-mulaw", 1), "48 kHz": exotelStart(48000),
		"unnamed": strings.ReplaceAll(exotelStart(8000), exotelStreamID, ""), "badly named": strings.Replace(exotelStart(8000), exotelCall, "../x", 1),
	} {
		ws := dialPlain(t, socket, asUser(exotelUser, exotelPassword))
		write(t, ws, exotelConnected, start)
		if code := closeCode(t, ws); code != closePolicy {
			t.Errorf("%s: closed with %d", name, code)
		}
	}
	e.Accepting = func(_ context.Context, in Incoming) bool {
		return in.To != "+918047491899" || in.Params.Get("agent") != "sales"
	}
	ws := exotelCalls(t, server, 8000)
	if code := closeCode(t, ws); code != closePolicy || e.Stats.Refused[RefusedBusy].Load() != 1 {
		t.Errorf("a call that is not welcome: closed with %d", code)
	}
	e.Drain()
	if status, _ := exotelAsks(t, server, "", asUser(exotelUser, exotelPassword)); status != http.StatusServiceUnavailable {
		t.Errorf("the page of a server that drains says %d", status)
	}
	if _, answer, err := dialer().Dial(socket, asUser(exotelUser, exotelPassword)); err == nil || answer == nil || answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("the socket of a server that drains: %v", err)
	}
}

// TestExotelWithoutPassword: what has no password lets nobody in.
func TestExotelWithoutPassword(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, exotelMedia, nil)
	r.SetBasicAuth("", "")
	w := httptest.NewRecorder()
	if new(Exotel).Media(w, r); w.Code != http.StatusForbidden {
		t.Errorf("without a password: %d", w.Code)
	}
}

func FuzzExotel(f *testing.F) {
	fuzzDialect(f, &exotelSpelling, parseExotelJSON, exotelConnected, exotelStart(8000), exotelMediaOf(1, 200, make([]byte, 1600)), exotelMark("3:12400"), exotelDigit('5'), exotelStop)
}

// TestExotelPlain says that what comes most takes no allocation.
func TestExotelPlain(t *testing.T) {
	takesNone(t, parseExotel, exotelMediaOf(1, 200, make([]byte, 1600)), exotelMark("3:12400"))
}
