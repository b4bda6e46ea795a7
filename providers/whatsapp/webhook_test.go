package whatsapp_test

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/providers/message"
	"parley/providers/providertest"
	"parley/providers/whatsapp"
)

// TestSign holds signatures to the vector of shared/wire/whatsapp.md, and refuses forty that are nearly right.
func TestSign(t *testing.T) {
	t.Parallel()
	const secret = "8f1c2d3e4b5a69788796a5b4c3d2e1f0"
	body := []byte(`{"object":"whatsapp_business_account","entry":[]}`)
	const want = "sha256=3676e12bd15db23dd305d57b79aeb244db78434513e284398a03dfc76223bd9d"
	if got := whatsapp.Sign(secret, body); got != want {
		t.Fatalf("%s, want %s", got, want)
	}
	if !whatsapp.Signed(secret, want, body) || !whatsapp.Signed(secret, "sha256="+strings.ToUpper(want[7:]), body) {
		t.Error("a good signature is refused")
	}
	type forgery struct{ secret, signature, body string }
	var all []forgery
	for i := range 8 { // one bit of the signature
		b, err := hex.DecodeString(want[7:])
		if err != nil {
			t.Fatal(err)
		}
		b[i*4] ^= 1 << i
		all = append(all, forgery{secret, "sha256=" + hex.EncodeToString(b), string(body)})
	}
	for i := range 8 { // one bit of the body
		b := []byte(string(body))
		b[i*6] ^= 1
		all = append(all, forgery{secret, want, string(b)})
	}
	for _, s := range []string{
		"", "sha256=", want[7:], "sha1=" + want[7:], "SHA256=" + want[7:], want + "0", want[:70], want[:69], " " + want, want + " ", want + "\n",
		"sha256=" + strings.Repeat("0", 64), "sha256=" + strings.Repeat("z", 64), want + "," + want, "sha256=sha256=" + want[7:],
		"sha256=" + want[9:] + want[7:9],
	} {
		all = append(all, forgery{secret, s, string(body)})
	}
	for _, s := range []string{string(body) + " ", " " + string(body), string(body[:len(body)-1]), "", `{"entry":[],"object":"whatsapp_business_account"}`} {
		all = append(all, forgery{secret, want, s})
	}
	for _, s := range []string{secret + "0", secret[1:], strings.ToUpper(secret)} {
		all = append(all, forgery{s, want, string(body)})
	}
	all = append(all, forgery{"", whatsapp.Sign("", body), string(body)})
	if len(all) < 40 {
		t.Fatalf("%d forgeries: want 40", len(all))
	}
	for i, f := range all {
		if whatsapp.Signed(f.secret, f.signature, []byte(f.body)) {
			t.Errorf("forgery %d is taken: %q", i, f.signature)
		}
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	ask := func(mode, token, challenge string) url.Values {
		return url.Values{"hub.mode": {mode}, "hub.verify_token": {token}, "hub.challenge": {challenge}}
	}
	if got, ok := whatsapp.Verify(ask("subscribe", "my-token", "1158201444"), "my-token"); !ok || got != "1158201444" {
		t.Errorf("%q, %v", got, ok)
	}
	for _, q := range []url.Values{
		ask("subscribe", "my-tokem", "1"), ask("subscribe", "", "1"), ask("unsubscribe", "my-token", "1"), ask("subscribe", "my-token", ""),
		ask("subscribe", "my-token", strings.Repeat("1", 257)), {},
	} {
		if _, ok := whatsapp.Verify(q, "my-token"); ok {
			t.Errorf("%v is taken", q)
		}
	}
	if _, ok := whatsapp.Verify(ask("subscribe", "", "1"), ""); ok {
		t.Error("no token is taken for one")
	}
}

// TestParse reads a webhook of every kind.
func TestParse(t *testing.T) {
	t.Parallel()
	person := message.Party{Number: "+16505551234", User: "US.13491208655302741918", Name: "Ana Ruiz", Handle: "ana.r"}
	hidden := person
	at := time.Unix(1760000000, 0).UTC()
	media := func(kind message.Kind, m message.Media) message.Incoming {
		m.SHA256 = "SfInY0gGKTsn9WuSpxCNbfvJFrWhAnOhfxfHpQ9xbzg="
		m.ID = "1003383421387256"
		return message.Incoming{Kind: kind, Text: m.Caption, Media: &m}
	}
	answered := &message.Quote{Message: "wamid.parent", Author: "+15550783881"}
	want := map[string]message.Incoming{
		"text":     {Kind: message.Text, Text: "Hello"},
		"hidden":   {Kind: message.Text, Text: "I have no number", From: hidden},
		"image":    media(message.Image, message.Media{Type: "image/jpeg", Caption: "photo"}),
		"audio":    media(message.Audio, message.Media{Type: "audio/ogg; codecs=opus", Voice: true}),
		"video":    media(message.Video, message.Media{Type: "video/mp4", Caption: "film"}),
		"document": media(message.Document, message.Media{Type: "application/pdf", Filename: "receipt.pdf", Caption: "the receipt"}),
		"sticker":  media(message.Sticker, message.Media{Type: "image/webp"}),
		"with_url": media(message.Image, message.Media{Type: "image/jpeg", URL: "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1"}),
		"location": {Kind: message.Location, Text: "Philz", Place: &message.Place{
			Latitude: 37.44221496582, Longitude: -122.16165924072, Name: "Philz", Address: "101 Forest Ave", URL: "https://philz.example",
		}},
		"location_text": {Kind: message.Location, Place: &message.Place{Latitude: 37.5, Longitude: -122.25}},
		"contacts": {Kind: message.Contacts, Cards: []message.Card{{
			Name: message.CardName{Full: "Lucía Gómez", First: "Lucía", Last: "Gómez"}, Company: "Acme",
			Phones: []message.CardPhone{{Phone: "+1 (983) 555-2319", ID: "19835552319", Type: "MOBILE"}},
		}}},
		"button_reply": {Kind: message.Chosen, Text: "Cancel", Quote: answered, Choice: &message.Choice{ID: "cancel-button", Title: "Cancel"}},
		"list_reply": {Kind: message.Chosen, Text: "Priority", Quote: answered, Choice: &message.Choice{
			ID: "prio", Title: "Priority", Description: "Next day", List: true,
		}},
		"nfm_reply": {Kind: message.Filled, Text: "Sent", Quote: answered, Form: &message.Form{Name: "flow", Body: "Sent", Data: []byte(`{"flow_token":"t"}`)}},
		"call_permission_reply": {Kind: message.Permitted, Quote: answered, Permission: &message.Permission{
			Granted: true, Expires: time.Unix(1760604800, 0).UTC(),
		}},
		"button":           {Kind: message.Chosen, Text: "Stop it", Quote: answered, Choice: &message.Choice{ID: "Unsubscribe", Title: "Stop it", Template: true}},
		"reaction":         {Kind: message.Reacted, Text: "👍", Reaction: &message.Reaction{Message: "wamid.ours", Emoji: "👍"}},
		"reaction_removed": {Kind: message.Reacted, Reaction: &message.Reaction{Message: "wamid.ours"}},
		"order": {Kind: message.Ordered, Text: "soon please", Order: &message.Order{
			Catalog: "194836987003835", Note: "soon please", Items: []message.Item{{Product: "di9", Quantity: 2, Price: "30", Currency: "USD"}},
		}},
		"system": {Kind: message.System, Text: "User A changed from 16505551234 to 12195555358", Change: &message.Change{
			Type: "user_changed_number", Note: "User A changed from 16505551234 to 12195555358",
			Old: message.Party{Number: "+16505551234"}, New: message.Party{Number: "+12195555358"},
		}},
		"system_user": {Kind: message.System, Text: "A has another id", Change: &message.Change{
			Type: "user_changed_user_id", Note: "A has another id",
			Old: message.Party{Number: "+16505551234", User: "US.13491208655302741918"}, New: message.Party{User: "US.2"},
		}},
		"unsupported": {Kind: message.Unsupported, Errors: []*message.Error{{
			Reason: message.Invalid, Code: 131051, Message: "Message type unknown", Details: "It is not supported.",
		}}},
		"request_welcome": {Kind: message.Welcome},
		"of_tomorrow":     {Kind: message.Unknown, Type: "hologram"},
		"forwarded":       {Kind: message.Text, Text: "see this", Quote: &message.Quote{Forwarded: true, Often: true}},
		"of_a_product": {Kind: message.Text, Text: "is it blue?", Quote: &message.Quote{
			Message: "wamid.catalogue", Author: "+15550783881", Catalog: "194836987003835", Product: "di9",
		}},
		"from_an_ad": {Kind: message.Text, Text: "I saw your ad", Referral: &message.Referral{
			URL: "https://fb.example/1", Source: "120", Type: "ad", Headline: "Chairs", Body: "All of them", MediaURL: "https://fb.example/1.jpg", Click: "ARA",
			Greeting: "Hi!",
		}},
	}
	seen := 0
	for _, s := range new(providertest.WhatsApp).Samples() {
		w, ok := want[s.Name]
		if !ok {
			continue
		}
		seen++
		events, err := whatsapp.Parse(s.Body)
		if err != nil || len(events) != 1 || events[0].Message == nil {
			t.Errorf("%s: %v, %+v", s.Name, err, events)
			continue
		}
		got := events[0]
		w.ID = "wamid.in." + s.Name
		if w.From == (message.Party{}) {
			w.From = person
		}
		if w.Type == "" {
			w.Type = got.Message.Type
		}
		if diff := cmp.Diff(&w, got.Message); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", s.Name, diff)
		}
		line := message.Line{Account: providertest.FakeAccount, ID: providertest.FakeNumber, Number: "+" + providertest.FakeDisplay}
		if got.Line != line || !got.At.Equal(at) || got.Key != "message:"+w.ID {
			t.Errorf("%s: %+v", s.Name, got)
		}
	}
	if seen != len(want) {
		t.Errorf("%d kinds were seen, want %d", seen, len(want))
	}
}

// TestParseNews reads statuses, calls and what else there is.
func TestParseNews(t *testing.T) {
	t.Parallel()
	person := message.Party{Number: "+16505551234"}
	known := message.Party{Number: "+16505551234", User: "US.13491208655302741918", Name: "Ana Ruiz", Handle: "ana.r"}
	price := &message.Price{Model: "PMP", Type: "free_customer_service", Category: "service"}
	began := time.Unix(1760000004, 0).UTC()
	statuses := map[string]message.Status{
		"status_sent":      {Message: "wamid.out1", State: message.Sent, To: person, Tag: "ses_01", Price: price},
		"status_delivered": {Message: "wamid.out1", State: message.Delivered, To: person, Tag: "ses_01", Price: price},
		"status_read":      {Message: "wamid.out1", State: message.Read, To: person, Tag: "ses_01", Price: price},
		"status_played":    {Message: "wamid.out1", State: message.Played, To: person, Tag: "ses_01", Price: price},
		"status_failed": {Message: "wamid.out2", State: message.Failed, To: person, Errors: []*message.Error{{
			Reason: message.WindowClosed, Code: 131047, Message: "Re-engagement message", Details: "More than 24 hours have passed",
		}}},
		"status_group":  {Message: "wamid.out3", State: message.Delivered, To: person, Group: "group-1"},
		"status_hidden": {Message: "wamid.out4", State: message.Sent, To: message.Party{User: "US.13491208655302741918"}},
	}
	offer, reply := providertest.MetaSDP("57.144.135.35:3480", "actpass"), providertest.MetaSDP("57.144.135.35:3480", "active")
	calls := map[string]message.Call{
		"call_offered":        {Step: message.CallOffered, Peer: known, SDP: offer, Payload: "deep-1"},
		"call_offered_hidden": {Step: message.CallOffered, Peer: known, SDP: offer},
		"call_answered":       {Step: message.CallAnswered, Outbound: true, Peer: known, SDP: reply},
		"call_ended": {
			Step: message.CallEnded, Peer: known, Tag: "ses_01", Completed: true, Began: began, Ended: began.Add(76 * time.Second), Duration: 76 * time.Second,
		},
		"call_failed": {Step: message.CallEnded, Peer: known, Errors: []*message.Error{{
			Reason: message.CallFailed, Code: 138021, Message: "Media receive timeout", Details: "no sound",
		}}},
		"call_ringing":  {Step: message.CallRinging, Outbound: true, Peer: person, Tag: "ses_02"},
		"call_accepted": {Step: message.CallAccepted, Outbound: true, Peer: person, Tag: "ses_02"},
		"call_rejected": {Step: message.CallRejected, Outbound: true, Peer: person, Tag: "ses_02"},
	}
	notices := map[string]string{"errors": "messages", "another_field": "account_update"}
	for _, s := range new(providertest.WhatsApp).Samples() {
		events, err := whatsapp.Parse(s.Body)
		if err != nil || len(events) != 1 {
			t.Fatalf("%s: %v, %+v", s.Name, err, events)
		}
		e := events[0]
		status, isStatus := statuses[s.Name]
		call, isCall := calls[s.Name]
		field, isNotice := notices[s.Name]
		var diff string
		switch {
		case isStatus:
			diff = cmp.Diff(&status, e.Status)
			delete(statuses, s.Name)
		case isCall:
			call.ID = "wacid.FAKE." + s.Name
			diff = cmp.Diff(&call, e.Call)
			delete(calls, s.Name)
		case isNotice:
			if e.Notice == nil || e.Notice.Field != field || s.Name == "errors" && e.Notice.Errors[0].Reason != message.Unavailable {
				diff = fmt.Sprintf("%+v", e.Notice)
			}
			delete(notices, s.Name)
		}
		if diff != "" {
			t.Errorf("%s: (-want +got)\n%s", s.Name, diff)
		}
	}
	if n := len(statuses) + len(calls) + len(notices); n > 0 {
		t.Errorf("%d were not seen: %v %v %v", n, statuses, calls, notices)
	}
}

// TestParseOdd: what is odd harms nothing beside it, and nothing is lost.
func TestParseOdd(t *testing.T) {
	t.Parallel()
	envelope := func(value string) string {
		return `{"object":"whatsapp_business_account","entry":[{"id":1,"changes":[{"field":"messages","value":` + value + `}]}]}`
	}
	for _, test := range []struct {
		name, body string
		keys       []string
	}{
		{"several at once", envelope(`{"messages":[{"id":"a","from":"1","type":"text","text":{"body":"x"}},{"id":"b","from":"1","type":"text"}],"statuses":[{"id":"c","status":"sent"}]}`),
			[]string{"message:a", "message:b", "status:c:sent"}},
		{"one makes no sense", envelope(`{"messages":[7,{"from":"1"},{"id":"b","from":"1","type":"image","image":"no"}]}`), []string{"notice", "notice", "message:b"}},
		{"types that are others", envelope(`{"messages":[{"id":5,"from":16505551234,"timestamp":1760000000,"type":"text","text":{"body":7}}]}`), []string{"message:5"}},
		{"from nobody", envelope(`{"messages":[{"id":"a","type":"text","text":{"body":"x"}}]}`), []string{"notice"}},
		{"an unknown state", envelope(`{"statuses":[{"id":"a","status":"pondered"}]}`), []string{"notice"}},
		{"nothing", envelope(`{}`), []string{"notice"}},
		{"a value that is none", envelope(`"x"`), []string{"notice"}},
		{"no entries", `{"object":"whatsapp_business_account"}`, nil},
	} {
		events, err := whatsapp.Parse([]byte(test.body))
		if err != nil || len(events) != len(test.keys) {
			t.Errorf("%s: %v, %+v", test.name, err, events)
			continue
		}
		for i, e := range events {
			if !strings.HasPrefix(e.Key, test.keys[i]) {
				t.Errorf("%s: event %d is %s, want %s", test.name, i, e.Key, test.keys[i])
			}
		}
	}
	for _, bad := range []string{"", "x", "[]", `{"object":"page"}`, `{"object":"whatsapp_business_account"`} {
		if _, err := whatsapp.Parse([]byte(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

// FuzzParse: nothing that comes breaks it, each event is one thing, and told again it has the same key.
func FuzzParse(f *testing.F) {
	for _, s := range new(providertest.WhatsApp).Samples() {
		f.Add(s.Body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := whatsapp.Parse(body)
		again, err2 := whatsapp.Parse(body)
		if (err == nil) != (err2 == nil) || len(events) != len(again) {
			t.Fatal("it differs")
		}
		for i, e := range events {
			n := 0
			for _, set := range []bool{e.Message != nil, e.Status != nil, e.Call != nil, e.Notice != nil} {
				if set {
					n++
				}
			}
			if n != 1 || e.Key == "" || e.Key != again[i].Key {
				t.Fatalf("%+v", e)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	samples := new(providertest.WhatsApp).Samples()
	b.ReportAllocs()
	for b.Loop() {
		for _, s := range samples {
			if _, err := whatsapp.Parse(s.Body); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(len(samples)), "webhooks/op")
}
