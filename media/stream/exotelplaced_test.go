package stream

import (
	"bytes"
	"context"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// exotelOrder is how exotelCall was ordered. Exotel's start has the numbers the other way round.
const exotelOrder = "5f1c6f0e-0f34-4c1b-9f62-0f6d2c1c9a01"

// newExotelPlaced is a side that has placed exotelCall, and knows it by its token and, if it is said so, by its id.
func newExotelPlaced(known bool, stale *bool, told chan<- StatusUpdate) *Exotel {
	return &Exotel{
		Token: "ours",
		Order: func(_ context.Context, in Incoming) (Incoming, bool) {
			if in.Params.Get("ours") != exotelOrder && (!known || in.CallSID != exotelCall) {
				return in, false
			}
			in.From, in.To, in.Params = "+918047491899", "+919876543210", url.Values{"ours": {exotelOrder}}
			return in, true
		},
		Admit: func(_ context.Context, call string, _ []string, params url.Values) bool {
			return call == exotelCall && params.Get("ours") == exotelOrder && !*stale
		},
		Progress: func(_ context.Context, u StatusUpdate) { told <- u },
	}
}

// TestExotelPlaced: a call that was placed is outward and has its order's numbers, whether the applet tells its token or it is known by its id; and
// it is let in no more when nobody waits for it.
func TestExotelPlaced(t *testing.T) {
	t.Parallel()
	const page = "?sample-rate=8000&CallSid=" + exotelCall + "&CallFrom=09876543210&CallTo=08047491899&Direction=outbound-dial"
	for name, c := range map[string]struct {
		known bool
		query string // of the page; empty: the applet knows where the socket is
	}{
		"the page is told": {false, page + "&CustomField=" + exotelOrder}, "the page knows": {true, page}, "the stream is known": {true, ""},
	} {
		stale := false
		e := newExotelPlaced(c.known, &stale, nil)
		server := newExotel(t, e)
		legs := answeredBy(t, &e.Host)
		target, header := overSocket(server.URL)+"/exotel/media", asUser(exotelUser, exotelPassword)
		if c.query != "" {
			status := 0
			if status, target = exotelAsks(t, server, c.query, header); status != http.StatusOK || !strings.Contains(target, "/placed-"+exotelOrder+"/") {
				t.Fatalf("%s: %d %s", name, status, target)
			}
			header = nil
		}
		ws := dialPlain(t, target, header)
		write(t, ws, exotelConnected, exotelStart(8000))
		got := within(t, legs, "leg").Info()
		if !got.Outbound || got.ID != exotelCall || got.From != "+918047491899" || got.To != "+919876543210" || got.Params["ours"] != exotelOrder {
			t.Errorf("%s: the leg says %+v", name, got)
		}
		stale = true
		if c.query == "" {
			ws := dialPlain(t, target, header)
			write(t, ws, exotelConnected, exotelStart(8000))
			if code := closeCode(t, ws); code != closePolicy {
				t.Errorf("%s, and is stale: closed with %d", name, code)
			}
		} else if status, _ := exotelAsks(t, server, c.query, asUser(exotelUser, exotelPassword)); status != http.StatusForbidden {
			t.Errorf("%s, and is stale: the page says %d", name, status)
		}
		if e.Stats.Refused[RefusedUnwanted].Load() != 1 {
			t.Errorf("%s: refused %d times", name, e.Stats.Refused[RefusedUnwanted].Load())
		}
	}
}

// TestExotelNotPlaced: calls that were not placed by this side come in as ever, whatever their direction.
func TestExotelNotPlaced(t *testing.T) {
	t.Parallel()
	stale := false
	e := newExotelPlaced(false, &stale, nil)
	server := newExotel(t, e)
	legs := answeredBy(t, &e.Host)
	_, target := exotelAsks(t, server, "?agent=sales&CallSid="+exotelCall+"&Direction=outbound-dial&CustomField=of+others", asUser(exotelUser, exotelPassword))
	ws := dialPlain(t, target, nil)
	write(t, ws, exotelConnected, exotelStart(8000))
	if got := within(t, legs, "leg").Info(); got.Outbound || got.From != "+919876543210" || got.Params["agent"] != "sales" || got.Params["ours"] != "" {
		t.Errorf("the leg says %+v", got)
	}
}

// TestExotelStatus takes status callbacks in each of the ways in which they are sent.
func TestExotelStatus(t *testing.T) {
	t.Parallel()
	stale, told := false, make(chan StatusUpdate, 1)
	server := newExotel(t, newExotelPlaced(true, &stale, told))
	fields := url.Values{
		"CallSid": {exotelCall}, "EventType": {"terminal"}, "DateCreated": {"2026-11-23 15:30:00"}, "DateUpdated": {"2026-11-23 15:30:40"}, "Status": {"no-answer"},
		"To": {"08047491899"}, "From": {"+919876543210"}, "PhoneNumberSid": {"+918047491899"}, "Direction": {"outbound-api"}, "ConversationDuration": {"17"},
	}
	var parts bytes.Buffer
	writer := multipart.NewWriter(&parts)
	for name := range fields {
		if err := writer.WriteField(name, fields.Get(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	const inJSON = `{"CallSid":"` + exotelCall + `","Status":"no-answer","From":"+919876543210","PhoneNumberSid":"+918047491899","Direction":"outbound-api",` +
		`"ConversationDuration":17,"RecordingUrl":null,"Legs":[{"OnCallDuration":8,"Status":"completed"}]}`
	tell := func(content, body string, header http.Header) (int, string) {
		r, err := http.NewRequest(http.MethodPost, server.URL+"/exotel/status?ours="+exotelOrder, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if r.Header = header; content != "" {
			r.Header.Set("Content-Type", content)
		}
		return do(t, server, r)
	}
	known := func() http.Header { return asUser(exotelUser, exotelPassword) }
	for content, body := range map[string]string{
		"application/x-www-form-urlencoded": fields.Encode(), "": fields.Encode(), writer.FormDataContentType(): parts.String(), "application/json": inJSON,
	} {
		status, _ := tell(content, body, known())
		if status != http.StatusOK {
			t.Errorf("%s: %d", content, status)
			continue
		}
		u := <-told
		if u.CallSID != exotelCall || u.Status != "no-answer" || u.From != "+918047491899" || u.To != "+919876543210" || u.Duration.Seconds() != 17 || u.Params.Get("ours") != exotelOrder {
			t.Errorf("%s: %+v", content, u)
		}
	}
	for name, c := range map[string]struct {
		content, body string
		header        http.Header
		want          int
	}{
		"nobody":           {"", fields.Encode(), http.Header{}, http.StatusForbidden},
		"another password": {"", fields.Encode(), asUser(exotelUser, "x"), http.StatusForbidden},
		"no call":          {"", "Status=completed", known(), http.StatusBadRequest},
		"no status":        {"", "CallSid=" + exotelCall, known(), http.StatusBadRequest},
		"a bad form":       {"", "%", known(), http.StatusBadRequest},
		"bad JSON":         {"application/json", "{", known(), http.StatusBadRequest},
		"bad parts":        {"multipart/form-data", "x", known(), http.StatusBadRequest},
		"too much":         {"", strings.Repeat("x", 70<<10), known(), http.StatusRequestEntityTooLarge},
	} {
		if status, body := tell(c.content, c.body, c.header); status != c.want {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
}
