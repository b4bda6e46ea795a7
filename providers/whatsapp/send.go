package whatsapp

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"parley/providers/message"
)

// LongestText is how many characters a text has at most.
const LongestText = 4096

// Send sends a message, once: it is told again only where Meta has surely not taken it. Errors are a *message.Error; the one of a message that
// makes no sense names its field, and nothing is sent.
func (n *Number) Send(ctx context.Context, o *message.Outgoing) (message.Receipt, error) {
	body, err := compose(o)
	if err != nil {
		return message.Receipt{}, err
	}
	var told struct {
		Contacts []struct {
			WaID loose `json:"wa_id"`
			User loose `json:"user_id"`
		} `json:"contacts"`
		Messages []struct {
			ID     loose  `json:"id"`
			Status string `json:"message_status"`
		} `json:"messages"`
	}
	began := time.Now()
	err = n.patiently(ctx, func() error {
		if err := n.pace.wait(ctx, o.To.Address(), cmp.Or(n.Patience, defaultPatience)-time.Since(began)); err != nil {
			return err
		}
		return n.ask(ctx, http.MethodPost, "/"+n.ID+"/messages", body, &told)
	})
	if err != nil {
		return message.Receipt{}, err
	}
	if len(told.Messages) == 0 || told.Messages[0].ID == "" {
		return message.Receipt{}, &message.Error{Reason: message.Garbled, Status: http.StatusOK, Message: "the answer names no message"}
	}
	sent := message.Receipt{ID: string(told.Messages[0].ID), To: o.To, Held: told.Messages[0].Status == "held_for_quality_assessment"}
	if len(told.Contacts) > 0 {
		sent.To.Number = cmp.Or(message.E164(string(told.Contacts[0].WaID)), sent.To.Number)
		sent.To.User = cmp.Or(string(told.Contacts[0].User), sent.To.User)
	}
	return sent, nil
}

// Read marks a message that came in, and all before it, as read; typing shows the person that an answer is being written, until it comes or for
// some 25 seconds.
func (n *Number) Read(ctx context.Context, id string, typing bool) error {
	if id == "" {
		return message.Wrong("id", "want the message that was read")
	}
	body := object{"messaging_product": "whatsapp", "status": "read", "message_id": id}
	if typing {
		body["typing_indicator"] = object{"type": "text"}
	}
	return n.patiently(ctx, func() error { return n.did(ctx, http.MethodPost, "/"+n.ID+"/messages", body) })
}

// did asks for what is answered with success alone.
func (n *Number) did(ctx context.Context, method, path string, body any) error {
	var told struct {
		Success loose `json:"success"`
	}
	if err := n.ask(ctx, method, path, body, &told); err != nil {
		return err
	}
	if told.Success != "true" {
		return &message.Error{Reason: message.Garbled, Status: http.StatusOK, Message: "the answer does not say that it was done"}
	}
	return nil
}

// compose is a message as Meta wants it.
func compose(o *message.Outgoing) (object, error) {
	body := object{"messaging_product": "whatsapp", "recipient_type": "individual"}
	number := message.E164(o.To.Number)
	switch {
	case o.To.Number != "" && (len(number) < 6 || len(number) > 16):
		return nil, message.Wrong("to.number", "%q: want E.164", o.To.Number)
	case number != "":
		body["to"] = strings.TrimPrefix(number, "+")
	case o.To.User != "":
		body["recipient"] = o.To.User
	default:
		return nil, message.Wrong("to", "want a number or a user id")
	}
	if len(o.Tag) > 512 {
		return nil, message.Wrong("tag", "%d bytes: want 512 at most", len(o.Tag))
	}
	if o.Tag != "" {
		body["biz_opaque_callback_data"] = o.Tag
	}
	if o.ReplyTo != "" {
		body["context"] = object{"message_id": o.ReplyTo}
	}
	kind, content, err := contentOf(o)
	if err != nil {
		return nil, err
	}
	body["type"], body[kind] = kind, content
	return body, nil
}

// contentOf is the one thing that a message says, and Meta's word for its type.
func contentOf(o *message.Outgoing) (kind string, content any, err error) {
	n := 0
	for _, given := range []bool{
		o.Text != "", o.Media != nil, o.Place != nil, len(o.Cards) > 0, o.Reaction != nil, o.Menu != nil, o.Template != nil, o.Content != nil,
	} {
		if given {
			n++
		}
	}
	if n != 1 {
		return "", nil, message.Wrong("message", "want one of text, media, place, cards, reaction, menu and template, not %d of them", n)
	}
	switch {
	case o.Media != nil:
		content, err = attachment("media", o.Media)
		return string(o.Media.Kind), content, err
	case o.Place != nil:
		content, err = place("place", o.Place)
		return "location", content, err
	case len(o.Cards) > 0:
		content, err = cards(o.Cards)
		return "contacts", content, err
	case o.Reaction != nil:
		content, err = reaction(o.Reaction)
		return "reaction", content, err
	case o.Menu != nil:
		content, err = menu(o.Menu)
		return "interactive", content, err
	case o.Template != nil:
		content, err = template(o.Template)
		return "template", content, err
	case o.Content != nil:
		return "", nil, message.Wrong("content", "a template of Twilio's: want template")
	}
	return "text", object{"body": o.Text, "preview_url": o.Preview}, within("text", o.Text, 1, LongestText)
}
