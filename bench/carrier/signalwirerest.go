package carrier

import (
	"net/http"
	"net/url"
	"strings"
)

// signalwire is SignalWire's REST API, which is Twilio's below another path. A live call is led on by a document's URL alone
// (developer.signalwire.com, "Compatibility API", Update a Call).
func (x *Exchange) signalwire(w http.ResponseWriter, r *http.Request) {
	path, ours := strings.CutPrefix(r.URL.Path, "/api/laml")
	if !ours {
		fail(w, http.StatusNotFound, 20404, "The requested resource was not found")
		return
	}
	id, one := strings.CutPrefix(strings.TrimSuffix(path, ".json"), "/2010-04-01/Accounts/"+x.AccountSID+"/Calls/")
	if user, secret, _ := r.BasicAuth(); one && r.Method == http.MethodPost && user == x.AccountSID && secret == x.AuthToken {
		switch target := r.FormValue("Url"); {
		case r.FormValue("Twiml") != "":
			fail(w, http.StatusUnprocessableEntity, 21205, "Url is required: documents are not taken")
			return
		case target != "":
			x.leadTo(w, id, target, r.FormValue("Method"), func(w http.ResponseWriter, status int, message string) {
				fail(w, status, map[bool]int{true: 20404, false: 21220}[status == http.StatusNotFound], message)
			}, func(w http.ResponseWriter, c *outward) { x.show(w, http.StatusOK, c) })
			return
		}
	}
	below := r.Clone(r.Context())
	below.URL = &url.URL{Path: path, RawQuery: r.URL.RawQuery}
	x.twilio(w, below)
}
