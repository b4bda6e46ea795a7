package lines_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"parley/control/lines"
	"parley/store"
)

// TestVerify: each vendor is asked in its own way, and its answers are understood.
func TestVerify(t *testing.T) {
	t.Parallel()
	const secret, sid = "canary-secret-0123", "AC00000000000000000000000000000001"
	ways := map[string]struct{ path, header, value string }{
		"twilio":     {"/2010-04-01/Accounts/" + sid + ".json", "Authorization", "Basic "},
		"openai":     {"/v1/models", "Authorization", "Bearer " + secret},
		"telnyx":     {"/v2/balance", "Authorization", "Bearer " + secret},
		"plivo":      {"/v1/Account/" + sid + "/", "Authorization", "Basic "},
		"signalwire": {"/api/laml/2010-04-01/Accounts/" + sid + ".json", "Authorization", "Basic "},
		"deepgram":   {"/v1/projects", "Authorization", "Token " + secret},
		"elevenlabs": {"/v1/user", "xi-api-key", secret},
		"anthropic":  {"/v1/models", "x-api-key", secret},
		"gemini":     {"/v1beta/models", "x-goog-api-key", secret},
		"cartesia":   {"/voices", "X-API-Key", secret},
		"azure":      {"/cognitiveservices/voices/list", "Ocp-Apim-Subscription-Key", secret},
		"assemblyai": {"/v2/transcript", "Authorization", secret},
		"groq":       {"/models", "Authorization", "Bearer " + secret},
		"mistral":    {"/models", "Authorization", "Bearer " + secret},

		"whatsapp":     {"/me", "Authorization", "Bearer " + secret},
		"whatsapp_app": {"/" + sid, "Authorization", "Bearer " + sid + "|" + secret},
	}
	for _, vendor := range lines.Vendors() {
		way, ok := ways[vendor]
		c := store.Credential{Vendor: vendor, Account: sid}
		if !ok {
			if _, err := (&lines.Verifier{}).Verify(t.Context(), c, secret); !errors.Is(err, lines.ErrUnverifiable) {
				t.Errorf("%s: %v", vendor, err)
			}
			continue
		}
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			status := http.StatusOK
			elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect is followed") }))
			defer elsewhere.Close()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got := r.Header.Get(way.header); r.Method != http.MethodGet || r.URL.Path != way.path || !strings.HasPrefix(got, way.value) || strings.Contains(r.URL.String(), secret) {
					t.Errorf("%s %s with %s: %s", r.Method, r.URL, way.header, got)
				}
				if status == http.StatusFound {
					http.Redirect(w, r, elsewhere.URL, status)
					return
				}
				w.WriteHeader(status)
			}))
			defer server.Close()
			v := &lines.Verifier{Bases: map[string]string{vendor: server.URL}}
			for code, want := range map[int]store.Verdict{200: store.Works, 401: store.Refused, 403: store.Refused, 500: "", 429: "", 302: ""} {
				status = code
				got, err := v.Verify(t.Context(), c, secret)
				if got != want || (err == nil) != (want != "") {
					t.Errorf("%d: %q, %v", code, got, err)
				}
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("the secret is in the error: %v", err)
				}
			}
		})
	}
}

// TestVerifyGuarded: a credential's own server is asked by the guarded way alone, and sockets' URLs mean the same server.
func TestVerifyGuarded(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	c := store.Credential{Vendor: "deepgram", BaseURL: strings.Replace(server.URL, "http", "ws", 1)}
	if _, err := (&lines.Verifier{}).Verify(t.Context(), c, "secret"); !errors.Is(err, lines.ErrUnverifiable) {
		t.Errorf("without a guarded way: %v", err)
	}
	if got, err := (&lines.Verifier{Guarded: server.Client()}).Verify(t.Context(), c, "secret"); got != store.Works || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	refusing := &http.Client{Transport: refuser{}}
	if got, err := (&lines.Verifier{Guarded: refusing}).Verify(t.Context(), c, "secret"); got != "" || err == nil {
		t.Errorf("%q, %v", got, err)
	}
}

type refuser struct{}

func (refuser) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("private address")
}

func TestHint(t *testing.T) {
	t.Parallel()
	for secret, want := range map[string]string{"": "", "12345678901": "", "123456789012": "9012"} {
		if got := lines.Hint(secret); got != want {
			t.Errorf("%q ends with %q", secret, got)
		}
	}
}

func FuzzCheckTrunk(f *testing.F) {
	f.Add("sip.example.com", "user", "realm", "192.0.2.0/24", "+15005550006")
	f.Add("::1", "a\"b", "x\r\ny", "::/0", "1")
	f.Fuzz(func(t *testing.T, host, user, realm, network, caller string) {
		k := store.Trunk{Name: "n", Host: host, Username: user, Realm: realm, Allowed: []string{network}, CallerID: caller}
		if len(lines.CheckTrunk(k, user != "")) > 0 {
			return
		}
		for _, text := range []string{host, user, realm, caller} {
			if strings.ContainsAny(text, "\r\n\x00\"\\") {
				t.Errorf("%q would end a header", text)
			}
		}
		if all := lines.Networks(k.Allowed); len(all) != 1 || strings.HasSuffix(all[0], "/0") {
			t.Errorf("%q becomes %v", network, all)
		}
	})
}
