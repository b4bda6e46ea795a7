package carrier

import (
	"cmp"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// vonage is Vonage's Voice API (developer.vonage.com, "Voice API" reference). AccountSID is the application, whose requests Verify proves.
func (x *Exchange) vonage(w http.ResponseWriter, r *http.Request) {
	if why := x.vonageToken(r); why != "" {
		failVonage(w, http.StatusUnauthorized, why)
		return
	}
	rest, ours := strings.CutPrefix(r.URL.Path, "/v1/calls")
	id := strings.TrimPrefix(rest, "/")
	switch {
	case !ours:
		failVonage(w, http.StatusNotFound, "not found")
	case r.Method == http.MethodPost && id == "":
		x.vonageOrder(w, r)
	case r.Method == http.MethodGet && id == "":
		x.vonageList(w, r)
	case r.Method == http.MethodGet:
		c, _ := x.find(id)
		if c == nil {
			failVonage(w, http.StatusNotFound, "Call was not found or it has expired")
			return
		}
		write(w, http.StatusOK, x.vonageResource(c))
	case r.Method == http.MethodPut:
		x.vonageChange(w, r, id)
	default:
		failVonage(w, http.StatusMethodNotAllowed, "method not allowed")
	}
}

// vonageToken says what is wrong with the token of a request.
func (x *Exchange) vonageToken(r *http.Request) string {
	parts := strings.Split(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), ".")
	if len(parts) != 3 {
		return "no token"
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || x.Verify == nil || rsa.VerifyPKCS1v15(x.Verify, crypto.SHA256, sum[:], signature) != nil {
		return "bad signature"
	}
	var head struct{ Alg, Typ string }
	var body struct {
		Application string `json:"application_id"`
		JTI         string `json:"jti"`
		Iat, Exp    int64
	}
	for i, into := range []any{&head, &body} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(text, into) != nil {
			return "bad token"
		}
	}
	now := time.Now().Unix()
	if head.Alg != "RS256" || body.Application != x.AccountSID || body.JTI == "" || body.Iat > now+60 || body.Exp < now {
		return "bad claims"
	}
	return ""
}

type vonageEnd struct {
	Type   string `json:"type"`
	Number string `json:"number,omitempty"`
	URI    string `json:"uri,omitempty"`
}

// vonageOrder is an order's body, as strictly as Vonage may take it.
type vonageOrder struct {
	To           []vonageEnd `json:"to"`
	From         vonageEnd   `json:"from"`
	AnswerURL    []string    `json:"answer_url"`
	AnswerMethod string      `json:"answer_method"`
	EventURL     []string    `json:"event_url"`
	EventMethod  string      `json:"event_method"`
	RingingTimer int         `json:"ringing_timer"`
}

func (x *Exchange) vonageOrder(w http.ResponseWriter, r *http.Request) {
	o := vonageOrder{RingingTimer: 60}
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		failVonage(w, http.StatusBadRequest, err.Error())
		return
	}
	if len(o.To) != 1 || !bareNumber(o.To[0].Number) || o.To[0].Type != "phone" || !bareNumber(o.From.Number) || len(o.AnswerURL) != 1 || len(o.EventURL) != 1 ||
		o.AnswerMethod != http.MethodPost || o.EventMethod != http.MethodPost || o.RingingTimer < 1 || o.RingingTimer > 120 {
		failVonage(w, http.StatusBadRequest, "to, from, answer_url and event_url are required; a ringing_timer is 1 to 120")
		return
	}
	form := url.Values{
		"To": {"+" + o.To[0].Number}, "From": {"+" + o.From.Number}, "Url": o.AnswerURL, "StatusCallback": o.EventURL,
		"StatusCallbackEvent": {"initiated", "ringing", "answered", "completed"}, "Timeout": {strconv.Itoa(o.RingingTimer)},
	}
	x.order(w, r, form, replies{
		fail: failVonage,
		made: func(w http.ResponseWriter, c *outward) {
			write(w, http.StatusCreated, map[string]string{"uuid": c.sid, "status": "started", "direction": "outbound", "conversation_uuid": "CON-" + sid("")})
		},
	})
}

func (x *Exchange) vonageList(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	size, err := strconv.Atoi(cmp.Or(q.Get("page_size"), "10"))
	if err != nil || size < 1 || size > 100 {
		failVonage(w, http.StatusBadRequest, "page_size is 1 to 100")
		return
	}
	first, _ := strconv.Atoi(q.Get("record_index")) // none is the first
	calls := []map[string]any{}
	for i, c := range x.between("", "") {
		if since(c, q.Get("date_start")) && i >= first && len(calls) < size {
			calls = append(calls, x.vonageResource(c))
		}
	}
	write(w, http.StatusOK, map[string]any{"page_size": size, "record_index": first, "_embedded": map[string]any{"calls": calls}})
}

// vonageChange hangs a call up, or leads it to another NCCO.
func (x *Exchange) vonageChange(w http.ResponseWriter, r *http.Request, id string) {
	var o struct {
		Action      string `json:"action"`
		Destination struct {
			Type string `json:"type"`
			NCCO []struct {
				Action   string      `json:"action"`
				From     string      `json:"from"`
				Timeout  int         `json:"timeout"`
				Endpoint []vonageEnd `json:"endpoint"`
			} `json:"ncco"`
		} `json:"destination"`
	}
	c, state := x.find(id)
	switch err := json.NewDecoder(r.Body).Decode(&o); {
	case c == nil:
		failVonage(w, http.StatusNotFound, "Call was not found or it has expired")
		return
	case err != nil, over(state):
		failVonage(w, http.StatusBadRequest, "Bad Request")
		return
	case o.Action == "hangup":
		c.hangUp()
	case o.Action == "transfer" && o.Destination.Type == "ncco" && len(o.Destination.NCCO) == 1 && len(o.Destination.NCCO[0].Endpoint) == 1:
		connect := o.Destination.NCCO[0]
		to := connect.Endpoint[0]
		dial := element{XMLName: xml.Name{Local: "Dial"}, Text: to.URI}
		if to.Type == "phone" {
			dial.Text = "+" + to.Number
		}
		if connect.From != "" {
			dial.Attrs = []xml.Attr{{Name: xml.Name{Local: "callerId"}, Value: "+" + connect.From}}
		}
		c.lead([]element{dial})
	default:
		failVonage(w, http.StatusBadRequest, "action is hangup or transfer here")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// vonageStates are Twilio's in Vonage's words.
var vonageStates = map[string]string{
	"queued": "started", "initiated": "started", "in-progress": "answered", "no-answer": "unanswered", "canceled": "cancelled",
}

func (x *Exchange) vonageResource(c *outward) map[string]any {
	state := x.stands(c)
	shown := map[string]any{
		"uuid": c.sid, "status": cmp.Or(vonageStates[state], state), "direction": "outbound",
		"to": vonageEnd{Type: "phone", Number: strings.TrimPrefix(c.to, "+")}, "from": vonageEnd{Type: "phone", Number: strings.TrimPrefix(c.from, "+")},
	}
	if state == "in-progress" || state == "completed" {
		shown["start_time"] = c.made.UTC().Format(time.RFC3339)
	}
	return shown
}

func failVonage(w http.ResponseWriter, status int, detail string) {
	write(w, status, map[string]string{"type": "https://developer.vonage.com/api-errors", "title": http.StatusText(status), "detail": detail})
}
