package callapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strings"
	"time"

	"parley/pipeline"
)

// leadAge is how long the URL of a document is good: a carrier asks for it at once.
const leadAge = 2 * time.Minute

// A Leader leads calls on at carriers that take a document's URL in place of the document. Who is to be called is in the URL, sealed: whichever
// node is asked can answer, and nobody else can make one up. It may be used by any goroutine.
//
//	Account.Transfer ──▶ Lead: URL ──▶ carrier ──POST URL──▶ ServeHTTP ──▶ Document
type Leader struct {
	URL      string                                   // that documents are below
	Secret   []byte                                   // seals: the same on every node. Without it none is given
	Document func(to pipeline.Onward) (string, error) // what is answered
}

// onward is who is to be called, as a URL says it.
type onward struct {
	To       string        `json:"to"`
	CallerID string        `json:"from,omitempty"`
	Ring     time.Duration `json:"ring,omitempty"`
	Until    int64         `json:"until"` // seconds of Unix' clock
}

// Lead is the URL of the document that leads a call on.
func (l *Leader) Lead(to pipeline.Onward) string {
	text, _ := json.Marshal(onward{to.To, to.CallerID, to.Ring, time.Now().Add(leadAge).Unix()}) // of texts and numbers
	said := base64.RawURLEncoding.EncodeToString(text)
	return strings.TrimRight(l.URL, "/") + "/" + said + "." + l.seal(said)
}

func (l *Leader) seal(said string) string {
	mac := hmac.New(sha256.New, l.Secret)
	mac.Write([]byte("lead " + said))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// unseal is whom a URL's last part names; false: it is none of ours, or too old.
func (l *Leader) unseal(sealed string) (to pipeline.Onward, ok bool) {
	said, seal, _ := strings.Cut(sealed, ".")
	if len(l.Secret) == 0 || !hmac.Equal([]byte(seal), []byte(l.seal(said))) {
		return pipeline.Onward{}, false
	}
	var o onward
	text, err := base64.RawURLEncoding.DecodeString(said)
	if err != nil || json.Unmarshal(text, &o) != nil || time.Now().Unix() > o.Until {
		return pipeline.Onward{}, false
	}
	return pipeline.Onward{To: o.To, CallerID: o.CallerID, Ring: o.Ring}, true
}

// ServeHTTP answers a carrier with the document whose URL it asks: the path's value "sealed" is what Lead has put there.
func (l *Leader) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	to, ok := l.unseal(r.PathValue("sealed"))
	if !ok {
		http.Error(w, http.StatusText(http.StatusForbidden), http.StatusForbidden)
		return
	}
	text, err := l.Document(to)
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	_, _ = w.Write([]byte(xml.Header + text)) // a carrier that has gone cannot be told
}
