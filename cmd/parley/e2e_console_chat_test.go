//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"parley/providers/providertest"
)

// TestConsoleChat: a person writes by WhatsApp, and whoever looks at the console sees it come; they turn the bot off, write, have a reply drafted and send
// it, and see how far each message came.
func TestConsoleChat(t *testing.T) {
	t.Parallel()
	axe := readAxe(t)
	c := chatting(t)
	b := chromium(t, c.url)
	b.look(1280, "light")
	c.signIn(b, "/console/conversations")
	shows := func(part, text string) {
		t.Helper()
		p, _ := json.Marshal(part)
		s, _ := json.Marshal(text)
		b.sees("[...document.querySelectorAll(" + string(p) + ")].some(e => e.innerText.includes(" + string(s) + "))")
	}
	ana := providertest.WhatsAppPerson{Number: "16505551234", Name: "Ana Ruiz"}
	c.hear(c.meta.Says(ana, "wamid.1", time.Now(), "text", saying("Where is my order?")))
	shows("td", "+16505551234") // without a click
	shows("td", "Desk")
	thread := c.threads()[0].ID
	b.open(c.url + "/console/conversations/" + thread)
	shows(".words li.user", "Where is my order?")
	shows(".words li.agent", "You said: Where is my order?")
	shows(".words li.agent .badge", "sent")
	c.hear(c.meta.Tells(c.meta.Sent()[0].ID, "delivered", ana.Number, time.Now(), 0))
	shows(".words li.agent .badge", "delivered")

	b.eval("document.querySelector('label.check input').click()", nil)
	b.sees("document.querySelector('label.check input').checked === false && !document.querySelector('label.check input').disabled")
	b.fill("Your words", "This is Olga: it is on its way.")
	b.press("Send")
	shows(".words li.agent:last-child", "This is Olga: it is on its way.")
	shows(".words li.agent:last-child b", "We")
	shows(".words li.agent:last-child .badge", "sent")
	b.sees("document.querySelector('textarea').value === ''")
	c.hear(c.meta.Tells(c.meta.Sent()[1].ID, "read", ana.Number, time.Now(), 0))
	shows(".words li.agent:last-child .badge", "read")

	c.hear(c.meta.Says(ana, "wamid.2", time.Now(), "location", map[string]any{"latitude": 37.44, "longitude": -122.16, "name": "Philz"}))
	shows(".words li.user:last-child", "[location] Philz")
	b.press("Draft a reply")
	b.sees("document.querySelector('textarea').value.startsWith('You said: ')")
	if n := len(c.meta.Sent()); n != 2 {
		t.Errorf("a draft was sent: %d messages", n)
	}
	check(b, "conversation-whatsapp", axe)
	b.look(1280, "light")
	b.press("Send")
	shows(".words li.agent:last-child", "You said: ")
	shows(".words li.agent:last-child .badge", "sent")

	file, sum := c.meta.Put("image/png", []byte(dot))
	c.hear(c.meta.Says(ana, "wamid.photo", time.Now(), "image", map[string]any{"id": file, "mime_type": "image/png", "sha256": sum, "caption": "My parcel"}))
	b.sees("[...document.querySelectorAll('.words li.user img')].some(e => e.alt === 'My parcel' && e.complete && e.naturalWidth === 1)")
	file, sum = c.meta.Put("text/html", []byte("<script>document.title = 'taken'</script>"))
	c.hear(c.meta.Says(ana, "wamid.page", time.Now(), "document", map[string]any{"id": file, "mime_type": "text/html", "sha256": sum, "filename": "page.html"}))
	b.sees("[...document.querySelectorAll('.words li.user a[download]')].some(e => e.innerText === 'page.html')")
	check(b, "conversation-files", axe)
	b.look(1280, "light")
	old := providertest.WhatsAppPerson{Number: "16505550000", Name: "Bo"}
	c.hear(c.meta.Says(old, "wamid.old", time.Now().Add(-25*time.Hour), "text", saying("Hello?")))
	until(t, time.Minute, "the other's message is there", func() bool { return len(c.threads()) == 2 })
	b.open(c.url + "/console/conversations/" + c.threads()[0].ID)
	shows("section p", "WhatsApp takes a template alone")
	b.fill("Template", "appointment_v2")
	b.fill("Values of its places, one a line", "Bo")
	check(b, "conversation-closed", axe)
	b.look(1280, "light")
	b.press("Send the template")
	shows(".words li.agent:last-child", "appointment_v2: Bo")
	shows(".words li.agent:last-child .badge", "sent")
	b.open(c.url + "/console/conversations/" + thread)
	shows(".words li.user", "Where is my order?")

	c.meta.OptOut(ana.Number)
	c.meta.Misbehave(providertest.Trouble{Fault: providertest.Complain, Code: 131026, Times: 2}) // of the read mark, and of the message
	b.fill("Your words", "Good bye.")
	b.press("Send")
	shows(".words li.agent:last-child .badge", "failed")
	shows(".words li.agent:last-child .wrong", "131026")

	b.open(c.url + "/console/bots")
	b.press("Channel")
	b.sees(fmt.Sprintf("[...document.querySelectorAll('dialog[open] input')].some(e => e.value === 'https://gw.example.net/whatsapp/meta/%s')", c.bot))
	check(b, "bot-channel", axe)
	b.look(1280, "light")
	b.press("Done")
	b.press("Verify")
	shows("dialog[open] li", "the number's webhook is \"https://gw.example.net/whatsapp/meta\"")
	check(b, "bot-verify-whatsapp", axe)
}
