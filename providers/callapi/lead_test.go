package callapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/pipeline"
)

// TestLead gives the URLs of documents, and serves what they say: no other's, no altered one, and none for long.
func TestLead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		document := func(to pipeline.Onward) (string, error) { return DialXML(to, "Sip", 5, 120) }
		l := &Leader{URL: "https://gw.example.net/signalwire/lead/", Secret: []byte("of this server"), Document: document}
		ask := func(l *Leader, target string) (int, string) {
			mux := http.NewServeMux()
			mux.Handle("POST /signalwire/lead/{sealed}", l)
			rec := httptest.NewRecorder()
			mux.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodPost, target, nil))
			return rec.Code, rec.Body.String()
		}
		target := l.Lead(pipeline.Onward{To: "+15550100055", CallerID: "+15550100001", Ring: 30 * time.Second})
		const want = `<Response><Dial callerId="+15550100001" timeout="30"><Number>+15550100055</Number></Dial></Response>`
		for range 2 { // a carrier may ask again
			if status, body := ask(l, target); status != http.StatusOK || !strings.HasSuffix(body, want) || !strings.HasPrefix(target, l.URL) {
				t.Errorf("%s: %d %s", target, status, body)
			}
		}
		elsewhere := &Leader{URL: l.URL, Secret: []byte("of this server"), Document: document}
		if status, _ := ask(elsewhere, target); status != http.StatusOK {
			t.Errorf("another node: %d", status)
		}
		for name, c := range map[string]struct {
			by     *Leader
			target string
		}{
			"another secret":  {&Leader{URL: l.URL, Secret: []byte("x"), Document: document}, target},
			"no secret":       {&Leader{URL: l.URL, Document: document}, (&Leader{URL: l.URL}).Lead(pipeline.Onward{To: "+1"})},
			"somebody else":   {l, strings.Replace(target, "/lead/e", "/lead/f", 1)},
			"another seal":    {l, target + "A"},
			"no seal":         {l, target[:strings.LastIndexByte(target, '.')]},
			"nothing in it":   {l, l.URL + "." + l.seal("")},
			"not of anything": {l, l.URL + "x"},
		} {
			if status, body := ask(c.by, c.target); status != http.StatusForbidden || strings.Contains(body, "Dial") {
				t.Errorf("%s: %d %s", name, status, body)
			}
		}
		time.Sleep(leadAge + time.Second)
		if status, _ := ask(l, target); status != http.StatusForbidden {
			t.Errorf("later: %d", status)
		}
	})
}
