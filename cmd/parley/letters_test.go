package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"parley/control/archive"
	"parley/control/bots"
	"parley/control/inbox"
	channel "parley/providers/message"
	"parley/providers/providertest"
	"parley/providers/twilio"
	"parley/providers/whatsapp"
	"parley/store"
)

// sentPNG is a file of ours, which is sent.
const sentPNG = "\x89PNG\r\n\x1a\nand so on"

// readable is a file in memory that can be closed.
type readable struct{ *bytes.Reader }

func (readable) Close() error { return nil }

// shelf is one picture, with an id.
func shelf(id string) func(context.Context, string) (inbox.File, error) {
	return func(_ context.Context, asked string) (inbox.File, error) {
		if asked != id {
			return inbox.File{}, store.ErrNotFound
		}
		return inbox.File{
			File: store.File{ID: id, Kind: "image", Type: "image/png", Name: "dot.png", Bytes: int64(len(sentPNG))}, Link: "https://gw.example.net/api/v1/media/" + id + "/content?token=x",
			Open: func(context.Context) (archive.Sound, error) {
				return archive.Sound{ReadSeekCloser: readable{bytes.NewReader([]byte(sentPNG))}, Size: int64(len(sentPNG))}, nil
			},
		}, nil
	}
}

// letters are messages of all types, as the API takes them, and what Meta and Twilio are to be given; no: they are refused for that field.
func letters(file string) []struct{ body, meta, twilio, noTwilio string } {
	return []struct{ body, meta, twilio, noTwilio string }{
		{`{"content":"Hi"}`, `{"type":"text","text":{"body":"Hi","preview_url":false}}`, "Body=Hi", ""},
		{`{"type":"image","content":"A dot","media":{"id":"` + file + `"}}`, `{"type":"image","image":{"id":"FILE","caption":"A dot"}}`,
			"Body=A dot&MediaUrl=https://gw.example.net/api/v1/media/" + file + "/content?token=x", ""},
		{`{"type":"audio","media":{"url":"https://cdn.example.com/a.mp3"}}`, `{"type":"audio","audio":{"link":"https://cdn.example.com/a.mp3"}}`, "MediaUrl=https://cdn.example.com/a.mp3", ""},
		{`{"type":"video","media":{"url":"https://cdn.example.com/a.mp4","caption":"A film"}}`, `{"type":"video","video":{"link":"https://cdn.example.com/a.mp4","caption":"A film"}}`,
			"Body=A film&MediaUrl=https://cdn.example.com/a.mp4", ""},
		{`{"type":"document","media":{"url":"https://cdn.example.com/a.pdf","filename":"bill.pdf"}}`, `{"type":"document","document":{"link":"https://cdn.example.com/a.pdf","filename":"bill.pdf"}}`,
			"MediaUrl=https://cdn.example.com/a.pdf", ""},
		{`{"type":"sticker","media":{"url":"https://cdn.example.com/a.webp"}}`, `{"type":"sticker","sticker":{"link":"https://cdn.example.com/a.webp"}}`, "MediaUrl=https://cdn.example.com/a.webp", ""},
		{`{"type":"location","location":{"latitude":37.75,"longitude":-122.42,"name":"HQ"}}`, `{"type":"location","location":{"latitude":37.75,"longitude":-122.42,"name":"HQ"}}`,
			"Body=HQ&PersistentAction=geo:37.75,-122.42|HQ", ""},
		{`{"type":"contacts","contacts":[{"name":{"formatted_name":"John Smith","first_name":"John"},"phones":[{"phone":"+16505551234","type":"WORK"}]}]}`,
			`{"type":"contacts","contacts":[{"name":{"formatted_name":"John Smith","first_name":"John"},"phones":[{"phone":"+16505551234","type":"WORK"}]}]}`, "", "contacts"},
		{`{"type":"interactive","interactive":{"type":"button","header":{"type":"image","image":{"id":"` + file + `"}},"body":{"text":"Coming?"},"action":{"buttons":[{"type":"reply","reply":{"id":"y","title":"Yes"}}]}}}`,
			`{"type":"interactive","interactive":{"type":"button","header":{"type":"image","image":{"id":"FILE"}},"body":{"text":"Coming?"},"action":{"buttons":[{"type":"reply","reply":{"id":"y","title":"Yes"}}]}}}`, "", "interactive"},
		{`{"type":"interactive","interactive":{"type":"list","body":{"text":"B"},"footer":{"text":"F"},"action":{"button":"Choose","sections":[{"title":"S","rows":[{"id":"r","title":"R","description":"d"}]}]}}}`,
			`{"type":"interactive","interactive":{"type":"list","body":{"text":"B"},"footer":{"text":"F"},"action":{"button":"Choose","sections":[{"title":"S","rows":[{"id":"r","title":"R","description":"d"}]}]}}}`, "", "interactive"},
		{`{"type":"interactive","interactive":{"type":"cta_url","body":{"text":"B"},"action":{"name":"cta_url","parameters":{"display_text":"Open","url":"https://example.com"}}}}`,
			`{"type":"interactive","interactive":{"type":"cta_url","body":{"text":"B"},"action":{"name":"cta_url","parameters":{"display_text":"Open","url":"https://example.com"}}}}`, "", "interactive"},
		{`{"type":"reaction","reaction":{"message_id":"wamid.in","emoji":"👍"}}`, `{"type":"reaction","reaction":{"message_id":"wamid.in","emoji":"👍"}}`, "", "reaction"},
		{`{"type":"template","template":{"name":"hx","language":"en_US","variables":{"2":"Monday","1":"Ana","10":"x"}}}`,
			`{"type":"template","template":{"name":"hx","language":{"code":"en_US"},"components":[{"type":"body","parameters":[{"type":"text","text":"Ana"},{"type":"text","text":"Monday"},{"type":"text","text":"x"}]}]}}`,
			"", "template.name"},
		{`{"type":"template","template":{"name":"appointment_v2","language":"en_US","components":[
			{"type":"header","parameters":[{"type":"image","image":{"id":"` + file + `"}}]},
			{"type":"body","parameters":[{"type":"text","parameter_name":"day","text":"Monday"},{"type":"currency","currency":{"fallback_value":"$100.99","code":"USD","amount_1000":100990}},
			 {"type":"date_time","date_time":{"fallback_value":"February 25, 1977"}}]},
			{"type":"button","sub_type":"quick_reply","index":"0","parameters":[{"type":"payload","payload":"PAY_1"}]},
			{"type":"button","sub_type":"copy_code","index":2,"parameters":[{"type":"coupon_code","coupon_code":"SAVE10"}]}]}}`,
			`{"type":"template","template":{"name":"appointment_v2","language":{"code":"en_US"},"components":[
			{"type":"header","parameters":[{"type":"image","image":{"id":"FILE"}}]},
			{"type":"body","parameters":[{"type":"text","parameter_name":"day","text":"Monday"},{"type":"currency","currency":{"fallback_value":"$100.99","code":"USD","amount_1000":100990}},
			 {"type":"date_time","date_time":{"fallback_value":"February 25, 1977"}}]},
			{"type":"button","sub_type":"quick_reply","index":"0","parameters":[{"type":"payload","payload":"PAY_1"}]},
			{"type":"button","sub_type":"copy_code","index":"2","parameters":[{"type":"coupon_code","coupon_code":"SAVE10"}]}]}}`, "", "template.components"},
	}
}

// outgoing is a message as the inbox hands it on.
func outgoing(t *testing.T, body, file string) inbox.Outgoing {
	t.Helper()
	var w bots.Writing
	if err := json.Unmarshal([]byte(body), &w); err != nil {
		t.Fatal(body, err)
	}
	if err := w.Check(); err != nil {
		t.Fatal(body, err)
	}
	m := inbox.Outgoing{Peers: []string{"+16505551234"}, Tag: "m1", Type: w.Type, Text: w.Content, Details: w.Details(), Last: time.Now(), File: shelf(file)}
	if w.Reaction != nil {
		m.Quoted = w.Reaction.Message
	}
	return m
}

// TestLettersToMeta: whatever a person writes is what Meta is given, with our files uploaded.
func TestLettersToMeta(t *testing.T) {
	t.Parallel()
	f := &providertest.WhatsApp{Token: "EAA"}
	f.Limits.NoWindow = true
	l := &metaLine{number: &whatsapp.Number{ID: providertest.FakeNumber, Token: "EAA", Base: providertest.StartWhatsApp(t, f)}}
	file := store.NewID()
	for i, c := range letters(file) {
		m := outgoing(t, c.body, file)
		if err := l.Check(t.Context(), m); err != nil {
			t.Errorf("%s: %v", c.body, err)
		}
		id, err := l.Send(t.Context(), m)
		if err != nil || id == "" {
			t.Errorf("%s is not sent: %v", c.body, err)
			continue
		}
		got := f.Sent()[i].Body
		text, _ := json.Marshal(got)
		for _, name := range []string{"messaging_product", "recipient_type", "to", "biz_opaque_callback_data"} {
			delete(got, name)
		}
		uploaded := ""
		if at := strings.Index(string(text), `"id":"7`); at >= 0 {
			uploaded, _, _ = strings.Cut(string(text[at+6:]), `"`)
			if kept, ok := f.File(uploaded); !ok || string(kept.Content) != sentPNG || kept.Type != "image/png" {
				t.Errorf("%s: the file %q is not what was uploaded", c.body, uploaded)
			}
		}
		var want map[string]any
		if err := json.Unmarshal([]byte(strings.ReplaceAll(c.meta, "FILE", uploaded)), &want); err != nil {
			t.Fatal(err)
		}
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		if !bytes.Equal(a, b) {
			t.Errorf("%s\nis sent as %s\nwant       %s", c.body, a, b)
		}
	}
}

// TestUploadLost: when what Meta says to a file is lost, no message was sent: it waits, and does not fail as if it might have been.
func TestUploadLost(t *testing.T) {
	t.Parallel()
	var asked []string
	meta := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(meta.Close)
	l := &metaLine{number: &whatsapp.Number{ID: providertest.FakeNumber, Token: "EAA", Base: meta.URL}}
	file := store.NewID()
	picture := outgoing(t, `{"type":"image","media":{"id":"`+file+`"}}`, file)
	note := outgoing(t, `{"content":"Hi"}`, file)
	note.Note = []byte("OggS")
	for name, m := range map[string]inbox.Outgoing{"a picture": picture, "a note": note} {
		asked = nil
		_, err := l.Send(t.Context(), m)
		if no := (*inbox.Refusal)(nil); !errors.As(err, &no) || !no.Again || no.Unsure {
			t.Errorf("%s: %+v, want it tried again", name, err)
		}
		if len(asked) != 1 || !strings.HasSuffix(asked[0], "/media") {
			t.Errorf("%s: asked for %q, want the file given alone", name, asked)
		}
	}
}

// TestLettersToTwilio: what Twilio takes is what it is given, by links; what it does not take names the field.
func TestLettersToTwilio(t *testing.T) {
	t.Parallel()
	const token, content = "8f0c2b7d41e94f0ab0c1d2e3f4a5b6c8", "HX0123456789abcdef0123456789abcdef"
	f := &providertest.TwilioMessages{Token: token, NoWindow: true}
	account := &twilio.Account{SID: providertest.FakeTwilio, Token: token, Base: providertest.StartTwilioMessages(t, f)}
	l := &twilioLine{&twilio.Sender{Account: account, From: "+" + providertest.FakeDisplay}}
	file := store.NewID()
	all := append(letters(file), struct{ body, meta, twilio, noTwilio string }{
		`{"type":"template","template":{"name":"` + content + `","variables":{"1":"Ana"}}}`, "", "ContentSid=" + content + `&ContentVariables={"1":"Ana"}`, "",
	})
	sent := 0
	for _, c := range all {
		m := outgoing(t, c.body, file)
		err := l.Check(t.Context(), m)
		if no := (*inbox.Refusal)(nil); c.noTwilio != "" {
			if !errors.As(err, &no) || no.Field != c.noTwilio {
				t.Errorf("%s: %v, want %s refused", c.body, err, c.noTwilio)
			}
			continue
		}
		if err == nil {
			_, err = l.Send(t.Context(), m)
		}
		if err != nil {
			t.Errorf("%s: %v", c.body, err)
			continue
		}
		form := f.Sent()[sent].Form
		sent++
		form.Del("From")
		form.Del("To")
		got, err := url.QueryUnescape(form.Encode())
		if err != nil || got != c.twilio {
			t.Errorf("%s is sent as %s, want %s", c.body, got, c.twilio)
		}
	}
}

// TestWrongLetters: what Meta would not take is refused by the field that the API has for it.
func TestWrongLetters(t *testing.T) {
	t.Parallel()
	l := &metaLine{number: &whatsapp.Number{}}
	file := store.NewID()
	long := strings.Repeat("x", 30)
	for body, field := range map[string]string{
		`{"type":"interactive","interactive":{"type":"button","body":{"text":"B"},"action":{"buttons":[{"type":"reply","reply":{"id":"y","title":"` + long + `"}}]}}}`: "interactive.action.buttons[0].title",
		`{"type":"interactive","interactive":{"type":"button","body":{"text":""},"action":{"buttons":[{"type":"reply","reply":{"id":"y","title":"Y"}}]}}}`:             "interactive.body.text",
		`{"type":"interactive","interactive":{"type":"flow"}}`:                                                                                                       "interactive.type",
		`{"type":"interactive","interactive":{"type":"button","body":{"text":5}}}`:                                                                                   "interactive.body.text",
		`{"type":"contacts","contacts":[{"name":{"first_name":"John"}}]}`:                                                                                            "contacts[0].name.full",
		`{"type":"location","location":{"latitude":91,"longitude":0}}`:                                                                                               "location.latitude",
		`{"type":"image","media":{"url":"ftp://x"}}`:                                                                                                                 "media.url",
		`{"type":"template","template":{"name":"A b","language":"en"}}`:                                                                                              "template.name",
		`{"type":"template","template":{"name":"a"}}`:                                                                                                                "template.language",
		`{"type":"template","template":{"name":"a","language":"en","variables":{"1":""}}}`:                                                                           "template.variables.1",
		`{"type":"template","template":{"name":"a","language":"en","components":[{"type":"body","parameters":[{"type":"x"}]}]}}`:                                     "template.components[0].parameters[0].type",
		`{"type":"template","template":{"name":"a","language":"en","components":[{"type":"head"}]}}`:                                                                 "template.components[0].type",
		`{"type":"template","template":{"name":"a","language":"en","components":[{"type":"header","parameters":[{"type":"video","video":{"id":"` + file + `"}}]}]}}`: "media.id",
	} {
		err := l.Check(t.Context(), outgoing(t, body, file))
		if no := (*inbox.Refusal)(nil); !errors.As(err, &no) || no.Field != field || no.Message == "" {
			t.Errorf("%s: %v, want %s named", body, err, field)
		}
	}
}

// TestFetchRefusals: a file that is gone for good is told from one that may come yet.
func TestFetchRefusals(t *testing.T) {
	t.Parallel()
	f := &providertest.WhatsApp{Token: "EAA"}
	l := &metaLine{number: &whatsapp.Number{ID: providertest.FakeNumber, Token: "EAA", Base: providertest.StartWhatsApp(t, f)}}
	id, sum := f.Put("image/png", []byte(sentPNG))
	var got bytes.Buffer
	if err := l.Fetch(t.Context(), "image", `{"media":{"id":"`+id+`","type":"image/png","sha256":"`+sum+`"}}`, &got); err != nil || got.String() != sentPNG {
		t.Errorf("fetched %q (%v)", got.String(), err)
	}
	f.Drop(id)
	for data, says := range map[string]string{
		`{"media":{"id":"` + id + `","type":"image/png"}}`: "", `{"place":{}}`: "no file",
	} {
		err := l.Fetch(t.Context(), "image", data, io.Discard)
		if no := (*inbox.Refusal)(nil); !errors.As(err, &no) || no.Again || !strings.Contains(no.Message, says) {
			t.Errorf("%s: %v", data, err)
		}
	}
	if no := (*inbox.Refusal)(nil); !errors.As(unfetched(&channel.Error{Reason: channel.Unconnected, Retry: true}), &no) || !no.Again {
		t.Error("a file that cannot be reached now is given up")
	}
}
