package stream

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// This file is FreeSWITCH's side by mod_audio_stream (github.com/amigniter/mod_audio_stream and its kin): a text first, if the command that began the
// stream had one, and then linear sound in binary frames, at the rate of that command, which nothing here tells again. What the server says is
// played as it comes. Nothing that was sent can be taken back and nothing is told of what has sounded, so that it is sent as it is due.

// FreeSWITCH is the server's side of a FreeSWITCH that streams a channel: uuid_audio_stream UUID start wss://HOST/freeswitch/media/TOKEN mono 8k. Fill
// in the fields and Mount it; do not change a field afterwards. It must not be copied.
//
// Who knows the token is one's own PBX, and is believed whatever it tells of a call: the rate and all else come as parameters of the URL or as fields
// of the first text, if that is a JSON object.
type FreeSWITCH struct {
	Host

	Token string // the end of the path, or a bearer's. Empty: nobody is let in
	JSON  bool   // sound is sent as base64 in JSON; else in binary frames
}

const freeswitchMedia = "/freeswitch/media"

// freeswitchDialects are mod_audio_stream's, by rate: with our sound in binary frames, and as streamAudio.
var freeswitchDialects = map[string][2]dialect{"8000": freeswitchAt(8000), "16000": freeswitchAt(16000)}

// freeswitchAt makes the dialects of a rate. What our binary frames are is said before the first of them (UNCONFIRMED of the module's own builds, which
// are said to take them as they come, but so in a rewriting of it): those that do not know it tell FreeSWITCH of it as an event, and no more.
func freeswitchAt(rate int) [2]dialect {
	written, f := strconv.Itoa(rate), format{linear, rate}
	frames := dialect{
		kind: "freeswitch", parse: parseFreeSWITCH,
		sound: func(*start) (sounds, error) { return sounds{hears: f, says: f}, nil },
		words: func(string, format) phrases {
			return phrases{hello: `{"type":"rawAudio","data":{"sampleRate":` + written + `}}`}
		},
		binary: true, whole: true, live: true, bare: true,
	}
	texts := frames
	texts.texts = true
	texts.words = func(string, format) phrases {
		return phrases{
			media: `{"type":"streamAudio","data":{"audioDataType":"raw","sampleRate":` + written + `,"audioData":"`, mediaTail: `"}}`,
		}
	}
	return [2]dialect{frames, texts}
}

// parseFreeSWITCH reads one text message into m: the first begins the stream, whatever it is, and may have fields; a later one may tell of a key.
func parseFreeSWITCH(text []byte, m *message) error {
	if !utf8.Valid(text) {
		return errNotUTF8
	}
	*m = message{at: unstamped}
	if len(text) == 0 || text[0] != '{' {
		m.kind, m.start = kindStart, &start{channels: 1}
		return nil
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		return fmt.Errorf("parse message: %w", err)
	}
	fields := textFields(all)
	if fields["event"] == "dtmf" {
		if m.kind, m.digit = kindDigit, fields["digit"]; m.digit == "" {
			return errors.New("parse message: dtmf without digit")
		}
		return nil
	}
	m.kind, m.start = kindStart, &start{channels: 1, call: cmp.Or(fields["uuid"], fields["call"]), params: fields}
	return nil
}

// Mount puts the handler at /freeswitch/media.
func (f *FreeSWITCH) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET "+freeswitchMedia, f.Media)
	mux.HandleFunc("GET "+freeswitchMedia+"/{token}", f.Media)
}

// Media is a channel's socket (GET): token, upgrade, and then, when it has returned, the first message and the call.
func (f *FreeSWITCH) Media(w http.ResponseWriter, r *http.Request) {
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !same(f.Token, cmp.Or(r.PathValue("token"), bearer)) {
		f.refuse(w, RefusedToken, http.StatusForbidden)
		return
	}
	rate := cmp.Or(r.URL.Query().Get("rate"), "8000")
	speaks, ok := freeswitchDialects[rate]
	if !ok {
		f.badForm(w, "rate", rate)
		return
	}
	at := &speaks[0]
	if f.JSON {
		at = &speaks[1]
	}
	f.takeKnown(w, r, at, func(*Leg, *start) {})
}
