package carrier

import (
	"cmp"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// late is when an answer comes that nobody waits for any more.
const late = 20 * time.Second

// ServeHTTP is the carrier's REST API, as much of it as is about calls.
func (x *Exchange) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if face := faces[cmp.Or(x.REST, Face(x.Kind))]; face != nil {
		face(x, w, r)
		return
	}
	x.twilio(w, r)
}

// A Face is whose API an exchange has.
type Face string

// The faces that are not Twilio's.
const (
	TelnyxREST     Face = "telnyx"
	PlivoREST      Face = "plivo"
	VonageREST     Face = "vonage"
	SignalWireREST Face = "signalwire" // Twilio's below another path, and documents only by their URL
	ExotelREST     Face = "exotel"
)

var faces = map[Face]func(x *Exchange, w http.ResponseWriter, r *http.Request){
	TelnyxREST: (*Exchange).telnyx, PlivoREST: (*Exchange).plivo, VonageREST: (*Exchange).vonage, SignalWireREST: (*Exchange).signalwire,
	ExotelREST: (*Exchange).exotel,
}

// twilio is Twilio's, under /2010-04-01.
func (x *Exchange) twilio(w http.ResponseWriter, r *http.Request) {
	user, secret, _ := r.BasicAuth()
	same := subtle.ConstantTimeCompare([]byte(user+":"+secret), []byte(x.AccountSID+":"+x.AuthToken))
	if same != 1 {
		fail(w, http.StatusUnauthorized, 20003, "Authenticate")
		return
	}
	if account := "/2010-04-01/Accounts/" + x.AccountSID + ".json"; r.Method == http.MethodGet && r.URL.Path == account {
		write(w, http.StatusOK, map[string]string{"sid": x.AccountSID, "status": "active", "uri": account})
		return
	}
	if r.Method == http.MethodGet && r.URL.Path == "/2010-04-01/Accounts/"+x.AccountSID+"/IncomingPhoneNumbers.json" {
		x.numbers(w, r.URL.Query().Get("PhoneNumber"))
		return
	}
	if r.Method == http.MethodGet && r.URL.Path == "/2010-04-01/Accounts/"+x.AccountSID+"/Conferences.json" {
		x.rooms.list(w, r, x.AccountSID)
		return
	}
	path, ours := strings.CutPrefix(r.URL.Path, "/2010-04-01/Accounts/"+x.AccountSID+"/Calls")
	id, one := strings.CutPrefix(strings.TrimSuffix(path, ".json"), "/")
	switch {
	case !ours || !strings.HasSuffix(path, ".json"):
		fail(w, http.StatusNotFound, 20404, "The requested resource was not found")
	case one:
		x.single(w, r, id)
	case r.Method == http.MethodGet:
		x.list(w, r)
	case r.Method == http.MethodPost:
		x.create(w, r)
	default:
		fail(w, http.StatusMethodNotAllowed, 20004, "Method not allowed")
	}
}

// create takes a request to place a call, or lets it suffer.
func (x *Exchange) create(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		fail(w, http.StatusBadRequest, 20001, err.Error())
		return
	}
	if field, code := missing(r.PostForm); field != "" {
		fail(w, http.StatusBadRequest, code, field+" is required, and a valid one")
		return
	}
	var fault Fault
	if x.Fault != nil {
		fault = x.Fault(r.PostForm.Get("To"))
	}
	switch fault {
	case Unheard:
		panic(http.ErrAbortHandler)
	case Broken:
		fail(w, http.StatusInternalServerError, 20500, "Internal server error")
		return
	case TooMany:
		fail(w, http.StatusTooManyRequests, 20429, "Too many requests")
		return
	case Refused:
		fail(w, http.StatusBadRequest, 21211, "The 'To' number is not a valid phone number")
		return
	}
	c, err := x.place(r.PostForm)
	switch {
	case err != nil:
		fail(w, http.StatusInternalServerError, 20500, err.Error())
	case fault == LostAnswer:
		panic(http.ErrAbortHandler)
	case fault == BrokenRang:
		fail(w, http.StatusInternalServerError, 20500, "Internal server error")
	case fault == LateAnswer:
		select {
		case <-r.Context().Done():
		case <-time.After(late):
		}
		panic(http.ErrAbortHandler)
	default:
		x.show(w, http.StatusCreated, c)
	}
}

// missing names a parameter that Twilio would want, and the code of its complaint.
func missing(form url.Values) (string, int) {
	for _, f := range []struct {
		name string
		code int
	}{{"To", 21201}, {"From", 21213}, {"Url", 21205}} {
		v := form.Get(f.name)
		u, err := url.Parse(v)
		if v == "" || f.name == "Url" && (err != nil || u.Host == "") || f.name != "Url" && !strings.HasPrefix(v, "+") {
			return f.name, f.code
		}
	}
	if d := form.Get("MachineDetection"); d != "" && d != "Enable" && d != "DetectMessageEnd" {
		return "MachineDetection", 21219
	}
	return "", 0
}

// single shows a call, or changes it.
func (x *Exchange) single(w http.ResponseWriter, r *http.Request, id string) {
	x.mu.Lock()
	i := slices.IndexFunc(x.calls, func(c *outward) bool { return c.sid == id })
	var c *outward
	var over bool
	if i >= 0 {
		c = x.calls[i]
		over = slices.Contains([]string{"completed", "busy", "no-answer", "failed", "canceled"}, c.state)
	}
	x.mu.Unlock()
	switch {
	case c == nil:
		fail(w, http.StatusNotFound, 20404, "The requested resource was not found")
		return
	case r.Method == http.MethodPost && over:
		fail(w, http.StatusBadRequest, 21220, "Unable to update record. Call is not in-progress")
		return
	case r.Method == http.MethodPost && r.FormValue("Twiml") != "":
		verbs, err := parseTwiML([]byte(r.FormValue("Twiml")))
		if err != nil {
			fail(w, http.StatusBadRequest, 12100, err.Error())
			return
		}
		if !x.leads(w, c, verbs) {
			return
		}
	case r.Method == http.MethodPost:
		if s := r.FormValue("Status"); s != "completed" && s != "canceled" {
			fail(w, http.StatusBadRequest, 21218, "Status is invalid")
			return
		}
		c.hangUp()
	}
	x.show(w, http.StatusOK, c)
}

// leads has a live call do what a document says, or lets the request suffer; false: it has been answered.
func (x *Exchange) leads(w http.ResponseWriter, c *outward, verbs []element) bool {
	var fault Fault
	if x.Leading != nil {
		fault = x.Leading(c.to)
	}
	switch fault {
	case Broken:
		fail(w, http.StatusInternalServerError, 20500, "Internal server error")
		return false
	case TooMany:
		fail(w, http.StatusTooManyRequests, 20429, "Too many requests")
		return false
	case Refused:
		fail(w, http.StatusBadRequest, 21218, "Twiml is invalid")
		return false
	}
	c.lead(verbs)
	if fault == LostAnswer {
		panic(http.ErrAbortHandler)
	}
	return true
}

// list shows the calls between two numbers, newest first.
func (x *Exchange) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	size, err := strconv.Atoi(q.Get("PageSize"))
	if err != nil || size < 1 || size > 1000 {
		size = 50
	}
	page, _ := strconv.Atoi(q.Get("Page")) // none is the first
	x.mu.Lock()
	found := []map[string]any{}
	for _, c := range slices.Backward(x.calls) {
		if to, from := q.Get("To"), q.Get("From"); (to == "" || c.to == to) && (from == "" || c.from == from) {
			found = append(found, x.resource(c))
		}
	}
	x.mu.Unlock()
	from, to := min(page*size, len(found)), min((page+1)*size, len(found))
	answer := map[string]any{"calls": found[from:to], "page": page, "page_size": size, "next_page_uri": nil}
	if to < len(found) {
		q.Set("Page", strconv.Itoa(page+1))
		answer["next_page_uri"] = r.URL.Path + "?" + q.Encode()
	}
	write(w, http.StatusOK, answer)
}

// numbers shows the account's numbers that contain what was asked for.
func (x *Exchange) numbers(w http.ResponseWriter, part string) {
	found := []map[string]any{}
	for _, e164 := range slices.Sorted(maps.Keys(x.Numbers)) {
		if strings.Contains(e164, part) {
			found = append(found, map[string]any{
				"sid": fmt.Sprintf("PN%032d", len(found)), "account_sid": x.AccountSID, "phone_number": e164, "voice_url": x.Numbers[e164], "voice_method": "POST",
				"voice_application_sid": "", "trunk_sid": nil,
			})
		}
	}
	write(w, http.StatusOK, map[string]any{"incoming_phone_numbers": found, "page": 0, "page_size": 50, "next_page_uri": nil})
}

func (x *Exchange) show(w http.ResponseWriter, status int, c *outward) {
	x.mu.Lock()
	shown := x.resource(c)
	x.mu.Unlock()
	write(w, status, shown)
}

// resource is a call as Twilio shows it. x is locked.
func (x *Exchange) resource(c *outward) map[string]any {
	return map[string]any{
		"sid": c.sid, "account_sid": x.AccountSID, "to": c.to, "from": c.from, "status": c.state, "direction": "outbound-api",
		"api_version": "2010-04-01", "date_created": c.made.UTC().Format(time.RFC1123Z),
		"uri": "/2010-04-01/Accounts/" + x.AccountSID + "/Calls/" + c.sid + ".json",
	}
}

func fail(w http.ResponseWriter, status, code int, message string) {
	write(w, status, map[string]any{
		"code": code, "message": message, "status": status, "more_info": "https://www.twilio.com/docs/errors/" + strconv.Itoa(code),
	})
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // who has gone cannot be told
}
