package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"parley/media/stream"
)

// TestDoctorCarrier: the doctor tells what keeps a carrier's calls from coming in, by asking as the carrier would.
func TestDoctorCarrier(t *testing.T) {
	t.Parallel()
	const token, secret = "8f0c2b7d41e94f0ab0c1d2e3f4a5b6c7", "0123456789abcdef0123456789abcdef"
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key := base64.StdEncoding.EncodeToString(public)
	// what answers as serve does, or as a proxy that lets something not through
	start := func(doors bool, proxy func(w http.ResponseWriter, r *http.Request) bool) string {
		mux := http.NewServeMux()
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if proxy == nil || !proxy(w, r) {
				mux.ServeHTTP(w, r)
			}
		}))
		t.Cleanup(server.Close)
		mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
		if doors {
			(&stream.Twilio{Host: stream.Host{PublicURL: server.URL}, AuthToken: token}).Mount(mux)
			(&stream.Telnyx{Host: stream.Host{PublicURL: server.URL}, PublicKey: public, Secret: []byte(secret)}).Mount(mux)
			(&stream.Plivo{Host: stream.Host{PublicURL: server.URL}, AuthToken: token, Secret: []byte(secret)}).Mount(mux)
			(&stream.SignalWire{Host: stream.Host{PublicURL: server.URL}, SigningKey: token, Bearer: token, Secret: []byte(secret)}).Mount(mux)
			(&stream.Vonage{Host: stream.Host{PublicURL: server.URL}, SignatureSecret: token, Secret: []byte(secret)}).Mount(mux)
			(&stream.Exotel{Host: stream.Host{PublicURL: server.URL}, User: "applet", Password: token, Secret: []byte(secret)}).Mount(mux)
			(&stream.Genesys{Host: stream.Host{PublicURL: server.URL}, APIKey: token, ClientSecret: []byte(secret)}).Mount(mux)
			(&stream.Asterisk{Password: token}).Mount(mux)
			(&stream.FreeSWITCH{Token: token}).Mount(mux)
			(&stream.AudioSocket{Announced: func(_ context.Context, key string, in *stream.Incoming) (stream.Refusal, error) {
				if key != token {
					return stream.RefusedSignature, errors.New("not a key")
				}
				return stream.RefusedForm, fmt.Errorf("nobody is %s", in.Params.Get(agentField))
			}}).Mount(mux)
		}
		return server.URL
	}
	whole := start(true, nil)
	without := start(false, nil)
	page := start(true, func(w http.ResponseWriter, r *http.Request) bool {
		fmt.Fprintln(w, "It works!")
		return true
	})
	open := start(true, func(w http.ResponseWriter, r *http.Request) bool { return r.Method == http.MethodPost })
	dumb := start(true, func(w http.ResponseWriter, r *http.Request) bool {
		r.Header.Del("Upgrade")
		return false
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	gone := httptest.NewServer(nil)
	gone.Close()
	near, other, coded := strings.TrimPrefix(whole, "http://"), strings.Repeat("y", 40), base64.StdEncoding.EncodeToString([]byte(secret))

	for name, c := range map[string]struct {
		carrier string
		env     map[string]string
		fails   bool
		want    []string
	}{
		"Twilio": {"twilio", map[string]string{"PARLEY_PUBLIC_URL": whole, "TWILIO_AUTH_TOKEN": token}, false,
			[]string{"note  public URL", "/twilio/voice refuses it (403)", "ok    webhook, signed     a signature made", "ok    socket", whole + "/twilio/voice, HTTP POST"}},
		"Twilio, without settings":  {"twilio", nil, true, []string{"PARLEY_PUBLIC_URL, TWILIO_AUTH_TOKEN: not set"}},
		"Twilio, another token":     {"twilio", map[string]string{"PARLEY_PUBLIC_URL": whole, "TWILIO_AUTH_TOKEN": "wrong"}, true, []string{"FAIL  webhook, signed", "the same PARLEY_PUBLIC_URL and TWILIO_AUTH_TOKEN", "FAIL  socket", "403"}},
		"Twilio, nobody there":      {"twilio", map[string]string{"PARLEY_PUBLIC_URL": gone.URL, "TWILIO_AUTH_TOKEN": token}, true, []string{"FAIL  public URL", "start serve"}},
		"Twilio, another site":      {"twilio", map[string]string{"PARLEY_PUBLIC_URL": page, "TWILIO_AUTH_TOKEN": token}, true, []string{"FAIL  public URL", "not as serve does"}},
		"Twilio, open to all":       {"twilio", map[string]string{"PARLEY_PUBLIC_URL": open, "TWILIO_AUTH_TOKEN": token}, true, []string{"answers 200, not 403", "answers 200, not 400"}},
		"Twilio, a proxy of before": {"twilio", map[string]string{"PARLEY_PUBLIC_URL": dumb, "TWILIO_AUTH_TOKEN": token}, true, []string{"FAIL  socket", "let the proxy pass WebSockets"}},
		"Telnyx": {"telnyx", map[string]string{"PARLEY_PUBLIC_URL": whole, "TELNYX_PUBLIC_KEY": key, "PARLEY_SECRET": secret}, false,
			[]string{"/telnyx/voice refuses it (403)", "telnyx alone has the key", "ok    socket              the WebSocket gets through", whole + "/telnyx/voice, POST"}},
		"Telnyx, elsewhere":      {"telnyx", map[string]string{"PARLEY_PUBLIC_URL": whole, "TELNYX_PUBLIC_KEY": key}, false, []string{"not tried: the secret that opens it"}},
		"Telnyx, another secret": {"telnyx", map[string]string{"PARLEY_PUBLIC_URL": whole, "TELNYX_PUBLIC_KEY": key, "PARLEY_SECRET": strings.Repeat("x", 32)}, true, []string{"answered 403, not 101", "PARLEY_SECRET"}},
		"Telnyx, not taken":      {"telnyx", map[string]string{"PARLEY_PUBLIC_URL": without, "TELNYX_PUBLIC_KEY": key}, true, []string{"/telnyx/voice answers 404", "start it with PARLEY_PUBLIC_URL and TELNYX_PUBLIC_KEY"}},
		"SIP": {"sip", map[string]string{"PARLEY_SIP_LISTEN": "udp://127.0.0.1:5060,tcp://" + ln.Addr().String()}, false,
			[]string{ln.Addr().String() + " takes connections", "udp is not tried", "sip:YOUR.HOST"}},
		"SIP, closed": {"sip", map[string]string{"PARLEY_SIP_LISTEN": "tcp://" + strings.TrimPrefix(gone.URL, "http://")}, true, []string{"FAIL  listener", "start serve"}},
		"Plivo": {"plivo", map[string]string{"PARLEY_PUBLIC_URL": whole, "PLIVO_AUTH_TOKEN": token, "PARLEY_SECRET": secret}, false,
			[]string{"/plivo/voice refuses it (403)", "a signature made with these settings is believed", "the WebSocket gets through", whole + "/plivo/voice, POST"}},
		"Plivo, another token":  {"plivo", map[string]string{"PARLEY_PUBLIC_URL": whole, "PLIVO_AUTH_TOKEN": other, "PARLEY_SECRET": secret}, true, []string{"FAIL  webhook, signed", "PLIVO_AUTH_TOKEN as the doctor", "the WebSocket gets through"}},
		"Plivo, another secret": {"plivo", map[string]string{"PARLEY_PUBLIC_URL": whole, "PLIVO_AUTH_TOKEN": token, "PARLEY_SECRET": other}, true, []string{"answered 403, not 101"}},
		"SignalWire": {"signalwire", map[string]string{"PARLEY_PUBLIC_URL": whole, "SIGNALWIRE_SIGNING_KEY": token, "PARLEY_SECRET": secret}, false,
			[]string{"/signalwire/voice refuses it (403)", "a signature made with these settings is believed", "the WebSocket gets through", whole + "/signalwire/voice, POST"}},
		"SignalWire, another key":    {"signalwire", map[string]string{"PARLEY_PUBLIC_URL": whole, "SIGNALWIRE_SIGNING_KEY": other, "PARLEY_SECRET": other}, true, []string{"FAIL  webhook, signed", "answered 403, not 101"}},
		"SignalWire, elsewhere":      {"signalwire", map[string]string{"PARLEY_PUBLIC_URL": whole, "SIGNALWIRE_SIGNING_KEY": token}, false, []string{"not tried: the secret that opens it"}},
		"SignalWire, scripts alone":  {"signalwire", map[string]string{"PARLEY_PUBLIC_URL": whole, "SIGNALWIRE_STREAM_TOKEN": token}, false, []string{"not tried: SIGNALWIRE_SIGNING_KEY is not set", "the WebSocket gets through", "connect to stream:ws"}},
		"SignalWire, another script": {"signalwire", map[string]string{"PARLEY_PUBLIC_URL": whole, "SIGNALWIRE_STREAM_TOKEN": other}, true, []string{"answered 403, not 101"}},
		"SignalWire, nothing set":    {"signalwire", map[string]string{"PARLEY_PUBLIC_URL": whole}, true, []string{"SIGNALWIRE_SIGNING_KEY: not set"}},
		"Vonage": {"vonage", map[string]string{"PARLEY_PUBLIC_URL": whole, "VONAGE_SIGNATURE_SECRET": token, "PARLEY_SECRET": secret}, false,
			[]string{"/vonage/answer refuses it (403)", "a signature made with these settings is believed", "the WebSocket gets through", whole + "/vonage/event, both POST"}},
		"Vonage, another secret": {"vonage", map[string]string{"PARLEY_PUBLIC_URL": whole, "VONAGE_SIGNATURE_SECRET": other, "PARLEY_SECRET": secret}, true, []string{"FAIL  webhook, signed"}},
		"Exotel": {"exotel", map[string]string{"PARLEY_PUBLIC_URL": whole, "EXOTEL_STREAM_AUTH": "applet:" + token}, false,
			[]string{"/exotel/voice refuses it (403)", "the password of EXOTEL_STREAM_AUTH is believed", "the WebSocket gets through", "ws://USER:PASSWORD@127.0.0.1"}},
		"Exotel, another password": {"exotel", map[string]string{"PARLEY_PUBLIC_URL": whole, "EXOTEL_STREAM_AUTH": "applet:" + other}, true, []string{"FAIL  webhook, signed", "answered 403, not 101"}},
		"Genesys": {"genesys", map[string]string{"PARLEY_PUBLIC_URL": whole, "GENESYS_API_KEY": token, "GENESYS_CLIENT_SECRET": coded}, false,
			[]string{"socket, unsigned", "/genesys/audiohook refuses it (403)", "the WebSocket gets through", "base connection URI ws"}},
		"Genesys, another secret": {"genesys", map[string]string{"PARLEY_PUBLIC_URL": whole, "GENESYS_API_KEY": token, "GENESYS_CLIENT_SECRET": key}, true, []string{"FAIL  socket", "answered 403, not 101"}},
		"Genesys, not taken":      {"genesys", map[string]string{"PARLEY_PUBLIC_URL": without, "GENESYS_API_KEY": token, "GENESYS_CLIENT_SECRET": coded}, true, []string{"/genesys/audiohook answers 404", "start it with PARLEY_PUBLIC_URL and GENESYS_API_KEY and GENESYS_CLIENT_SECRET"}},
		"Asterisk": {"asterisk-websocket", map[string]string{"PARLEY_HTTP_ADDR": near, "PARLEY_ASTERISK_PASSWORD": token}, false,
			[]string{"http://" + near + " answers", "/asterisk/media refuses it (401)", "the WebSocket gets through", "uri = ws://" + near + "/asterisk/media"}},
		"Asterisk, by the public URL": {"asterisk-websocket", map[string]string{"PARLEY_PUBLIC_URL": whole, "PARLEY_ASTERISK_PASSWORD": token}, false, []string{"the WebSocket gets through"}},
		"Asterisk, another password":  {"asterisk-websocket", map[string]string{"PARLEY_HTTP_ADDR": near, "PARLEY_ASTERISK_PASSWORD": other}, true, []string{"answered 401, not 101", "the same settings"}},
		"Asterisk, nobody there":      {"asterisk-websocket", map[string]string{"PARLEY_HTTP_ADDR": strings.TrimPrefix(gone.URL, "http://"), "PARLEY_ASTERISK_PASSWORD": token}, true, []string{"FAIL  server", "PARLEY_HTTP_ADDR"}},
		"FreeSWITCH": {"freeswitch", map[string]string{"PARLEY_HTTP_ADDR": near, "PARLEY_FREESWITCH_TOKEN": token}, false,
			[]string{"/freeswitch/media refuses it (403)", "the WebSocket gets through", "ws://" + near + "/freeswitch/media?call=${uuid}"}},
		"FreeSWITCH, another token": {"freeswitch", map[string]string{"PARLEY_HTTP_ADDR": near, "PARLEY_FREESWITCH_TOKEN": other}, true, []string{"answered 403, not 101"}},
		"AudioSocket": {"audiosocket", map[string]string{"PARLEY_HTTP_ADDR": near, "PARLEY_AUDIOSOCKET": ln.Addr().String(), "PARLEY_API_KEY": token}, false,
			[]string{ln.Addr().String() + " takes connections", "/audiosocket/calls refuses it (403)", "the key of PARLEY_API_KEY is believed", "CURL(http://" + near + "/audiosocket/calls"}},
		"AudioSocket, without a key": {"audiosocket", map[string]string{"PARLEY_HTTP_ADDR": near, "PARLEY_AUDIOSOCKET": ln.Addr().String()}, false, []string{"not tried: PARLEY_API_KEY is not set"}},
		"AudioSocket, another key":   {"audiosocket", map[string]string{"PARLEY_HTTP_ADDR": near, "PARLEY_AUDIOSOCKET": ln.Addr().String(), "PARLEY_API_KEY": other}, true, []string{"FAIL  webhook, signed"}},
		"AudioSocket, closed":        {"audiosocket", map[string]string{"PARLEY_HTTP_ADDR": near, "PARLEY_AUDIOSOCKET": strings.TrimPrefix(gone.URL, "http://")}, true, []string{"FAIL  listener"}},
		"no such carrier":            {"pigeon", nil, true, []string{"want one of twilio, telnyx, plivo, signalwire, vonage, exotel, genesys, asterisk-websocket, audiosocket, freeswitch, sip"}},
		"wrong settings too":         {"twilio", map[string]string{"PARLEY_PUBLIC_URL": "voice.example.com", "TWILIO_AUTH_TOKEN": token}, true, []string{"FAIL  settings", "--public-url"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := map[string]string{"PARLEY_DATA_DIR": filepath.Join(t.TempDir(), "data")}
			for k, v := range c.env {
				settings[k] = v
			}
			var out bytes.Buffer
			err := run(t.Context(), []string{"doctor", "--carrier", c.carrier}, func(k string) string { return settings[k] }, nil, &out, &out)
			said := out.String()
			if err != nil {
				said += err.Error()
			}
			if (err != nil) != c.fails {
				t.Errorf("error %v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(said, want) {
					t.Errorf("%q is not in\n%s", want, said)
				}
			}
			if strings.Contains(said, token) || strings.Contains(said, secret) || strings.Contains(said, coded) {
				t.Errorf("a secret is told:\n%s", said)
			}
		})
	}
}
