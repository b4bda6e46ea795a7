package carrier_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"parley/bench/carrier"
	"parley/pipeline"
	"parley/providers/callapi"
	"parley/providers/exotel"
)

// exotelHouse is Exotel, which ends and leads no calls: it is held to promises of its own.
func exotelHouse() house {
	return house{
		exchange: &carrier.Exchange{Kind: carrier.Exotel, AccountSID: "acme1", AuthToken: "key:" + restKey, Application: "926"},
		account: func(api, _, status, key string) restCarrier {
			return &exotel.Account{SID: "acme1", Key: "key", Token: key, App: "926", Base: api, Status: strings.Replace(status, "://", "://applet:made-up@", 1)}
		},
		status: func(r *http.Request) pipeline.Placed {
			return pipeline.Placed{ID: r.FormValue("CallSid"), State: callapi.State(r.FormValue("Status"))}
		},
	}
}

// TestExotelPlaces has calls placed by Exotel: what becomes of them is told by their tokens, and can be looked at.
func TestExotelPlaces(t *testing.T) {
	t.Parallel()
	d := open(t, exotelHouse(), nil)
	for to, want := range map[string]pipeline.PlacedState{
		"+919876543271": pipeline.PlacedBusy, "+919876543272": pipeline.PlacedFailed, "+919876543274": pipeline.PlacedNoAnswer, "+919876543277": pipeline.PlacedHungUp,
	} {
		p := d.place("a&b"+to, to, want)
		now, err := d.account.Look(t.Context(), p.ID)
		if err != nil || now.State != want || now.ID != p.ID {
			t.Errorf("%s: looked at %+v, %v", to, now, err)
		}
		if err := d.account.HangUp(t.Context(), p.ID); err != nil {
			t.Errorf("%s: %v", to, err)
		}
	}
	ringing, err := d.account.Place(t.Context(), order("rings", "+919876543273"))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.account.HangUp(t.Context(), ringing.ID); err == nil {
		t.Error("a call that rings is hung up on")
	}
}

// TestExotelFails lets orders to Exotel suffer: nothing rings twice, and what rang is found once it is over.
func TestExotelFails(t *testing.T) {
	t.Parallel()
	faults := map[string]carrier.Fault{"+919876543201": carrier.Unheard, "+919876543211": carrier.LostAnswer, "+919876543221": carrier.BrokenRang, "+919876543231": carrier.TooMany, "+919876543241": carrier.Refused}
	d := open(t, exotelHouse(), faults)
	for to, fault := range faults {
		o := order(string(fault), to)
		_, err := d.account.Place(t.Context(), o)
		var no *pipeline.Refusal
		if err == nil || errors.As(err, &no) != (fault == carrier.Refused) || errors.Is(err, pipeline.ErrUntaken) != (fault == carrier.TooMany) {
			t.Errorf("%s: %v", fault, err)
		}
		rings := 0
		if fault == carrier.LostAnswer || fault == carrier.BrokenRang {
			rings = 1
			d.until("it is over", func() bool {
				return slices.ContainsFunc(d.heard[o.Token], func(h pipeline.Placed) bool { return h.State == pipeline.PlacedBusy })
			})
		}
		found, err := d.account.Find(t.Context(), o)
		if err != nil || len(found) != rings || d.rings.to(t)[to] != rings {
			t.Errorf("%s: found %+v, %v; rang %d times", fault, found, err, d.rings.to(t)[to])
		}
	}
}

// TestExotelStrict: the simulated Exotel takes no order that Exotel's pages do not have.
func TestExotelStrict(t *testing.T) {
	t.Parallel()
	x := exotelHouse().exchange
	api := httptest.NewServer(x)
	defer api.Close()
	defer x.Close()
	for name, change := range map[string]url.Values{
		"a field that is none": {"Timeout": {"45"}}, "a number without its country": {"From": {"09876543210"}}, "no number": {"CallerId": {""}},
		"another flow": {"Url": {"http://my.exotel.com/acme1/exoml/start_voice/927"}}, "another event": {"StatusCallbackEvents[]": {"ringing"}},
		"too much": {"CustomField": {strings.Repeat("x", 129)}},
	} {
		form := url.Values{"From": {"+919876543271"}, "CallerId": {"+918047491899"}, "Url": {"http://my.exotel.com/acme1/exoml/start_voice/926"}}
		for field, values := range change {
			form[field] = values
		}
		r, err := http.NewRequest(http.MethodPost, api.URL+"/v1/Accounts/acme1/Calls/connect.json", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth("key", restKey)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if _ = answer.Body.Close(); answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s", name, answer.Status)
		}
	}
}
