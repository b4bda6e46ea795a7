package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"parley/control/archive"
	"parley/control/bots"
	"parley/control/inbox"
	channel "parley/providers/message"
	"parley/providers/whatsapp"
	"parley/store"
)

// written is a message as channels take it, but for what is called a template there.
func written(m inbox.Outgoing) (channel.Outgoing, error) {
	o := channel.Outgoing{Tag: m.Tag, Text: m.Text}
	for _, peer := range m.Peers {
		switch {
		case channel.E164(peer) == peer && o.To.Number == "":
			o.To.Number = peer
		case channel.E164(peer) == "" && o.To.User == "":
			o.To.User = peer
		}
	}
	return o, fill(&o, m)
}

// fill puts in what a message says besides its words. Errors are a *channel.Error.
func fill(o *channel.Outgoing, m inbox.Outgoing) (err error) {
	d := m.Details
	switch {
	case d.Media != nil:
		o.Media = &channel.Attachment{Kind: channel.Kind(m.Type), ID: d.Media.File, Link: d.Media.Link, Caption: m.Text, Filename: d.Media.Filename}
		o.Text = ""
		if o.Media.Kind != channel.Document {
			o.Media.Filename = ""
		}
	case d.Location != nil:
		l := d.Location
		o.Place = &channel.Place{Latitude: l.Latitude, Longitude: l.Longitude, Name: l.Name, Address: l.Address}
	case len(d.Contacts) > 0:
		o.Cards, err = inMeta("contacts", d.Contacts, whatsapp.ReadCards)
	case d.Interactive != nil:
		o.Menu, err = inMeta("interactive", d.Interactive, whatsapp.ReadMenu)
	case d.Reaction != nil:
		o.Reaction = &channel.Reaction{Message: m.Quoted, Emoji: d.Reaction.Emoji}
	}
	return err
}

// inMeta reads a part that is in Meta's words.
func inMeta[T any](field string, part any, read func(field string, text []byte) (T, error)) (out T, err error) {
	text, err := json.Marshal(part)
	if err != nil {
		return out, channel.Wrong(field, "%v", err)
	}
	return read(field, text)
}

// templateOf is a template of Meta's.
func templateOf(t *bots.Template) (*channel.Template, error) {
	out := &channel.Template{Name: t.Name, Language: t.Language}
	if len(t.Variables) == 0 {
		if len(t.Components) == 0 {
			return out, nil
		}
		parts, err := inMeta("template.components", t.Components, whatsapp.ReadParts)
		out.Parts = parts
		return out, err
	}
	body := channel.Part{Type: "body"}
	for _, name := range t.Places() {
		v := channel.Value{Text: t.Variables[name]}
		if strings.Trim(name, "0123456789") != "" {
			v.Name = name
		}
		if v.Text == "" {
			return nil, channel.Wrong("template.variables."+name, "must not be empty")
		}
		body.Values = append(body.Values, v)
	}
	out.Parts = []channel.Part{body}
	return out, nil
}

// contentOf is a template of Twilio's.
func contentOf(t *bots.Template) (*channel.Content, error) {
	if len(t.Components) > 0 {
		return nil, channel.Wrong("template.components", "Twilio takes variables alone")
	}
	return &channel.Content{SID: t.Name, Variables: t.Variables}, nil
}

// attachments are the files that a message names, wherever it does.
func attachments(o *channel.Outgoing) (all []*channel.Attachment) {
	add := func(a *channel.Attachment) {
		if a != nil {
			all = append(all, a)
		}
	}
	add(o.Media)
	if o.Menu != nil && o.Menu.Header != nil {
		add(o.Menu.Header.Media)
	}
	var within func(parts []channel.Part)
	within = func(parts []channel.Part) {
		for _, p := range parts {
			for _, v := range p.Values {
				add(v.Media)
			}
			for _, c := range p.Cards {
				within(c.Parts)
			}
		}
	}
	if o.Template != nil {
		within(o.Template.Parts)
	}
	return all
}

// ourFile is a file of ours that an attachment names; false: it names none of ours.
func ourFile(ctx context.Context, m inbox.Outgoing, a *channel.Attachment) (f inbox.File, ours bool, err error) {
	if !bots.IsFileID(a.ID) {
		return f, false, nil
	}
	f, err = m.File(ctx, a.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return f, true, channel.Wrong("media.id", "there is no such file, or its time was up: upload it with POST /api/v1/media")
	case err != nil:
		return f, true, fmt.Errorf("find file: %w", err)
	case f.Kind != string(a.Kind):
		return f, true, channel.Wrong("media.id", "the file is of kind %s, not %s", f.Kind, a.Kind)
	}
	return f, true, nil
}

// upload is a file of ours as Meta takes it; content may be nil.
func upload(f inbox.File, content io.Reader) whatsapp.File {
	name := f.Name
	if name == "" {
		name = f.Kind
	}
	if content == nil {
		content = bytes.NewReader(nil)
	}
	return whatsapp.File{Kind: channel.Kind(f.Kind), Type: f.Type, Name: name, Size: f.Bytes, Content: content}
}

// unshelve opens a file of ours that is to be sent.
func unshelve(ctx context.Context, f inbox.File) (archive.Sound, error) {
	s, err := f.Open(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, &inbox.Refusal{Field: "media.id", Message: "the file is gone, or another node has it"}
	case errors.Is(err, archive.ErrAway):
		return s, &inbox.Refusal{Message: "the file cannot be reached now", Again: true}
	case err != nil:
		return s, fmt.Errorf("open file: %w", err)
	}
	return s, nil
}

// fields are the names that the API has for fields of messages, longest first.
var fields = strings.NewReplacer(
	"menu.buttons", "interactive.action.buttons", "menu.list.sections", "interactive.action.sections", "menu.list.button", "interactive.action.button",
	"menu.link.text", "interactive.action.parameters.display_text", "menu.link.url", "interactive.action.parameters.url",
	"menu.call_us.text", "interactive.action.parameters.display_text", "menu.call_us.minutes", "interactive.action.parameters.ttl_minutes",
	"menu.call_us.payload", "interactive.action.parameters.payload", "menu.body", "interactive.body.text", "menu.footer", "interactive.footer.text",
	"menu.header", "interactive.header", "menu", "interactive", "cards[", "contacts[", "cards", "contacts", "template.parts", "template.components",
	".parts[", ".components[", ".values[", ".parameters[", "content.sid", "template.name", "content.variables", "template.variables", "place", "location",
	"reaction.message", "reaction.message_id", "media.link", "media.url",
)

// fieldOf is a field of channel.Outgoing as the API calls it.
func fieldOf(field string) string {
	switch {
	case field == "text":
		return "content"
	case field == "message":
		return "type"
	case strings.HasPrefix(field, "contacts"), strings.HasPrefix(field, "interactive"), strings.HasPrefix(field, "template.components"):
		return field // as it was read
	}
	return fields.Replace(field)
}

// unsentFor is an error of a channel in the inbox's words.
func unsentFor(err error) error {
	e := channel.As(err)
	if e == nil {
		return err
	}
	no := &inbox.Refusal{Message: e.Error(), Again: e.Retry, After: e.After, Unsure: e.Unsure()}
	if e.Field != "" {
		no.Field, no.Message = fieldOf(e.Field), e.Message
	}
	return no
}
