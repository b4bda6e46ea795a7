//go:build e2e

package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"parley/providers/providertest"
)

// TestEndToEndWhatsAppTwilio: the same as by Meta, by Twilio: somebody writes, the bot answers, and Twilio tells how far that came.
func TestEndToEndWhatsAppTwilio(t *testing.T) {
	t.Parallel()
	const public = "https://gw.example.net"
	f := &providertest.TwilioMessages{Token: "8f0c2b7d41e94f0ab0c1d2e3f4a5b6c8"}
	base := providertest.StartTwilioMessages(t, f)
	c := chatting(t, "TWILIO_BASE_URL="+base)
	var bot struct{ ID string }
	c.api("POST", "/api/v1/credentials", map[string]any{"vendor": "twilio", "name": "twilio", "account_id": providertest.FakeTwilio, "secret": f.Token})
	c.bare("POST", "/api/v1/bots", map[string]any{"name": "Twilio's", "type": "whatsapp", "config": map[string]any{
		"whatsapp": map[string]any{"provider": "twilio", "number": "+" + providertest.FakeDisplay},
	}}, &bot)
	hook := public + "/whatsapp/twilio/" + bot.ID
	post := func(target, signature string, form url.Values) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+strings.TrimPrefix(target, public), strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Twilio-Signature", signature)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	ana := providertest.WhatsAppPerson{Number: "16505551234", User: "ID.4566546130240823", Name: "Ana"}
	said := f.Says(ana, "SM88240000000000000000000000000001", "Where is my order?", nil)
	if code := post(hook, f.Sign(hook+"?", said), said); code != http.StatusForbidden {
		t.Errorf("signed for another URL: %d", code)
	}
	if code := post(hook, "", said); code != http.StatusForbidden {
		t.Errorf("not signed: %d", code)
	}
	for range 3 {
		if code := post(hook, f.Sign(hook, said), said); code != http.StatusOK {
			t.Fatalf("the webhook is answered %d", code)
		}
	}
	until(t, time.Minute, "the bot has answered", func() bool { return len(f.Sent()) == 1 })
	threads := c.threads()
	if len(threads) != 1 || threads[0].External != "+16505551234" {
		t.Fatalf("conversations %+v", threads)
	}
	all := c.messages(threads[0].ID)
	sent := f.Sent()[0]
	if len(all) != 2 || all[1].Content != "You said: Where is my order?" || sent.Form.Get("Body") != all[1].Content || sent.Form.Get("To") != "whatsapp:+16505551234" {
		t.Fatalf("messages %+v, sent %v", all, sent.Form)
	}
	back := sent.Form.Get("StatusCallback")
	for _, state := range []string{"read", "sent", "delivered"} {
		form := f.Tells(sent.SID, state, "+16505551234", 0)
		if code := post(back, f.Sign(back, form), form); code != http.StatusOK {
			t.Errorf("%s to %s is answered %d", state, back, code)
		}
	}
	c.status(threads[0].ID, all[1].ID, "read")
	c.bare("POST", "/api/v1/conversations/"+threads[0].ID+"/autoreply", map[string]any{"enabled": false}, new(threadRow))
	photo := f.Says(ana, "MM88240000000000000000000000000002", "", url.Values{
		"NumMedia": {"1"}, "MessageType": {"image"}, "MediaContentType0": {"image/png"}, "MediaUrl0": {f.Put("image/png", []byte(dot))},
	})
	if code := post(hook, f.Sign(hook, photo), photo); code != http.StatusOK {
		t.Fatalf("a photo is answered %d", code)
	}
	until(t, time.Minute, "the photo is kept", func() bool { return len(c.files(threads[0].ID)) == 1 })
	if _, body := c.got(c.files(threads[0].ID)[0].Data.Media.URL); body != dot {
		t.Errorf("the photo is %q", body)
	}
	var mine chatRow
	c.bare("POST", "/api/v1/conversations/"+threads[0].ID+"/messages", map[string]any{"type": "image", "media": map[string]any{"id": c.upload("image/png", []byte(dot))}}, &mine)
	c.status(threads[0].ID, mine.ID, "sent")
	if at := f.Sent()[1].Form.Get("MediaUrl"); !strings.HasPrefix(at, public+"/api/v1/media/") {
		t.Errorf("Twilio is to fetch %s", at)
	} else if head, body := c.got(at); body != dot || head.Get("Content-Type") != "image/png" {
		t.Errorf("Twilio fetches %q, %v", body, head)
	}
	var d struct {
		Checks []struct{ Name, Status, Detail, Fix string }
	}
	c.bare("POST", "/api/v1/bots/"+bot.ID+"/deploy/verify", nil, &d)
	for _, k := range d.Checks {
		t.Logf("%+v", k)
	}
	if len(d.Checks) != 4 || d.Checks[2].Status != "passed" || d.Checks[3].Status != "failed" { // the stand-in leads elsewhere
		t.Errorf("checks %+v", d.Checks)
	}
}
