package twilio_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media/stream"
	"parley/providers/message"
	"parley/providers/providertest"
	"parley/providers/twilio"
)

const ana = "16505551234"

// desk runs a fake, and is a number of it. Ana has just written.
func desk(t *testing.T, f *providertest.TwilioMessages) *twilio.Sender {
	t.Helper()
	f.Token = "secret"
	base := providertest.StartTwilioMessages(t, f)
	f.Wrote("+"+ana, time.Now())
	s := &twilio.Sender{
		Account: &twilio.Account{SID: providertest.FakeTwilio, Token: "secret", Base: base}, From: "+" + providertest.FakeDisplay,
		Status: "https://gw.example.net/whatsapp/twilio/status?bot=1",
	}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	return s
}

func reason(err error) message.Reason {
	if e := message.As(err); e != nil {
		return e.Reason
	}
	return ""
}

func to(o message.Outgoing) *message.Outgoing {
	o.To = message.Party{Number: "+" + ana}
	return &o
}

const content = "HX0123456789abcdef0123456789abcdef"

// TestSend: each kind of message is taken by a server that checks them as Twilio does.
func TestSend(t *testing.T) {
	t.Parallel()
	f := &providertest.TwilioMessages{}
	s := desk(t, f)
	for _, test := range []struct {
		name string
		o    message.Outgoing
		want url.Values // besides To, From and StatusCallback
	}{
		{"text", message.Outgoing{Text: "Hi"}, url.Values{"Body": {"Hi"}}},
		{"image", message.Outgoing{Media: &message.Attachment{Kind: message.Image, Link: "https://cdn.example.com/a.jpg", Caption: "x"}},
			url.Values{"MediaUrl": {"https://cdn.example.com/a.jpg"}, "Body": {"x"}}},
		{"place", message.Outgoing{Place: &message.Place{Latitude: 37.78, Longitude: -122.39, Name: "HQ"}}, url.Values{"PersistentAction": {"geo:37.78,-122.39|HQ"}, "Body": {"HQ"}}},
		{"place without a name", message.Outgoing{Place: &message.Place{Latitude: 1, Longitude: 2}}, url.Values{"PersistentAction": {"geo:1,2"}, "Body": {"geo:1,2"}}},
		{"content", message.Outgoing{Content: &message.Content{SID: content, Variables: map[string]string{"1": "Ana"}}},
			url.Values{"ContentSid": {content}, "ContentVariables": {`{"1":"Ana"}`}}},
	} {
		sent, err := s.Send(t.Context(), to(test.o))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		all := f.Sent()
		test.want.Set("To", "whatsapp:+"+ana)
		test.want.Set("From", "whatsapp:"+s.From)
		test.want.Set("StatusCallback", s.Status)
		if diff := cmp.Diff(test.want, all[len(all)-1].Form); diff != "" || sent.ID != all[len(all)-1].SID {
			t.Errorf("%s: %+v (-want +got)\n%s", test.name, sent, diff)
		}
	}
	s.Service = "MG0123456789abcdef0123456789abcdef"
	f.Wrote("ID.4566", time.Now())
	if _, err := s.Send(t.Context(), &message.Outgoing{To: message.Party{User: "ID.4566"}, Text: "Hi", Tag: "a&b"}); err != nil {
		t.Fatal(err)
	}
	all := f.Sent()
	want := url.Values{"To": {"whatsapp:ID.4566"}, "MessagingServiceSid": {s.Service}, "Body": {"Hi"}, "StatusCallback": {s.Status + "&parley_tag=a%26b"}}
	if diff := cmp.Diff(want, all[len(all)-1].Form); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestSendWrong: what Twilio has no way to send is not sent, and the error names the field.
func TestSendWrong(t *testing.T) {
	t.Parallel()
	f := &providertest.TwilioMessages{}
	s := desk(t, f)
	s.Status = ""
	for field, o := range map[string]message.Outgoing{
		"message":       {},
		"text":          {Text: strings.Repeat("x", 1601)},
		"tag":           {Text: "x", Tag: "y"},
		"reply_to":      {Text: "x", ReplyTo: "MM1"},
		"media":         {Media: &message.Attachment{Kind: message.Image, ID: "1"}},
		"media.link":    {Media: &message.Attachment{Kind: message.Image, Link: "x"}},
		"media.caption": {Media: &message.Attachment{Kind: message.Audio, Link: "https://x.example/a", Caption: "c"}},
		"place":         {Place: &message.Place{Latitude: 91}},
		"content.sid":   {Content: &message.Content{SID: "HX1"}},
		"cards":         {Cards: []message.Card{{}}},
		"reaction":      {Reaction: &message.Reaction{}},
		"menu":          {Menu: &message.Menu{}},
		"template":      {Template: &message.Template{}},
	} {
		if _, err := s.Send(t.Context(), to(o)); message.As(err) == nil || message.As(err).Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	for field, p := range map[string]message.Party{"to": {}, "to.number": {Number: "ana"}} {
		if _, err := s.Send(t.Context(), &message.Outgoing{To: p, Text: "x"}); message.As(err) == nil || message.As(err).Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if len(f.Sent()) != 0 {
		t.Error("something was sent")
	}
	err := (&twilio.Sender{Status: "x", Service: "MG1"}).Check()
	for _, want := range []string{"account", "messaging service", "status URL"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name the %s", err, want)
		}
	}
}

// TestSendRefused: refusals are sorted, and what may have been sent is not sent again.
func TestSendRefused(t *testing.T) {
	t.Parallel()
	f := &providertest.TwilioMessages{}
	s := desk(t, f)
	hello := to(message.Outgoing{Text: "Hi"})
	for code, want := range map[int]message.Reason{
		20003: message.Token, 20429: message.RateLimited, 21610: message.OptedOut, 63016: message.WindowClosed, 63007: message.NotReady, 21655: message.BadTemplate,
		99999: message.Invalid,
	} {
		f.Misbehave(providertest.Trouble{Fault: providertest.Complain, Code: code})
		if _, err := s.Send(t.Context(), hello); reason(err) != want || message.As(err).Code != code {
			t.Errorf("%d: %v", code, err)
		}
	}
	for fault, want := range map[providertest.Fault]message.Reason{
		providertest.Unheard: message.Unanswered, providertest.Refuse: message.Unanswered, providertest.Garbage: message.Garbled, providertest.Giant: message.Garbled,
	} {
		before := len(f.Sent())
		f.Misbehave(providertest.Trouble{Fault: fault})
		if _, err := s.Send(t.Context(), hello); reason(err) != want || !message.As(err).Unsure() || len(f.Sent()) > before+1 {
			t.Errorf("%s: %v, %d sent", fault, err, len(f.Sent())-before)
		}
	}
	f.Misbehave(providertest.Trouble{})
	f.Wrote("+"+ana, time.Now().Add(-25*time.Hour))
	if _, err := s.Send(t.Context(), hello); reason(err) != message.WindowClosed {
		t.Errorf("%v", err)
	}
	if _, err := s.Send(t.Context(), to(message.Outgoing{Content: &message.Content{SID: content}})); err != nil {
		t.Error(err)
	}
	f.OptOut("+" + ana)
	if _, err := s.Send(t.Context(), hello); reason(err) != message.OptedOut {
		t.Errorf("%v", err)
	}
	s.Account = &twilio.Account{SID: providertest.FakeTwilio, Token: "secret", Base: "http://127.0.0.1:1"}
	if _, err := s.Send(t.Context(), hello); reason(err) != message.Unconnected || !message.As(err).Retry {
		t.Errorf("%v", err)
	}
}

// TestParseMessage reads each kind of webhook.
func TestParseMessage(t *testing.T) {
	t.Parallel()
	f := &providertest.TwilioMessages{}
	who := providertest.WhatsAppPerson{Number: ana, User: "ID.4566546130240823", Name: "Ana"}
	party := message.Party{Number: "+" + ana, User: "ID.4566546130240823", Name: "Ana"}
	file := func(kind, at string) url.Values {
		return url.Values{"NumMedia": {"1"}, "MediaContentType0": {kind}, "MediaUrl0": {at}}
	}
	for _, test := range []struct {
		name, text string
		who        providertest.WhatsAppPerson
		more       url.Values
		want       message.Incoming
	}{
		{"text", "Hello", who, nil, message.Incoming{Kind: message.Text, Type: "text", Text: "Hello"}},
		{"hidden", "Hello", providertest.WhatsAppPerson{User: "ID.1", Name: "Bo"}, nil, message.Incoming{
			Kind: message.Text, Type: "text", Text: "Hello", From: message.Party{User: "ID.1", Name: "Bo"},
		}},
		{"voice note", "", who, file("audio/ogg", "https://api.twilio.com/a"), message.Incoming{
			Kind: message.Audio, Type: "text", Media: &message.Media{URL: "https://api.twilio.com/a", Type: "audio/ogg", Voice: true},
		}},
		{"image", "photo", who, file("image/jpeg", "https://api.twilio.com/a"), message.Incoming{
			Kind: message.Image, Type: "text", Text: "photo", Media: &message.Media{URL: "https://api.twilio.com/a", Type: "image/jpeg", Caption: "photo"},
		}},
		{"sticker", "", who, file("image/webp", "https://api.twilio.com/a"), message.Incoming{
			Kind: message.Sticker, Type: "text", Media: &message.Media{URL: "https://api.twilio.com/a", Type: "image/webp"},
		}},
		{"video", "", who, file("video/mp4", "https://api.twilio.com/a"), message.Incoming{
			Kind: message.Video, Type: "text", Media: &message.Media{URL: "https://api.twilio.com/a", Type: "video/mp4"},
		}},
		{"document", "a.pdf", who, file("application/pdf", "https://api.twilio.com/a"), message.Incoming{
			Kind: message.Document, Type: "text", Text: "a.pdf", Media: &message.Media{URL: "https://api.twilio.com/a", Type: "application/pdf", Caption: "a.pdf", Filename: "a.pdf"},
		}},
		{"location", "", who, url.Values{"Latitude": {"37.5"}, "Longitude": {"-122.25"}, "Label": {"HQ"}, "Address": {"1 Way"}}, message.Incoming{
			Kind: message.Location, Type: "text", Text: "HQ", Place: &message.Place{Latitude: 37.5, Longitude: -122.25, Name: "HQ", Address: "1 Way"},
		}},
		{"button", "Confirm", who, url.Values{
			"MessageType": {"interactive"}, "ButtonText": {"Confirm"}, "ButtonPayload": {"confirm_42"}, "OriginalRepliedMessageSid": {"MM5"},
			"OriginalRepliedMessageSender": {"whatsapp:+15550783881"},
		}, message.Incoming{
			Kind: message.Chosen, Type: "interactive", Text: "Confirm", Choice: &message.Choice{ID: "confirm_42", Title: "Confirm"},
			Quote: &message.Quote{Message: "MM5", Author: "+15550783881"},
		}},
		{"list", "", who, url.Values{"ListId": {"r1"}, "ListTitle": {"Row"}, "ListDescription": {"d"}}, message.Incoming{
			Kind: message.Chosen, Type: "text", Text: "Row", Choice: &message.Choice{ID: "r1", Title: "Row", Description: "d", List: true},
		}},
		{"forwarded", "x", who, url.Values{"FrequentlyForwarded": {"true"}}, message.Incoming{
			Kind: message.Text, Type: "text", Text: "x", Quote: &message.Quote{Forwarded: true, Often: true},
		}},
		{"from an ad", "x", who, url.Values{"ReferralSourceUrl": {"https://fb.example"}, "ReferralSourceType": {"ad"}, "ReferralCtwaClid": {"ARA"}}, message.Incoming{
			Kind: message.Text, Type: "text", Text: "x", Referral: &message.Referral{URL: "https://fb.example", Type: "ad", Click: "ARA"},
		}},
		{"nothing", "", who, nil, message.Incoming{Kind: message.Unknown, Type: "text"}},
	} {
		events, err := twilio.ParseMessage(nil, f.Says(test.who, "SM1", test.text, test.more))
		if err != nil || len(events) != 1 {
			t.Fatalf("%s: %v, %+v", test.name, err, events)
		}
		test.want.ID = "SM1"
		if test.want.From == (message.Party{}) {
			test.want.From = party
		}
		want := message.Event{Key: "message:SM1", Line: message.Line{Account: providertest.FakeTwilio, Number: "+" + providertest.FakeDisplay}, Message: &test.want}
		if diff := cmp.Diff(want, events[0]); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", test.name, diff)
		}
	}
	several := url.Values{"NumMedia": {"2"}, "MediaContentType0": {"image/jpeg"}, "MediaUrl0": {"a"}, "MediaContentType1": {"image/png"}, "MediaUrl1": {"b"}}
	events, err := twilio.ParseMessage(nil, f.Says(who, "SM1", "two", several))
	if err != nil || len(events) != 2 || events[1].Key != "message:SM1/1" || events[1].Message.Media.URL != "b" || events[1].Message.Kind != message.Image {
		t.Errorf("%v, %+v", err, events)
	}
	if _, err := twilio.ParseMessage(nil, url.Values{"Body": {"x"}}); err == nil {
		t.Error("a message without an id is taken")
	}
}

// TestParseStatus reads status callbacks.
func TestParseStatus(t *testing.T) {
	t.Parallel()
	f := &providertest.TwilioMessages{}
	for status, want := range map[string]message.State{
		"queued": message.Accepted, "sent": message.Sent, "delivered": message.Delivered, "read": message.Read, "undelivered": message.Failed, "failed": message.Failed,
	} {
		events, err := twilio.ParseMessage(url.Values{twilio.TagParam: {"a&b"}}, f.Tells("MM1", status, "+"+ana, 0))
		if err != nil || len(events) != 1 || events[0].Key != "status:MM1:"+status || events[0].Status == nil {
			t.Fatalf("%s: %v, %+v", status, err, events)
		}
		got := events[0].Status
		if diff := cmp.Diff(&message.Status{Message: "MM1", State: want, To: message.Party{Number: "+" + ana}, Tag: "a&b"}, got); diff != "" {
			t.Errorf("%s: %s", status, diff)
		}
	}
	events, err := twilio.ParseMessage(nil, f.Tells("MM1", "undelivered", "+"+ana, 63016))
	if err != nil || events[0].Status.Errors[0].Reason != message.WindowClosed {
		t.Errorf("%v, %+v", err, events)
	}
	read := f.Tells("MM1", "delivered", "+"+ana, 0)
	read.Set("EventType", "READ")
	if events, err := twilio.ParseMessage(nil, read); err != nil || events[0].Status.State != message.Read {
		t.Errorf("%v, %+v", err, events)
	}
	if events, err := twilio.ParseMessage(nil, f.Tells("MM1", "pondering", "+"+ana, 0)); err != nil || events[0].Notice == nil {
		t.Errorf("%v, %+v", err, events)
	}
}

// TestForged: a form that is signed is taken as package stream says, and forty that are nearly right are not.
func TestForged(t *testing.T) {
	t.Parallel()
	f := &providertest.TwilioMessages{Token: "secret"}
	const target = "https://gw.example.net/whatsapp/twilio?bot=1"
	form := f.Says(providertest.WhatsAppPerson{Number: ana, Name: "Ana"}, "SM1", "Hello", nil)
	good := f.Sign(target, form)
	if !stream.Signed("secret", good, target, form) {
		t.Fatal("a good signature is refused")
	}
	n := 0
	refuse := func(token, signature, target string, form url.Values) {
		if n++; stream.Signed(token, signature, target, form) {
			t.Errorf("forgery %d is taken", n)
		}
	}
	for i := range 27 { // the last character has bits that mean nothing
		b := []byte(good)
		if b[i]++; b[i] == good[i] {
			b[i]--
		}
		refuse("secret", string(b), target, form)
	}
	for name := range form {
		changed := url.Values{}
		for k, v := range form {
			changed[k] = v
		}
		changed[name] = []string{form.Get(name) + "x"}
		refuse("secret", good, target, changed)
	}
	for _, s := range []string{"", good[1:], good + "=", strings.ToLower(good)} {
		refuse("secret", s, target, form)
	}
	for _, s := range []string{"", "http://gw.example.net/whatsapp/twilio?bot=1", target + "2", "https://gw.example.net/whatsapp/twilio"} {
		refuse("secret", good, s, form)
	}
	refuse("", good, target, form)
	refuse("Secret", good, target, form)
	if n < 40 {
		t.Errorf("%d forgeries: want 40", n)
	}
}

// TestFetch: the account's token is told to Twilio and to nobody else.
func TestFetch(t *testing.T) {
	t.Parallel()
	f := &providertest.TwilioMessages{}
	s := desk(t, f)
	whole := bytes.Repeat([]byte{1, 2, 3}, 5000)
	at := f.Put("audio/ogg", whole)
	var got bytes.Buffer
	if err := s.Account.Fetch(t.Context(), message.Media{URL: at}, &got); err != nil || !bytes.Equal(got.Bytes(), whole) {
		t.Fatalf("%v, %d bytes", err, got.Len())
	}
	var told atomic.Int32
	cdn := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the token is told")
		}
		told.Add(1)
		_, _ = w.Write(whole)
	}))
	defer cdn.Close()
	s.Account.Client = cdn.Client()
	s.Account.Client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	got.Reset()
	if err := s.Account.Fetch(t.Context(), message.Media{URL: at + "/moved?to=" + url.QueryEscape(cdn.URL)}, &got); err != nil || !bytes.Equal(got.Bytes(), whole) || told.Load() != 1 {
		t.Errorf("%v, %d bytes", err, got.Len())
	}
	for _, bad := range []string{cdn.URL, "http://api.twilio.com/x", at + "/moved?to=" + url.QueryEscape("http://127.0.0.1:1/x"), "file:///etc/passwd", "::", ""} {
		if err := s.Account.Fetch(t.Context(), message.Media{URL: bad}, io.Discard); reason(err) != message.MediaFailed {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if err := s.Account.Fetch(t.Context(), message.Media{URL: at + "0"}, io.Discard); reason(err) != message.MediaGone {
		t.Errorf("%v", err)
	}
	large := f.Put("video/mp4", make([]byte, 16<<20+1))
	if err := s.Account.Fetch(t.Context(), message.Media{URL: large}, io.Discard); reason(err) != message.MediaFailed {
		t.Errorf("%v", err)
	}
	full := errors.New("the disk is full")
	if err := s.Account.Fetch(t.Context(), message.Media{URL: at}, failing{full}); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestRegistration finds the number among those of WhatsApp.
func TestRegistration(t *testing.T) {
	t.Parallel()
	s := desk(t, &providertest.TwilioMessages{})
	got, found, err := s.Account.Registration(t.Context(), s.From)
	if err != nil || !found || got.State != "ONLINE" || got.Webhook != "https://gw.example.net/whatsapp/twilio" || got.Method != http.MethodPost {
		t.Errorf("%v, %v, %+v", err, found, got)
	}
	if _, found, err := s.Account.Registration(t.Context(), "+1999"); err != nil || found {
		t.Errorf("%v, %v", err, found)
	}
	s.Account.Token = "wrong"
	if _, _, err := s.Account.Registration(t.Context(), s.From); reason(err) != message.Token {
		t.Errorf("%v", err)
	}
}
