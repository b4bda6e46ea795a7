package carrier

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// plivo is Plivo's REST API of calls (plivo.com/docs/voice/api/call). A call goes by the id of its request.
func (x *Exchange) plivo(w http.ResponseWriter, r *http.Request) {
	if user, secret, _ := r.BasicAuth(); user != x.AccountSID || secret != x.AuthToken {
		failPlivo(w, http.StatusUnauthorized, "Could not verify your access level for that URL.")
		return
	}
	path, ours := strings.CutPrefix(r.URL.Path, "/v1/Account/"+x.AccountSID+"/")
	kind, rest, _ := strings.Cut(path, "/")
	id := strings.TrimSuffix(rest, "/")
	switch {
	case !ours || !strings.HasSuffix(r.URL.Path, "/") || kind != "Call" && kind != "Request":
		failPlivo(w, http.StatusNotFound, "not found")
	case r.Method == http.MethodPost && id == "" && kind == "Call":
		x.plivoOrder(w, r)
	case r.Method == http.MethodPost && kind == "Call":
		x.plivoTransfer(w, r, id)
	case r.Method == http.MethodDelete:
		x.plivoEnd(w, id, kind == "Call")
	case r.Method == http.MethodGet && id == "":
		x.plivoList(w, r)
	case r.Method == http.MethodGet:
		x.plivoCall(w, r, id)
	default:
		failPlivo(w, http.StatusMethodNotAllowed, "method not allowed")
	}
}

// plivoOrder is an order's body, as strictly as Plivo may take it.
type plivoOrder struct {
	From         string `json:"from"`
	To           string `json:"to"`
	AnswerURL    string `json:"answer_url"`
	AnswerMethod string `json:"answer_method"`
	RingURL      string `json:"ring_url"`
	RingMethod   string `json:"ring_method"`
	HangupURL    string `json:"hangup_url"`
	HangupMethod string `json:"hangup_method"`
	RingTimeout  int    `json:"ring_timeout"`
}

func (x *Exchange) plivoOrder(w http.ResponseWriter, r *http.Request) {
	o := plivoOrder{RingTimeout: 120}
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		failPlivo(w, http.StatusBadRequest, err.Error())
		return
	}
	if u, err := url.Parse(o.AnswerURL); err != nil || u.Host == "" || !bareNumber(o.From) || !bareNumber(o.To) || o.RingURL != o.HangupURL {
		failPlivo(w, http.StatusBadRequest, "from, to and answer_url are required, numbers without a plus")
		return
	}
	form := url.Values{
		"To": {"+" + o.To}, "From": {"+" + o.From}, "Url": {o.AnswerURL}, "StatusCallback": {o.HangupURL}, "StatusCallbackEvent": {"ringing", "completed"},
		"Timeout": {strconv.Itoa(o.RingTimeout)},
	}
	x.order(w, r, form, replies{
		fail: failPlivo,
		made: func(w http.ResponseWriter, c *outward) {
			write(w, http.StatusCreated, map[string]string{"message": "call fired", "request_uuid": c.sid, "api_id": sid("")})
		},
	})
}

func bareNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// plivoCall shows a call where it was asked for: among the live, the queued, or those that are over.
func (x *Exchange) plivoCall(w http.ResponseWriter, r *http.Request, id string) {
	c, state := x.find(id)
	switch where := r.URL.Query().Get("status"); {
	case c == nil, where != plivoPlace(state):
		failPlivo(w, http.StatusNotFound, "not found")
	case where == "":
		write(w, http.StatusOK, plivoPast(c, state))
	default:
		write(w, http.StatusOK, map[string]string{
			"call_status": state, "call_uuid": c.sid, "request_uuid": c.sid, "from": c.from[1:], "to": c.to[1:], "direction": "outbound",
			"session_start": c.made.UTC().Format("2006-01-02 15:04:05.999999-07:00"),
		})
	}
}

// plivoPlace is where a call is looked for.
func plivoPlace(state string) string {
	switch {
	case over(state):
		return ""
	case state == "queued" || state == "initiated":
		return "queued"
	}
	return "live"
}

func plivoPast(c *outward, state string) map[string]any {
	past := map[string]any{
		"call_uuid": c.sid, "from_number": c.from[1:], "to_number": c.to[1:], "call_direction": "outbound",
		"initiation_time":   c.made.UTC().Format("2006-01-02 15:04:05-07:00"),
		"hangup_cause_name": map[string]string{"completed": "Normal Hangup", "busy": "Busy Line", "no-answer": "No Answer", "canceled": "Cancelled"}[state],
	}
	if state == "completed" {
		past["answer_time"] = c.made.UTC().Format("2006-01-02 15:04:05-07:00")
	}
	return past
}

func (x *Exchange) plivoList(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	ids, objects := []string{}, []map[string]any{}
	for _, c := range x.between("+"+q.Get("to_number"), "+"+q.Get("from_number")) {
		if state := x.stands(c); plivoPlace(state) == q.Get("status") {
			ids, objects = append(ids, c.sid), append(objects, plivoPast(c, state))
		}
	}
	if q.Get("status") != "" {
		write(w, http.StatusOK, map[string]any{"calls": ids})
		return
	}
	write(w, http.StatusOK, map[string]any{"objects": objects, "meta": map[string]int{"limit": 20, "total_count": len(objects)}})
}

// plivoEnd hangs up a call that is live, or a request that does not ring yet.
func (x *Exchange) plivoEnd(w http.ResponseWriter, id string, live bool) {
	c, state := x.find(id)
	if c == nil || over(state) || live != (plivoPlace(state) == "live") {
		failPlivo(w, http.StatusNotFound, "not found")
		return
	}
	c.hangUp()
	w.WriteHeader(http.StatusNoContent)
}

func (x *Exchange) plivoTransfer(w http.ResponseWriter, r *http.Request, id string) {
	var o struct {
		Legs   string `json:"legs"`
		URL    string `json:"aleg_url"`
		Method string `json:"aleg_method"`
	}
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil || o.Legs != "aleg" {
		failPlivo(w, http.StatusBadRequest, "legs is aleg here")
		return
	}
	if c, state := x.find(id); c != nil && over(state) {
		failPlivo(w, http.StatusNotFound, "not found")
		return
	}
	x.leadTo(w, id, o.URL, o.Method, failPlivo, func(w http.ResponseWriter, c *outward) {
		write(w, http.StatusAccepted, map[string]any{"message": "call transferred", "call_uuids": []string{c.sid}, "api_id": sid("")})
	})
}

func failPlivo(w http.ResponseWriter, status int, message string) {
	write(w, status, map[string]string{"error": message, "api_id": sid("")})
}

// since says whether a call was made after a time that a list is asked for.
func since(c *outward, text string) bool {
	t, err := time.Parse(time.RFC3339, text)
	return err != nil || !c.made.Before(t)
}
