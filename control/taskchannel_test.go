package control_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestTaskChannel: a task may call on WhatsApp, from the number of a bot that is its organisation's and has one.
func TestTaskChannel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bot := func(kind, config string) string {
		t.Helper()
		var b struct{ ID string }
		body := fmt.Sprintf(`{"name":"b","type":%q,"config":{"agent_id":%q,"whatsapp":%s}}`, kind, w.ours.standard, config)
		w.want(w.ask(w.ours.key, "POST", "/api/v1/bots", body), http.StatusCreated).data(t, &b)
		return b.ID
	}
	create := func(key, more string) *answer {
		t.Helper()
		return w.ask(key, "POST", tasks, fmt.Sprintf(`{"agent_id":%q,"name":"n","to_number":"+12125551234","channel":"whatsapp"%s}`, w.ours.standard, more))
	}
	refused := func(a *answer, status int, field, why string) {
		t.Helper()
		if got := w.want(a, status).parsed.Details[field]; !strings.Contains(got, why) {
			t.Errorf("%s: %q, want %q", field, got, why)
		}
	}
	refused(create(w.ours.key, ""), http.StatusBadRequest, "bot_id", "no bot of WhatsApp")
	mute := bot("whatsapp", `{"phone_number_id":"106540352242922"}`)
	refused(create(w.ours.key, ""), http.StatusBadRequest, "bot_id", "config.whatsapp.number")
	refused(create(w.ours.key, `,"bot_id":"`+mute+`"`), http.StatusBadRequest, "bot_id", "config.whatsapp.number")
	twilio := bot("whatsapp", `{"provider":"twilio","number":"+14155238886"}`)
	refused(create(w.ours.key, `,"bot_id":"`+twilio+`"`), http.StatusBadRequest, "bot_id", "not at Meta")
	phone := bot("inbound_call", `null`)
	refused(create(w.ours.key, `,"bot_id":"`+phone+`"`), http.StatusBadRequest, "bot_id", "not a bot of WhatsApp")

	able := bot("whatsapp_voice", `{"phone_number_id":"106540352242923","number":"+15550783881"}`)
	var got map[string]any
	w.want(create(w.ours.key, `,"permission":{"template":{"name":"may_we_call","language":"en_US","body":["Ana"]}}`), http.StatusCreated).data(t, &got)
	permission, _ := got["permission"].(map[string]any)
	template, _ := permission["template"].(map[string]any)
	if got["channel"] != "whatsapp" || got["bot_id"] != able || template["name"] != "may_we_call" {
		t.Errorf("task: %v", got)
	}
	id, _ := got["id"].(string)
	refused(w.ask(w.ours.key, "PATCH", tasks+"/"+id, `{"channel":"phone"}`), http.StatusBadRequest, "channel", "cannot be changed")
	refused(create(w.ours.key, `,"permission":{}`), http.StatusBadRequest, "permission", "text or template")
	refused(create(w.ours.key, `,"permission":{"text":"May we?","template":{"name":"a","language":"en"}}`), http.StatusBadRequest, "permission", "text or template")
	refused(w.ask(w.ours.key, "POST", tasks, fmt.Sprintf(`{"agent_id":%q,"name":"n","to_number":"+12125551234","bot_id":%q}`, w.ours.standard, able)),
		http.StatusBadRequest, "bot_id", "whatsapp alone")
	theirs := fmt.Sprintf(`{"agent_id":%q,"name":"n","to_number":"+12125551234","channel":"whatsapp","bot_id":%q}`, w.theirs.standard, able)
	refused(w.ask(w.theirs.key, "POST", tasks, theirs), http.StatusNotFound, "bot_id", "no such bot")
}
