package carrier

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// telnyx is Telnyx' REST API of TeXML, and what Call Control says of a call (developers.telnyx.com, "TeXML REST Commands").
func (x *Exchange) telnyx(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+x.AuthToken {
		failTelnyx(w, http.StatusUnauthorized, 10009, "Authentication failed")
		return
	}
	if r.URL.Path == "/v2/balance" && r.Method == http.MethodGet {
		write(w, http.StatusOK, map[string]any{"data": map[string]string{"record_type": "balance", "balance": "10.00", "currency": "USD"}})
		return
	}
	if id, one := strings.CutPrefix(r.URL.Path, "/v2/calls/"); one && r.Method == http.MethodGet {
		x.alive(w, id)
		return
	}
	path, ours := strings.CutPrefix(r.URL.Path, "/v2/texml/Accounts/"+x.AccountSID+"/Calls")
	id, one := strings.CutPrefix(path, "/")
	switch {
	case !ours:
		failTelnyx(w, http.StatusNotFound, 10005, "Resource not found")
	case one && r.Method == http.MethodGet:
		x.telnyxCall(w, id)
	case one && r.Method == http.MethodPost:
		x.telnyxChange(w, r, id)
	case r.Method == http.MethodGet:
		x.telnyxList(w, r)
	case r.Method == http.MethodPost:
		x.telnyxOrder(w, r)
	default:
		failTelnyx(w, http.StatusMethodNotAllowed, 10008, "Method not allowed")
	}
}

// telnyxOrder is an order's body, as strictly as Telnyx takes it: names are case-sensitive.
type telnyxOrder struct {
	ApplicationSid       string
	To, From             string
	Url                  string //nolint:revive // Telnyx' name
	UrlMethod            string //nolint:revive // Telnyx' name
	StatusCallback       string
	StatusCallbackMethod string
	StatusCallbackEvent  string
	Timeout              int
}

func (x *Exchange) telnyxOrder(w http.ResponseWriter, r *http.Request) {
	var o telnyxOrder
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		failTelnyx(w, http.StatusUnprocessableEntity, 10015, "The body is no good: "+r.Header.Get("Content-Type"))
		return
	}
	u, err := url.Parse(o.Url)
	switch {
	case o.ApplicationSid != x.Application:
		failTelnyx(w, http.StatusUnprocessableEntity, 10015, "ApplicationSid is not one of the account's")
		return
	case !strings.HasPrefix(o.To, "+"), !strings.HasPrefix(o.From, "+"), err != nil || u.Host == "":
		failTelnyx(w, http.StatusUnprocessableEntity, 10015, "To, From and Url are required")
		return
	case o.Timeout != 0 && (o.Timeout < 5 || o.Timeout > 120):
		failTelnyx(w, http.StatusUnprocessableEntity, 10015, "Timeout must be between 5 and 120")
		return
	case o.UrlMethod != http.MethodPost, o.StatusCallbackMethod != http.MethodPost:
		failTelnyx(w, http.StatusUnprocessableEntity, 10015, "this simulation posts")
		return
	}
	form := url.Values{
		"To": {o.To}, "From": {o.From}, "Url": {o.Url}, "StatusCallback": {o.StatusCallback}, "StatusCallbackEvent": strings.Fields(o.StatusCallbackEvent),
		"Timeout": {strconv.Itoa(cmp.Or(o.Timeout, 30))},
	}
	x.order(w, r, form, replies{
		fail: func(w http.ResponseWriter, status int, message string) { failTelnyx(w, status, 10000+status, message) },
		made: func(w http.ResponseWriter, c *outward) {
			write(w, http.StatusOK, map[string]string{"call_sid": c.sid, "from": c.from, "to": c.to, "status": "queued"})
		},
	})
}

// telnyxCall shows a call, once it can be looked at.
func (x *Exchange) telnyxCall(w http.ResponseWriter, id string) {
	c, _ := x.find(id)
	if c == nil || time.Since(c.made) < x.Lag {
		failTelnyx(w, http.StatusNotFound, 10005, "Resource not found")
		return
	}
	write(w, http.StatusOK, x.telnyxResource(c))
}

// alive is what Call Control says of a call, at once.
func (x *Exchange) alive(w http.ResponseWriter, id string) {
	c, state := x.find(id)
	if c == nil {
		failTelnyx(w, http.StatusNotFound, 10005, "Resource not found")
		return
	}
	write(w, http.StatusOK, map[string]any{"data": map[string]any{"record_type": "call", "call_control_id": c.sid, "is_alive": !over(state)}})
}

// telnyxChange hangs a call up, or leads it to another document.
func (x *Exchange) telnyxChange(w http.ResponseWriter, r *http.Request, id string) {
	c, state := x.find(id)
	switch err := r.ParseForm(); {
	case c == nil:
		failTelnyx(w, http.StatusNotFound, 10005, "Resource not found")
		return
	case err != nil || len(r.PostForm) != 1:
		failTelnyx(w, http.StatusUnprocessableEntity, 10015, "want one of Status and Texml, as a form")
		return
	case over(state):
		failTelnyx(w, http.StatusUnprocessableEntity, 90018, "Call has already ended")
		return
	}
	if text := r.PostForm.Get("Texml"); text != "" {
		verbs, err := parseTwiML([]byte(text))
		if err != nil {
			failTelnyx(w, http.StatusUnprocessableEntity, 10015, err.Error())
			return
		}
		c.lead(verbs)
	} else if r.PostForm.Get("Status") == "completed" {
		c.hangUp()
	} else {
		failTelnyx(w, http.StatusUnprocessableEntity, 10015, "Status must be completed")
		return
	}
	write(w, http.StatusOK, x.telnyxResource(c))
}

func (x *Exchange) telnyxList(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	size, err := strconv.Atoi(q.Get("PageSize"))
	if err != nil || size < 1 {
		size = 20
	}
	page, _ := strconv.Atoi(q.Get("Page")) // none is the first
	all := x.between(q.Get("To"), q.Get("From"))
	from, to := min(page*size, len(all)), min((page+1)*size, len(all))
	calls := []map[string]any{}
	for _, c := range all[from:to] {
		calls = append(calls, x.telnyxResource(c))
	}
	answer := map[string]any{"calls": calls, "page": page, "page_size": size}
	if to < len(all) {
		q.Set("Page", strconv.Itoa(page+1))
		q.Set("PageToken", "MTY4")
		answer["next_page_uri"] = r.URL.Path + ".json?" + q.Encode()
	}
	write(w, http.StatusOK, answer)
}

func (x *Exchange) telnyxResource(c *outward) map[string]any {
	return map[string]any{
		"sid": c.sid, "account_sid": x.AccountSID, "to": c.to, "from": c.from, "status": x.stands(c), "direction": "outbound",
		"date_created": c.made.UTC().Format(time.RFC1123Z), "uri": "/v2/texml/Accounts/" + x.AccountSID + "/Calls/" + c.sid + ".json",
	}
}

func failTelnyx(w http.ResponseWriter, status, code int, detail string) {
	write(w, status, map[string]any{"errors": []map[string]string{{"code": strconv.Itoa(code), "title": http.StatusText(status), "detail": detail}}})
}

// telnyxWords makes the fields of a webhook Telnyx': those of placed calls name no direction, and a call's end has its SIP code elsewhere.
func telnyxWords(p *placed, form url.Values) {
	for _, name := range []string{"ApiVersion", "Caller", "Called", "FromCountry", "ToCountry", "CallerCountry", "CalledCountry", "StirVerstat"} {
		form.Del(name)
	}
	if p.outward {
		form.Del("Direction")
	}
	form.Set("CallSidLegacy", form.Get("CallSid"))
	form.Set("ConnectionId", "1684641123236054244")
	if code := form.Get("SipResponseCode"); code != "" {
		form.Del("SipResponseCode")
		form.Set("SipHangupCause", code)
	}
	if status := form.Get("CallStatus"); over(status) {
		form.Set("HangupCause", map[string]string{"busy": "user_busy", "no-answer": "timeout", "completed": "normal_clearing"}[status])
	}
}
