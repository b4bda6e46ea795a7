package crm_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"parley/control/archive"
	"parley/control/crm/crmtest"
	"parley/control/inbox"
	"parley/store"
)

// A line is a channel that takes everything, and of which nothing is sent here.
type line struct{ channel }

type channel interface{ inbox.Line }

func (l line) Line(store.Bot) (inbox.Line, error)        { return l, nil }
func (line) Check(context.Context, inbox.Outgoing) error { return nil }

// linked are files with an address for channels.
type linked struct{ *archive.Files }

func (linked) Link(f store.File) string { return "https://voice.example.com/" + f.ID }

const (
	ours   = "+15550100001"
	theirs = "+56912345678"
	png    = "\x89PNG\r\n\x1a\n and more"
)

// channel gives the organisation a bot of WhatsApp to which somebody has said something.
func (a *api) channel() {
	ctx, at := a.t.Context(), time.Now().UTC().Truncate(time.Microsecond)
	var err error
	a.bot, err = a.db.CreateBot(ctx, store.Bot{ID: store.NewID(), Org: a.org, Name: "Bot", Type: store.WhatsAppBot, Created: at,
		Config: `{"whatsapp":{"phone_number_id":"106540352242922","number":"` + ours + `"}}`})
	must(a.t, err)
	file := store.File{ID: store.NewID(), Org: a.org, Kind: "audio", Type: "audio/ogg", Name: "a.ogg", Bytes: 9, SHA256: "00", Path: "files/x", Created: at}
	must(a.t, a.db.CreateFile(ctx, file))
	got, err := a.db.Receive(ctx, store.Received{
		Org: a.org, Bot: a.bot.ID, Peers: []string{theirs}, Name: "John L", Metadata: `{"profile":"John"}`, Message: store.ThreadMessage{
			ID: store.NewID(), Role: "user", Type: "audio", Author: store.ByCustomer, External: "wamid.in", Tokens: -1, Created: at,
			Data: `{"media":{"file_id":"` + file.ID + `","type":"audio/ogg","filename":"a.ogg","bytes":9,"sha256":"00","error":"once"}}`,
		},
	})
	must(a.t, err)
	a.message = got.Message
	a.do("POST", "/conversations", object{"funnelId": 1, "contact": object{"phones": []any{theirs}}})
	a.telling(store.Telling{Words: "Hello", Summary: "Hello"})
	must(a.t, a.db.NoteMessage(ctx, store.MessageNote{Message: a.message, Org: a.org, User: "7", Fields: `{"property1":1,"property2":"x"}`}))
}

// telling keeps what was said in the message.
func (a *api) telling(of store.Telling) {
	ctx, at := a.t.Context(), time.Now().UTC().Truncate(time.Microsecond)
	m, _, err := a.db.MessageAnywhere(ctx, a.org, a.message)
	must(a.t, err)
	_, err = a.db.AddJob(ctx, store.Job{ID: store.NewID(), Org: a.org, Bot: a.bot.ID, Kind: store.WordsJob, Key: a.message, Thread: m.Conversation, Due: at, Latest: at, Created: at})
	must(a.t, err)
	jobs, err := a.db.TakeJobs(ctx, store.JobTaking{Kind: store.WordsJob, Node: "here", Now: at, Until: at.Add(time.Minute), Most: 1})
	must(a.t, err)
	must(a.t, a.db.Told(ctx, jobs[0], of, at))
}

// failedMessage is how a message is shown that could not be sent, after one of sound that could not be heard.
func (a *api) failedMessage() object {
	ctx := a.t.Context()
	made := a.do("POST", "/messages/whatsapp", object{"fromPhoneNumber": ours, "toPhoneNumber": theirs, "type": "text", "content": "Hello"})
	job := store.Job{Bot: a.bot.ID, Key: made["id"].(string)}
	must(a.t, a.db.Sent(ctx, job, "", "Re-engagement message (code 131047)", time.Now()))
	shown := a.do("GET", "/messages/"+made["id"].(string), nil)
	if shown["status"] != "failed" || shown["errors"].([]any)[0].(object)["code"] != 131047.0 {
		a.t.Errorf("a message that was not sent: %v", shown)
	}
	heard := a.do("GET", "/messages/"+a.message, nil)
	a.telling(store.Telling{Failure: "no"})
	deaf := a.do("GET", "/messages/"+a.message, nil)
	for _, of := range []object{heard, deaf} {
		shaped(a.t, "GetMessage", "", operation("GetMessage").Answer, of, map[string]bool{})
	}
	// One answer for the contract's fields, each as one of the three has it.
	all := maps.Clone(heard)
	all["errors"] = shown["errors"]
	all["mediaProcessing"] = merged(heard["mediaProcessing"].(object), deaf["mediaProcessing"].(object))
	all["attachments"].([]any)[0].(object)["mediaProcessing"] = all["mediaProcessing"]
	return all
}

// merged are what was made of sound, with why it could not be.
func merged(heard, deaf object) object {
	out := object{}
	for part, of := range heard {
		out[part] = maps.Clone(of.(object))
		out[part].(object)["errorMessage"] = deaf[part].(object)["errorMessage"]
	}
	return out
}

// operation is one of the contract's.
func operation(name string) crmtest.Operation {
	for _, op := range crmtest.Load().Operations {
		if op.Name == name {
			return op
		}
	}
	return crmtest.Operation{}
}

// letter is the page's sample with what it has placeholders for.
func (a *api) letter(operation string, sample object) object {
	sample["fromPhoneNumber"] = ours
	if operation == "UploadMedia" {
		sample["contentType"], sample["content"] = "image/png", base64.StdEncoding.EncodeToString([]byte(png))
		delete(sample, "fileId")
		return sample
	}
	sample["toPhoneNumber"] = theirs
	delete(sample, "components") // or variables: not both
	return sample
}

// named is a message that was made, and which has an id of the channel once that has taken it.
func (a *api) named(made object) object {
	must(a.t, a.db.Sent(a.t.Context(), store.Job{Bot: a.bot.ID, Key: made["id"].(string)}, "wamid."+made["id"].(string), "", time.Now()))
	shown := a.do("GET", "/messages/"+made["id"].(string), nil)
	if shown["status"] != "sent" || shown["providerId"] == nil {
		a.t.Errorf("a message that was sent: %v", shown)
	}
	return made
}

// TestMessages: messages of all types go out as the page has them, and what is wrong is named.
func TestMessages(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, a *api) {
		a.channel()
		message := func(kind, content string, more ...any) object {
			m := object{"fromPhoneNumber": "+1 555 010-0001", "toPhoneNumber": theirs, "type": kind, "content": content}
			for i := 0; i < len(more); i += 2 {
				m[more[i].(string)] = more[i+1]
			}
			return m
		}
		upload := func(kind, content string) string {
			return a.do("POST", "/messages/whatsapp/media", object{"fromPhoneNumber": ours, "contentType": kind, "content": base64.StdEncoding.EncodeToString([]byte(content))})["fileId"].(string)
		}
		picture := upload("image/png", png)
		again := a.do("POST", "/messages/whatsapp/media", object{"fromPhoneNumber": ours, "fileId": picture, "tags": object{"a": "b"}})
		if again["fileId"] != picture || again["size"] != float64(len(png)) || again["tags"].(object)["a"] != "b" {
			t.Errorf("by fileId: %v", again)
		}
		for kind, m := range map[string]object{
			"text": message("text", "Hello", "userId", "7", "customFields", object{"a": 1, "b": nil}), "image": message("image", "A map", "fileId", picture),
			"audio": message("audio", "ignored", "fileId", upload("audio/ogg", "OggS...")), "location": message("location", `{"latitude":1.5,"longitude":2}`),
			"contacts": message("contacts", `[{"name":{"formatted_name":"Ana"}}]`), "interactive": message("interactive", `{"type":"button","body":{"text":"Well?"}}`),
			"reaction": message("reaction", `{"message_id":"`+a.message+`","emoji":"👍"}`),
		} {
			made := a.do("POST", "/messages/whatsapp", m)
			if made["status"] != "pending" || made["direction"] != "outbound" || made["sender"].(object)["address"] != ours || made["recipient"].(object)["address"] != theirs {
				t.Errorf("%s: %v", kind, made)
			}
			switch kind {
			case "text":
				if f := made["customFields"].(object); made["userId"] != "7" || len(f) != 1 || f["a"] != 1.0 || made["content"] != "Hello" {
					t.Errorf("text: %v", made)
				}
			case "image":
				file := made["attachments"].([]any)[0].(object)
				if made["content"] != "A map" || !strings.Contains(file["url"].(string), "?token=") || file["isCacheable"] != true {
					t.Errorf("image: %v", made)
				}
				at := strings.Replace(a.url, "/crm/api/v1", "", 1) + strings.TrimPrefix(file["url"].(string), "https://voice.example.com")
				q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
				must(t, err)
				r, err := http.DefaultClient.Do(q)
				must(t, err)
				body, err := io.ReadAll(r.Body)
				must(t, err)
				must(t, r.Body.Close())
				if string(body) != png || r.StatusCode != http.StatusOK {
					t.Errorf("the picture is %d %q", r.StatusCode, body)
				}
			}
		}
		for _, c := range []struct {
			field string
			m     object
		}{
			{"fromPhoneNumber", message("text", "x", "fromPhoneNumber", "+15550109999")}, {"fromPhoneNumber", message("text", "x", "fromPhoneNumber", "string")},
			{"toPhoneNumber", message("text", "x", "toPhoneNumber", "string")}, {"content", message("text", " ")}, {"fileId", message("image", "x")},
			{"fileId", message("image", "x", "fileId", store.NewID())}, {"fileId", message("image", "x", "fileId", upload("audio/ogg", "OggS..."))},
			{"content", message("location", "here")}, {"content", message("interactive", "[]")}, {"type", message("order", "x")}, {"type", message("media_placeholder", "x")},
			{"customFields.a;b", message("text", "x", "customFields", object{"a;b": 1})},
		} {
			a.refuses("POST", "/messages/whatsapp", c.m, c.field)
		}
		a.ask("va_ours", "POST", "/messages/whatsapp", message("text", "x", "toPhoneNumber", "+56900000000"), http.StatusBadRequest) // never wrote

		template := func(more object) object {
			m := object{"fromPhoneNumber": ours, "toPhoneNumber": "+56900000001", "templateName": "hi", "languageCode": "es_CL"}
			maps.Copy(m, more)
			return m
		}
		made := a.do("POST", "/messages/whatsapp/template", template(object{"variables": []any{object{"value": "Jane"}}}))
		if made["content"] != "hi: Jane" || made["contactId"] == nil || made["funnelConversationId"] != nil {
			t.Errorf("template: %v", made)
		}
		a.do("POST", "/messages/whatsapp/template", template(object{"components": []any{object{"type": "body", "parameters": []any{object{"type": "text", "text": "x"}}}}}))
		a.refuses("POST", "/messages/whatsapp/template", template(object{"variables": []any{object{"value": "x"}}, "components": []any{object{"type": "body"}}}), "variables")
		a.refuses("POST", "/messages/whatsapp/template", template(object{"languageCode": nil}), "languageCode")
		for field, m := range map[string]object{
			"content": {"fromPhoneNumber": ours}, "contentType": {"fromPhoneNumber": ours, "content": "aaaa", "contentType": "text/html"},
			"fileId": {"fromPhoneNumber": ours, "fileId": store.NewID()}, "fromPhoneNumber": {"fromPhoneNumber": "+15550109999", "content": "aaaa", "contentType": "image/png"},
		} {
			a.refuses("POST", "/messages/whatsapp/media", m, field)
		}
		a.refuses("POST", "/messages/whatsapp/media", object{"fromPhoneNumber": ours, "content": "<>", "contentType": "text/plain"}, "content")
		a.ask("va_theirs", "GET", "/messages/"+fmt.Sprint(made["id"]), nil, http.StatusNotFound)
		a.ask("va_theirs", "POST", "/messages/whatsapp", message("text", "x"), http.StatusBadRequest)
		a.ask("va_ours", "GET", "/messages/nonsense", nil, http.StatusNotFound)
	})
}
