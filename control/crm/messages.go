package crm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"parley/control/bots"
	"parley/control/envelope"
	"parley/store"
)

// MessageRows are what Messages reads and writes, beside Rows.
type MessageRows interface {
	Rows
	store.Notes
}

// Messages handles /messages.
type Messages struct {
	Store     MessageRows
	Bots      bots.Rows
	Messenger bots.Messenger              // nil: nobody sends
	Files     store.Files                 // nil: none are kept
	Kept      bots.Keeping                // nil: none are kept here
	Link      func(org, id string) string // where a file opens without a key, for a while
	Public    string                      // where clients reach the API
}

// MessageID is the message that a path names.
type MessageID struct {
	envelope.Strict
	Tenant

	ID string `path:"id" doc:"Its id, a UUID. Ids of other organisations are as unknown as malformed ones: 404." example:"0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e"`
}

// Get handles GET /messages/{id}.
func (h *Messages) Get(ctx context.Context, in *MessageID) (*One[ChannelMessage], error) {
	org, err := in.org(ctx)
	if err != nil {
		return nil, err
	}
	id, err := envelope.Canonical(in.ID, "message")
	if err != nil {
		return nil, err
	}
	return h.answer(ctx, org, id)
}

// answer shows a message.
func (h *Messages) answer(ctx context.Context, org, id string) (*One[ChannelMessage], error) {
	t := talked{link: h.Link, public: h.Public}
	var err error
	if t.m, t.told, err = h.Store.MessageAnywhere(ctx, org, id); err != nil {
		return nil, failed(err, "message")
	}
	if t.note, err = h.Store.MessageNote(ctx, org, id); err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("read note: %w", err)
	}
	if t.thread, err = h.Bots.Conversation(ctx, org, t.m.Conversation); err != nil {
		return nil, failed(err, "message")
	}
	if t.bot, err = h.Bots.Bot(ctx, org, t.thread.Bot); err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("read bot: %w", err)
	}
	if err := h.place(ctx, org, &t); err != nil {
		return nil, err
	}
	return give(t.show()), nil
}

// place finds the contact of a message, and where they stand.
func (h *Messages) place(ctx context.Context, org string, t *talked) error {
	n, err := strconv.ParseInt(t.thread.Contact, 10, 64)
	if err != nil {
		return nil //nolint:nilerr // it is nobody's
	}
	c, err := h.Store.Contact(ctx, org, n)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read contact: %w", err)
	}
	t.contact = &c
	f, err := h.Store.FunnelOf(ctx, org, n)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("read conversation: %w", err)
	}
	t.funnel = f.Number
	return nil
}

// Ends are who writes to whom.
type Ends struct {
	From         string                     `json:"fromPhoneNumber" maxLength:"40" doc:"In E.164: the config.whatsapp.number of a bot of the organisation." example:"+15550100001"`
	To           string                     `json:"toPhoneNumber" maxLength:"40" doc:"In E.164." example:"+56912345678"`
	UserID       string                     `json:"userId,omitempty" maxLength:"200" doc:"For whom it is sent, in the client's words."`
	CustomFields map[string]json.RawMessage `json:"customFields,omitempty" doc:"Kept with the message: up to 100, of 4,000 characters each."`
}

// CreateMessage is what POST /messages/whatsapp asks.
type CreateMessage struct {
	envelope.Strict
	Tenant

	Body MessageCreate
}

// MessageCreate is the body of POST /messages/whatsapp.
type MessageCreate struct {
	Ends

	Content string `json:"content" maxLength:"65536" doc:"The text; of an image, a video and a document the caption; of location, contacts, interactive and reaction JSON, as POST /api/v1/conversations/{id}/messages takes it." example:"Your order left our warehouse this morning."`
	Type    string `json:"type" enum:"text,image,audio,video,document,sticker,location,contacts,interactive,reaction,button,order,system,unknown,unsupported,media_placeholder" doc:"What it is. Those after reaction are received alone."`
	FileID  string `json:"fileId,omitempty" maxLength:"100" doc:"Of POST /messages/whatsapp/media: the file of an image, audio, video, document or sticker."`
}

// writing is what is to be written.
func (b *MessageCreate) writing() (w bots.Writing, err error) {
	w.Type = b.Type
	var into any
	switch b.Type {
	case "text":
		w.Content = b.Content
	case "image", "video", "document", "audio", "sticker":
		if b.FileID == "" {
			return w, envelope.Wrong("fileId", "is required of a message of type "+b.Type)
		}
		if w.Media = (&bots.WrittenMedia{ID: b.FileID}); b.Type != "audio" && b.Type != "sticker" { // these have no caption
			w.Content = b.Content
		}
	case "location":
		into = &w.Location
	case "contacts":
		into = &w.Contacts
	case "interactive":
		into = &w.Interactive
	case "reaction":
		into = &w.Reaction
	default:
		return w, envelope.Wrong("type", b.Type+" is received alone: it cannot be sent")
	}
	if into != nil && json.Unmarshal([]byte(b.Content), into) != nil {
		return w, envelope.Wrong("content", "must be the JSON of a "+b.Type)
	}
	return w, nil
}

// Create handles POST /messages/whatsapp.
func (h *Messages) Create(ctx context.Context, in *CreateMessage) (*One[ChannelMessage], error) {
	if _, err := in.org(ctx); err != nil {
		return nil, err
	}
	w, err := in.Body.writing()
	if err != nil {
		return nil, err
	}
	return h.write(ctx, in.Tenant, in.Body.Ends, w)
}

// CreateTemplateMessage is what POST /messages/whatsapp/template asks.
type CreateTemplateMessage struct {
	envelope.Strict
	Tenant

	Body TemplateCreate
}

// TemplateCreate is the body of POST /messages/whatsapp/template.
type TemplateCreate struct {
	Ends

	Name       string             `json:"templateName" minLength:"1" maxLength:"512" doc:"At Twilio its ContentSid." example:"appointment_v2"`
	Language   string             `json:"languageCode" minLength:"1" maxLength:"20" example:"es_CL"`
	Variables  []TemplateVariable `json:"variables,omitempty" maxItems:"100" doc:"What fills the places of the body, in their order. Instead of components."`
	Components []map[string]any   `json:"components,omitempty" maxItems:"20" doc:"As in Meta's Cloud API; the id of a file may be a fileId. Instead of variables."`
}

// TemplateVariable is what fills one place.
type TemplateVariable struct {
	Value string `json:"value" maxLength:"1024" example:"Jane"`
}

// CreateTemplate handles POST /messages/whatsapp/template.
func (h *Messages) CreateTemplate(ctx context.Context, in *CreateTemplateMessage) (*One[ChannelMessage], error) {
	if _, err := in.org(ctx); err != nil {
		return nil, err
	}
	b := in.Body
	if len(b.Variables) > 0 && len(b.Components) > 0 {
		return nil, envelope.Wrong("variables", "are instead of components: give one of them")
	}
	t := &bots.Template{Name: b.Name, Language: b.Language, Components: b.Components}
	for i, v := range b.Variables {
		if t.Variables == nil {
			t.Variables = map[string]string{}
		}
		t.Variables[strconv.Itoa(i+1)] = v.Value
	}
	return h.write(ctx, in.Tenant, b.Ends, bots.Writing{Type: "template", Template: t})
}

// write has a message sent, and shows it.
func (h *Messages) write(ctx context.Context, tenant Tenant, ends Ends, w bots.Writing) (*One[ChannelMessage], error) {
	org, err := tenant.org(ctx)
	if err != nil {
		return nil, err
	}
	fields, err := keptFields(ends.CustomFields)
	if err != nil {
		return nil, err
	}
	to := canonical(store.ChannelWhatsApp, ends.To)
	if !envelope.E164(to) {
		return nil, envelope.Wrong("toPhoneNumber", envelope.NoE164)
	}
	bot, err := h.botAt(ctx, org, ends.From)
	if err != nil {
		return nil, err
	}
	if h.Messenger == nil {
		return nil, envelope.Busy("this server serves no messaging channels", nil)
	}
	if err := w.Check(); err != nil {
		return nil, renamed(err, w.Type)
	}
	c, err := h.threadWith(ctx, bot, to, w.Type)
	if err != nil {
		return nil, err
	}
	m, err := h.Messenger.Write(ctx, c, w)
	if err != nil {
		return nil, renamed(err, w.Type)
	}
	if ends.UserID != "" || fields != "" {
		if err := h.Store.NoteMessage(ctx, store.MessageNote{Message: m.ID, Org: org, User: ends.UserID, Fields: fields}); err != nil {
			return nil, fmt.Errorf("note message: %w", err)
		}
	}
	return h.answer(ctx, org, m.ID)
}

// keptFields are custom fields as a message keeps them: "" if there are none.
func keptFields(given map[string]json.RawMessage) (string, error) {
	kept, bad := map[string]json.RawMessage{}, map[string]string{}
	if len(given) > mostValues {
		bad["customFields"] = fmt.Sprintf("are more than %d", mostValues)
	}
	for key, text := range given {
		value, wrong := compact(text), badKey(key)
		if len(value) > longest {
			wrong = fmt.Sprintf("is longer than %d characters", longest)
		}
		if wrong != "" {
			bad["customFields."+key] = wrong
		} else if value != "" {
			kept[key] = json.RawMessage(value)
		}
	}
	if len(bad) > 0 || len(kept) == 0 {
		return "", invalid(bad)
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return "", fmt.Errorf("encode custom fields: %w", err)
	}
	return string(text), nil
}

// botAt is the bot that writes from a number.
func (h *Messages) botAt(ctx context.Context, org, from string) (store.Bot, error) {
	from = canonical(store.ChannelWhatsApp, from)
	if !envelope.E164(from) {
		return store.Bot{}, envelope.Wrong("fromPhoneNumber", envelope.NoE164)
	}
	for p := (store.Page{Limit: 500}); ; p.Offset += p.Limit {
		all, err := h.Bots.Bots(ctx, org, p)
		if err != nil {
			return store.Bot{}, fmt.Errorf("look for the bot of a number: %w", err)
		}
		if i := slices.IndexFunc(all, func(b store.Bot) bool { return bots.ChannelOf(b).Is(from) }); i >= 0 {
			return all[i], nil
		}
		if len(all) < p.Limit {
			return store.Bot{}, envelope.Wrong("fromPhoneNumber", "no bot of the organisation writes from it: config.whatsapp.number of a bot says so")
		}
	}
}

// threadWith is a bot's thread with somebody. A template alone begins one.
func (h *Messages) threadWith(ctx context.Context, bot store.Bot, to, kind string) (store.Conversation, error) {
	c, err := h.Store.ThreadWith(ctx, bot.Org, bot.ID, to)
	switch {
	case err == nil:
		return c, nil
	case !errors.Is(err, store.ErrNotFound):
		return c, fmt.Errorf("find thread: %w", err)
	case kind != "template":
		return c, envelope.Bad("WhatsApp takes free messages only within 24 hours of the customer's last one, and they have never written: send a template")
	}
	c, err = h.Messenger.Begin(ctx, bot, to, "")
	if err != nil {
		return c, failed(err, "conversation")
	}
	return c, nil
}

// renamed says what is wrong with a writing in the words of the CRM's fields.
func renamed(err error, kind string) error {
	f, ok := errors.AsType[*envelope.Fault](err)
	if !ok {
		return fmt.Errorf("write message: %w", err)
	}
	if len(f.Details) == 0 {
		return f
	}
	named := *f
	named.Details = make(map[string]string, len(f.Details))
	for field, message := range f.Details {
		switch head, rest, _ := strings.Cut(field, "."); {
		case head == "media":
			field = "fileId"
		case field == "template.name":
			field = "templateName"
		case field == "template.language":
			field = "languageCode"
		case head == "template" && rest != "":
			field = rest
		case head == kind:
			field = "content"
		}
		named.Details[field] = message
	}
	return &named
}
