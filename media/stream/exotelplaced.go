package stream

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// This file is what Exotel asks and tells of calls that were placed by this side.

// name is what stands for a call that asks Voice, until its stream shows which it is; false: it was placed by this side, and nobody wants it any more.
func (e *Exotel) name(ctx context.Context, query url.Values) (name string, wanted bool) {
	ours, placed, wanted := e.ordered(ctx, Incoming{
		CallSID: query.Get("CallSid"), From: international(query.Get("CallFrom")), To: international(query.Get("CallTo")), Params: query,
	})
	if token := ours.Params.Get(e.Token); placed && plainID(token) {
		return exotelPlaced + token, wanted
	}
	return "exotel-" + rand.Text(), wanted
}

// claim makes a call that was placed by this side its own: outward, with its order's numbers and token. False: nobody wants it any more.
func (e *Exotel) claim(ctx context.Context, s *start) bool {
	params := url.Values{}
	for name, value := range s.params {
		params.Set(name, value)
	}
	ours, placed, wanted := e.ordered(ctx, Incoming{CallSID: s.call, From: s.from, To: s.to, Params: params})
	if placed {
		s.outbound, s.from, s.to = true, ours.From, ours.To
		s.params[e.Token] = ours.Params.Get(e.Token)
	}
	return wanted
}

// ordered is a call as it was ordered, where it was placed by this side, and whether it is wanted.
func (e *Exotel) ordered(ctx context.Context, in Incoming) (ours Incoming, placed, wanted bool) {
	if e.Order == nil || !plainID(in.CallSID) {
		return in, false, true
	}
	token := cmp.Or(in.Params.Get(e.Token), in.Params.Get(exotelCustom))
	if in.Params = (url.Values{}); plainID(token) {
		in.Params.Set(e.Token, token)
	}
	if ours, placed = e.Order(ctx, in); !placed {
		return in, false, true
	}
	return ours, true, e.Admit == nil || e.Admit(ctx, in.CallSID, nil, ours.Params)
}

// Status takes what is told of a call that was placed (POST), and hands it to Progress. Exotel sends a form of either kind, or JSON if it is asked to.
func (e *Exotel) Status(w http.ResponseWriter, r *http.Request) {
	if !e.known(r) {
		e.refuse(w, RefusedSignature, http.StatusForbidden)
		return
	}
	body, ok := e.body(w, r)
	if !ok {
		return
	}
	form, err := e.fields(r.Header.Get("Content-Type"), body)
	if err != nil {
		e.refuse(w, RefusedForm, http.StatusBadRequest)
		return
	}
	// Whom Exotel has called it names From; To is who was to be called after that.
	u := StatusUpdate{
		CallSID: form.Get("CallSid"), Status: form.Get("Status"), Direction: form.Get("Direction"), From: international(form.Get("PhoneNumberSid")),
		To: international(form.Get("From")), Params: r.URL.Query(),
	}
	switch {
	case !plainID(u.CallSID):
		e.badForm(w, "CallSid", u.CallSID)
		return
	case u.Status == "":
		e.badForm(w, "Status", u.Status)
		return
	}
	if seconds, err := strconv.Atoi(form.Get("ConversationDuration")); err == nil {
		u.Duration = time.Duration(seconds) * time.Second
	}
	if e.Progress != nil {
		e.Progress(r.Context(), u)
	}
	w.WriteHeader(http.StatusOK) // Exotel tells again what is answered otherwise
}

// fields are those of a status callback's body.
func (e *Exotel) fields(content string, body []byte) (url.Values, error) {
	kind, params, _ := mime.ParseMediaType(content) // what says nothing is a form
	switch kind {
	case "application/json":
		var told map[string]any
		if err := json.Unmarshal(body, &told); err != nil {
			return nil, err
		}
		form := url.Values{}
		for name, value := range told {
			switch v := value.(type) {
			case string:
				form.Set(name, v)
			case float64:
				form.Set(name, strconv.FormatFloat(v, 'f', -1, 64))
			}
		}
		return form, nil
	case "multipart/form-data":
		form, err := multipart.NewReader(bytes.NewReader(body), params["boundary"]).ReadForm(e.Limits.orDefaults().Form)
		if err != nil {
			return nil, err
		}
		defer form.RemoveAll() //nolint:errcheck // what is as small as a webhook's body is in no file
		return form.Value, nil
	}
	return url.ParseQuery(string(body))
}
