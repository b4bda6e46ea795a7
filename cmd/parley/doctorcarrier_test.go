package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
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
		"SIP, closed":        {"sip", map[string]string{"PARLEY_SIP_LISTEN": "tcp://" + strings.TrimPrefix(gone.URL, "http://")}, true, []string{"FAIL  listener", "start serve"}},
		"no such carrier":    {"pigeon", nil, true, []string{"want one of twilio, telnyx, sip"}},
		"wrong settings too": {"twilio", map[string]string{"PARLEY_PUBLIC_URL": "voice.example.com", "TWILIO_AUTH_TOKEN": token}, true, []string{"FAIL  settings", "--public-url"}},
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
			if strings.Contains(said, token) || strings.Contains(said, secret) {
				t.Errorf("a secret is told:\n%s", said)
			}
		})
	}
}
