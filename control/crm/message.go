package crm

import (
	"cmp"
	"encoding/json"
	"regexp"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/bots"
	"parley/control/envelope"
	"parley/store"
)

// ChannelMessage is a message of a thread as the CRM shows it.
type ChannelMessage struct {
	ID                   string                     `json:"id" format:"uuid"`
	TenantID             string                     `json:"tenantId" format:"uuid"`
	ConversationID       string                     `json:"conversationId" format:"uuid" doc:"The thread, as GET /api/v1/conversations/{id} has it."`
	FunnelConversationID *int64                     `json:"funnelConversationId" doc:"The contact's newest conversation that is not archived, or else the newest; null: there is none." example:"1"`
	SessionID            int64                      `json:"sessionId" doc:"The thread, among the channelSessions of a conversation." example:"2"`
	ProviderID           *string                    `json:"providerId" doc:"The channel's id of it; null: it has none yet." example:"wamid.HBgL"`
	ContactID            *int64                     `json:"contactId" doc:"Null: the contact was deleted." example:"1"`
	UserID               *string                    `json:"userId" doc:"For whom it was sent, as the request said." example:"7"`
	Content              string                     `json:"content" doc:"Its text, or its caption." example:"Where is my order?"`
	Status               string                     `json:"status" enum:"pending,sent,failed,delivered,read,played" doc:"How far it has come. One that came in is delivered."`
	Direction            string                     `json:"direction" enum:"inbound,outbound"`
	Channel              string                     `json:"channel" enum:"whatsapp"`
	Sender               Party                      `json:"sender"`
	Recipient            Party                      `json:"recipient"`
	Attachments          []Attachment               `json:"attachments" nullable:"false"`
	CreatedAt            envelope.Time              `json:"createdAt"`
	UpdatedAt            envelope.Time              `json:"updatedAt"`
	Metadata             bots.Object                `json:"metadata" doc:"What it has besides: location, contacts, interactive, reaction, template, and others."`
	Errors               []MessageError             `json:"errors" nullable:"false" doc:"Why it was not sent."`
	CustomFields         map[string]json.RawMessage `json:"customFields" nullable:"false" doc:"As the request gave them."`
	MediaProcessing      *MediaProcessing           `json:"mediaProcessing" doc:"Of sound; null: it has none."`
}

// TransformSchema implements huma.SchemaTransformer: most messages have no sound.
func (ChannelMessage) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	envelope.OrNull(s, "mediaProcessing")
	return s
}

// Party is one end of a message.
type Party struct {
	ProviderID  *string     `json:"providerId" doc:"What the channel calls it; null: it was told only how it is reached." example:"106540352242922"`
	Address     string      `json:"address" example:"+56912345678"`
	Role        string      `json:"role" enum:"user,assistant,agent" doc:"user: the contact; assistant: the bot; agent: a person, or the API."`
	DisplayName *string     `json:"displayName" example:"Jane Doe"`
	Metadata    bots.Object `json:"metadata"`
}

// Attachment is a file of a message.
type Attachment struct {
	ID              string           `json:"id" doc:"A fileId, or what the channel calls it."`
	Type            string           `json:"type" enum:"image,audio,video,document,sticker"`
	URL             *string          `json:"url" doc:"Opens without a key for 5 minutes; null: it is not kept."`
	UnsignedURL     *string          `json:"unsignedUrl" doc:"The same, with a key."`
	Metadata        FileMetadata     `json:"metadata"`
	MediaProcessing *MediaProcessing `json:"mediaProcessing" doc:"Of sound; null: it is none."`
	IsCacheable     bool             `json:"isCacheable" doc:"Whether it is kept, and stays what it is."`
}

// TransformSchema implements huma.SchemaTransformer: most files are no sound.
func (Attachment) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	envelope.OrNull(s, "mediaProcessing")
	return s
}

// FileMetadata is what is known of a file.
type FileMetadata struct {
	FileName    *string `json:"fileName" example:"invoice.pdf"`
	ContentType *string `json:"contentType" example:"application/pdf"`
	Size        int64   `json:"size" example:"48213"`
	SHA256      *string `json:"sha256"`
	Error       *string `json:"error" doc:"Why it is not kept."`
}

// MediaProcessing is what was made of sound.
type MediaProcessing struct {
	TextRepresentation Processing `json:"textRepresentation" doc:"What is said in it."`
	Summary            Processing `json:"summary" doc:"That, in short."`
}

// Processing is one thing that was made of sound.
type Processing struct {
	ErrorMessage *string       `json:"errorMessage"`
	ProcessedAt  envelope.Time `json:"processedAt" nullable:"true"`
	Content      *string       `json:"content" doc:"Null: nothing was understood, or it is not known yet."`
	Status       string        `json:"status" enum:"pending,completed,failed,skipped" doc:"skipped: nobody puts it into words, since we have sent it, it is not kept, or this server has nobody who hears."`
}

// MessageError is why a message was not sent.
type MessageError struct {
	Code     int    `json:"code" doc:"The channel's; 0: it has told none." example:"131047"`
	Title    string `json:"title" example:"Message not sent"`
	Message  string `json:"message" example:"Re-engagement message (code 131047)"`
	Href     string `json:"href"`
	Provider string `json:"provider" enum:"meta,twilio"`
}

// A talked is all that a message is shown with.
type talked struct {
	m       store.ThreadMessage
	told    time.Time
	note    store.MessageNote
	thread  store.Conversation
	bot     store.Bot
	contact *store.Contact
	funnel  int64
	link    func(org, id string) string
	public  string
}

func (t talked) show() ChannelMessage {
	m := t.m
	out := ChannelMessage{
		ID: m.ID, TenantID: t.thread.Org, ConversationID: t.thread.ID, SessionID: threadSession(t.thread.Number), ProviderID: envelope.Optional(m.External),
		UserID: envelope.Optional(t.note.User), Content: m.Content, Status: string(cmp.Or(m.Status, store.MessageDelivered)), Direction: "inbound",
		Channel: "whatsapp", CreatedAt: envelope.Time(m.Created), UpdatedAt: envelope.Time(latest(m.Created, t.told, t.note.Heard)),
		Metadata: anything(m.Data), Errors: t.errors(), CustomFields: map[string]json.RawMessage{}, Attachments: []Attachment{},
	}
	if t.contact != nil {
		out.ContactID = &t.contact.Number
	}
	if t.funnel != 0 {
		out.FunnelConversationID = &t.funnel
	}
	_ = json.Unmarshal([]byte(t.note.Fields), &out.CustomFields) // none, or an object
	out.MediaProcessing = t.processing()
	if a := t.attachment(); a != nil {
		out.Attachments = append(out.Attachments, *a)
	}
	if out.Sender, out.Recipient = t.them(), t.us(); m.Role != "user" {
		out.Direction, out.Sender, out.Recipient = "outbound", out.Recipient, out.Sender
	}
	return out
}

// anything is an object of JSON that may be empty.
func anything(text string) bots.Object { return bots.Object(cmp.Or(text, "{}")) }

// them is the contact's end.
func (t talked) them() Party {
	p := Party{Address: t.thread.External, ProviderID: envelope.Optional(t.thread.External), Role: "user", Metadata: anything(t.thread.Metadata)}
	if c := t.contact; c != nil {
		name := c.FirstName
		if c.LastName != "" {
			name += " " + c.LastName
		}
		p.DisplayName = envelope.Optional(name)
	}
	return p
}

// us is the bot's end.
func (t talked) us() Party {
	p := Party{Role: "assistant", DisplayName: envelope.Optional(t.thread.BotName), Metadata: anything("")}
	if t.m.Author == store.ByHuman {
		p.Role = "agent"
	}
	if w := bots.ChannelOf(t.bot); w != nil {
		p.Address, p.ProviderID = cmp.Or(w.Number, w.PhoneNumberID), envelope.Optional(cmp.Or(w.PhoneNumberID, w.Number))
	}
	return p
}

// where tells of the codes of channels.
var where = map[string]string{
	bots.Meta:   "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes",
	bots.Twilio: "https://www.twilio.com/docs/api/errors",
}

var coded = regexp.MustCompile(`\(code (\d+)\)`)

func (t talked) errors() []MessageError {
	if t.m.Error == "" {
		return []MessageError{}
	}
	e := MessageError{Title: "Message not sent", Message: t.m.Error, Provider: bots.Meta}
	if w := bots.ChannelOf(t.bot); w != nil {
		e.Provider = w.Provider
	}
	if e.Href = where[e.Provider]; coded.MatchString(t.m.Error) {
		e.Code, _ = strconv.Atoi(coded.FindStringSubmatch(t.m.Error)[1]) // digits
	}
	return []MessageError{e}
}

// attachment is the message's file; nil: it has none.
func (t talked) attachment() *Attachment {
	d, err := bots.ReadDetails(t.m.Data)
	if err != nil || d.Media == nil {
		return nil
	}
	f := d.Media
	a := &Attachment{
		ID: cmp.Or(f.File, f.ID, t.m.ID), Type: t.m.Type, MediaProcessing: t.processing(), IsCacheable: f.File != "",
		Metadata: FileMetadata{
			FileName: envelope.Optional(f.Filename), ContentType: envelope.Optional(f.Type), Size: f.Bytes, SHA256: envelope.Optional(f.SHA256), Error: envelope.Optional(f.Error),
		},
	}
	switch {
	case f.File != "":
		signed, plain := t.link(t.thread.Org, f.File), t.public+"/api/v1/media/"+f.File+"/content"
		a.URL, a.UnsignedURL = &signed, &plain
	case f.Link != "":
		a.URL, a.UnsignedURL = &f.Link, &f.Link
	}
	return a
}

// processing is what was made of the message's sound; nil: it has none.
func (t talked) processing() *MediaProcessing {
	if t.m.Type != "audio" {
		return nil
	}
	n := t.note
	both := func(p Processing) *MediaProcessing { return &MediaProcessing{p, p} }
	switch {
	case n.Failure != "":
		return both(Processing{Status: "failed", ErrorMessage: &n.Failure, ProcessedAt: envelope.Time(n.Heard)})
	case !n.Heard.IsZero():
		done := Processing{Status: "completed", ProcessedAt: envelope.Time(n.Heard)}
		p := both(done)
		p.TextRepresentation.Content, p.Summary.Content = envelope.Optional(n.Words), envelope.Optional(n.Summary)
		return p
	case t.m.Role != "user" || !t.kept() || time.Since(t.m.Created) > patience:
		return both(Processing{Status: "skipped"})
	}
	return both(Processing{Status: "pending"})
}

// patience is how long sound may wait until it is put into words.
const patience = time.Hour

// kept says whether the message's file is kept, or may be yet.
func (t talked) kept() bool {
	d, err := bots.ReadDetails(t.m.Data)
	return err == nil && d.Media != nil && d.Media.Error == ""
}
