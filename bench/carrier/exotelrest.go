package carrier

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// exotelClock is how Exotel writes times, which are India's.
const exotelClock = "2006-01-02 15:04:05"

var exotelZone = time.FixedZone("IST", 5*60*60+30*60)

// exotel is Exotel's REST API of calls (developer.exotel.com, Voice v1). Its account's key and token are AuthToken, with a colon between them; calls
// are connected to one flow, whose applet knows the URL of Applet. It ends no call, and lists none that is under way.
func (x *Exchange) exotel(w http.ResponseWriter, r *http.Request) {
	if key, token, _ := r.BasicAuth(); key+":"+token != x.AuthToken {
		failExotel(w, http.StatusUnauthorized, "Authentication failed. Invalid API Key or Token.")
		return
	}
	path, ours := strings.CutPrefix(r.URL.Path, "/v1/Accounts/"+x.AccountSID+"/Calls")
	id, one := strings.CutPrefix(strings.TrimSuffix(path, ".json"), "/")
	switch {
	case !ours || !strings.HasSuffix(path, ".json"):
		failExotel(w, http.StatusNotFound, "not found")
	case r.Method == http.MethodPost && id == "connect":
		x.exotelOrder(w, r)
	case r.Method == http.MethodGet && one:
		c, state := x.find(id)
		if c == nil {
			failExotel(w, http.StatusNotFound, "The requested call does not exist")
			return
		}
		write(w, http.StatusOK, map[string]any{"Call": x.exotelCall(c, state)})
	case r.Method == http.MethodGet:
		x.exotelList(w, r)
	default:
		failExotel(w, http.StatusMethodNotAllowed, "method not allowed")
	}
}

// exotelFields are those of an order that this simulation has read of.
var exotelFields = []string{"From", "CallerId", "Url", "CallType", "TimeLimit", "TimeOut", "StatusCallback", "StatusCallbackEvents[]", "CustomField"}

func (x *Exchange) exotelOrder(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		failExotel(w, http.StatusBadRequest, err.Error())
		return
	}
	form := r.PostForm
	for name := range form {
		if !slices.Contains(exotelFields, name) {
			failExotel(w, http.StatusBadRequest, "no such parameter: "+name)
			return
		}
	}
	flow := "http://my.exotel.com/" + x.AccountSID + "/exoml/start_voice/" + x.Application
	switch {
	case !isE164(form.Get("From")) || !isE164(form.Get("CallerId")):
		failExotel(w, http.StatusBadRequest, "From and CallerId are required, as E.164 has them")
		return
	case form.Get("Url") != flow:
		failExotel(w, http.StatusBadRequest, "Url is "+form.Get("Url")+", want "+flow)
		return
	case len(form.Get("CustomField")) > 128:
		failExotel(w, http.StatusBadRequest, "CustomField is too long")
		return
	}
	words := url.Values{
		"To": {form.Get("From")}, "From": {form.Get("CallerId")}, "Url": {x.Applet}, "StatusCallback": {form.Get("StatusCallback")}, "Timeout": form["TimeOut"],
	}
	for _, event := range form["StatusCallbackEvents[]"] {
		told := map[string]string{"terminal": "completed", "answered": "answered"}[event]
		if told == "" {
			failExotel(w, http.StatusBadRequest, "no such event: "+event)
			return
		}
		words.Add("StatusCallbackEvent", told)
	}
	x.order(w, r, words, replies{
		fail: failExotel,
		made: func(w http.ResponseWriter, c *outward) {
			write(w, http.StatusOK, map[string]any{"Call": x.exotelCall(c, "in-progress")}) // as its pages have it, whatever is so
		},
	})
}

func isE164(number string) bool {
	digits, plus := strings.CutPrefix(number, "+")
	return plus && bareNumber(digits)
}

// exotelCall is a call as Exotel shows it, with numbers as they are dialled in India.
func (x *Exchange) exotelCall(c *outward, state string) map[string]any {
	return map[string]any{
		"Sid": c.sid, "ParentCallSid": nil, "DateCreated": c.made.In(exotelZone).Format(exotelClock), "AccountSid": x.AccountSID, "To": nil,
		"From": dialled(c.to), "PhoneNumberSid": dialled(c.from), "Status": exotelState(state), "Direction": "outbound-api", "AnsweredBy": nil,
		"Uri": "/v1/Accounts/" + x.AccountSID + "/Calls.json/" + c.sid,
	}
}

// dialled is a number of India's without its country.
func dialled(number string) string {
	if rest, ok := strings.CutPrefix(number, "+91"); ok {
		return "0" + rest
	}
	return number
}

// exotelState is a state as Exotel has it.
func exotelState(state string) string {
	switch state {
	case "initiated":
		return "queued"
	case "canceled":
		return "failed"
	}
	return state
}

// exotelList shows calls that are over, oldest first.
func (x *Exchange) exotelList(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	since, err := time.ParseInLocation("gte:"+exotelClock, q.Get("DateCreated"), exotelZone)
	if err != nil || q.Get("SortBy") != "DateCreated:asc" {
		failExotel(w, http.StatusBadRequest, "this simulation lists calls by their DateCreated, from one on, in its order")
		return
	}
	found := []map[string]any{}
	for _, c := range slices.Backward(x.between(q.Get("From"), "")) {
		if state := x.stands(c); over(state) && !c.made.Before(since) {
			found = append(found, x.exotelCall(c, state))
		}
	}
	write(w, http.StatusOK, map[string]any{"Metadata": map[string]any{"Total": len(found), "PageSize": 50, "NextPageUri": nil}, "Calls": found})
}

func failExotel(w http.ResponseWriter, status int, message string) {
	write(w, status, map[string]any{"RestException": map[string]any{"Status": status, "Message": message}})
}

// tellExotel sends a status callback as Exotel does: a form in parts, by the user and the password of its URL.
func (p *placed) tellExotel(ctx context.Context, target string, form url.Values) error {
	state := exotelState(form.Get("CallStatus"))
	event := "answered"
	if over(state) {
		event = "terminal"
	}
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	now := time.Now().In(exotelZone).Format(exotelClock)
	for name, value := range map[string]string{
		"CallSid": p.result.CallSID, "EventType": event, "Status": state, "DateCreated": now, "DateUpdated": now, "From": dialled(p.To), "To": "",
		"PhoneNumberSid": dialled(p.From), "Direction": "outbound-api", "RecordingUrl": "",
	} {
		if err := parts.WriteField(name, value); err != nil {
			return err
		}
	}
	if err := parts.Close(); err != nil {
		return err
	}
	u, err := url.Parse(p.real(target))
	if err != nil {
		return err
	}
	if u.User == nil {
		return errors.New("the URL has no user and no password")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), &body) // which makes a header of them
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", parts.FormDataContentType())
	r.Header.Set("User-Agent", p.speaks().agent)
	answer, err := p.http.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%d", answer.StatusCode)
	}
	return nil
}
