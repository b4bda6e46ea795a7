package bots

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"parley/control/envelope"
)

// A Writing is what a person has a bot's channel say. Type says which of the others it needs. Contacts, Interactive and a template's
// Components are as Meta's Cloud API has them.
type Writing struct {
	Type        string           `json:"type,omitempty" enum:"text,image,audio,video,document,sticker,location,contacts,interactive,reaction,template" default:"text" doc:"What it is. Extension."`
	Content     string           `json:"content,omitempty" maxLength:"4096" doc:"What to write: not blank. Of an image, a video or a document the caption, which may be left out." example:"Your order left our warehouse this morning."`
	Media       *WrittenMedia    `json:"media,omitempty" doc:"The file of an image, audio, video, document or sticker."`
	Location    *Location        `json:"location,omitempty" doc:"Of location."`
	Contacts    []map[string]any `json:"contacts,omitempty" doc:"Of contacts: as in Meta's Cloud API, each with name.formatted_name, phones and so on."`
	Interactive map[string]any   `json:"interactive,omitempty" doc:"Of interactive: as in Meta's Cloud API, with type button, list, cta_url, location_request_message, call_permission_request or voice_call."`
	Reaction    *Reaction        `json:"reaction,omitempty" doc:"Of reaction."`
	Template    *Template        `json:"template,omitempty" doc:"Of template, which alone may be sent when the customer last wrote more than 24 hours ago."`
}

// WrittenMedia is a file that is to be sent. ID or URL is set.
type WrittenMedia struct {
	ID       string `json:"id,omitempty" doc:"Of POST /api/v1/media." example:"0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e"`
	URL      string `json:"url,omitempty" maxLength:"2000" doc:"In place of id: where the channel fetches it itself." example:"https://cdn.example.com/map.png"`
	Caption  string `json:"caption,omitempty" maxLength:"1024" doc:"In place of content."`
	Filename string `json:"filename,omitempty" maxLength:"240" doc:"Of a document; left out: its own." example:"invoice.pdf"`
}

// Location is a place on earth.
type Location struct {
	Latitude  float64 `json:"latitude" example:"37.7577"`
	Longitude float64 `json:"longitude" example:"-122.4376"`
	Name      string  `json:"name,omitempty" example:"Headquarters"`
	Address   string  `json:"address,omitempty" example:"1 Hacker Way"`
}

// Reaction is a sign that is put on a message.
type Reaction struct {
	Message string `json:"message_id" doc:"That of the conversation which it is put on." example:"0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e"`
	Emoji   string `json:"emoji,omitempty" doc:"Left out: the sign is taken away." example:"👍"`
}

// Template is a message that the channel has approved, with its places filled: by Variables alone, or by Components.
type Template struct {
	Name       string            `json:"name" minLength:"1" maxLength:"512" doc:"At Twilio its ContentSid." example:"appointment_v2"`
	Language   string            `json:"language,omitempty" doc:"Meta wants it." example:"en_US"`
	Components []map[string]any  `json:"components,omitempty" doc:"As in Meta's Cloud API; the id of a file may be one of POST /api/v1/media."`
	Variables  map[string]string `json:"variables,omitempty" doc:"In place of components: what fills the places of the body, by their numbers or names." example:"{\"1\": \"Ana\"}"`
}

// FileTypes are the types of messages that have a file.
var FileTypes = []string{"image", "audio", "video", "document", "sticker"}

// tidy names the type of a writing, and has its caption in one place.
func (w *Writing) tidy() {
	if w.Type == "" {
		w.Type = "text"
	}
	if w.Media != nil && w.Media.Caption != "" && w.Content == "" {
		w.Content = w.Media.Caption
	}
}

// Check tidies a writing, and says what is wrong with it that is wrong on any channel: a *envelope.Fault that names the field.
func (w *Writing) Check() error {
	w.tidy()
	parts := map[string]bool{
		"media": w.Media != nil, "location": w.Location != nil, "contacts": len(w.Contacts) > 0, "interactive": w.Interactive != nil,
		"reaction": w.Reaction != nil, "template": w.Template != nil,
	}
	own := w.Type
	if slices.Contains(FileTypes, w.Type) {
		own = "media"
	}
	if _, known := parts[own]; !known && own != "text" {
		return envelope.Wrong("type", fmt.Sprintf("%q: want text, image, audio, video, document, sticker, location, contacts, interactive, reaction or template", w.Type))
	}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		switch {
		case parts[name] && name != own:
			return envelope.Wrong(name, "is none of a message of type "+w.Type)
		case !parts[name] && name == own:
			return envelope.Wrong(name, "is required of a message of type "+w.Type)
		}
	}
	return w.inner(own)
}

// inner says what is wrong with the parts of a writing.
func (w *Writing) inner(own string) error {
	captioned := w.Type == "image" || w.Type == "video" || w.Type == "document"
	switch {
	case own == "text" && strings.TrimSpace(w.Content) == "":
		return envelope.Wrong("content", "must not be blank")
	case strings.ContainsRune(w.Content, 0) || !utf8.ValidString(w.Content):
		return envelope.Wrong("content", "must not contain NUL characters")
	case own != "text" && !captioned && w.Content != "":
		return envelope.Wrong("content", "is none of a message of type "+w.Type)
	case w.Media != nil && (w.Media.ID == "") == (w.Media.URL == ""):
		return envelope.Wrong("media", "want an id or a url")
	case w.Media != nil && w.Media.ID != "" && !IsFileID(w.Media.ID):
		return envelope.Wrong("media.id", "there is no such file: upload it with POST /api/v1/media")
	case w.Media != nil && w.Media.Caption != "" && !captioned:
		return envelope.Wrong("media.caption", "is none of a message of type "+w.Type)
	case w.Media != nil && w.Media.Filename != "" && w.Type != "document":
		return envelope.Wrong("media.filename", "is none of a message of type "+w.Type)
	case w.Template != nil && len(w.Template.Components) > 0 && len(w.Template.Variables) > 0:
		return envelope.Wrong("template.variables", "are in place of components: give one of them")
	}
	return nil
}

// IsFileID says whether an id can be one of a file of ours: channels have none that look so.
func IsFileID(id string) bool {
	u, err := uuid.Parse(id)
	return err == nil && u.String() == id
}

// Wording is what people read of a writing in its thread.
func (w *Writing) Wording() string {
	switch {
	case w.Content != "":
		return w.Content
	case w.Location != nil:
		l := w.Location
		at := fmt.Sprintf("%.6f, %.6f", l.Latitude, l.Longitude)
		return strings.Join(slices.DeleteFunc([]string{l.Name, l.Address, at}, func(s string) bool { return s == "" }), ", ")
	case len(w.Contacts) > 0:
		var names []string
		for _, c := range w.Contacts {
			if name := textAt(c, "name", "formatted_name"); name != "" {
				names = append(names, name)
			}
		}
		return strings.Join(names, "\n")
	case w.Interactive != nil:
		return textAt(w.Interactive, "body", "text")
	case w.Reaction != nil:
		return w.Reaction.Emoji
	case w.Template != nil:
		return w.Template.wording()
	}
	return ""
}

// wording is a template's name, and what its body is filled with.
func (t *Template) wording() string {
	var values []string
	for _, name := range slices.SortedFunc(maps.Keys(t.Variables), byPlace) {
		values = append(values, t.Variables[name])
	}
	for _, c := range t.Components {
		parameters, _ := c["parameters"].([]any)
		for _, p := range parameters {
			if of, ok := p.(map[string]any); ok && c["type"] == "body" {
				if text, ok := of["text"].(string); ok {
					values = append(values, text)
				}
			}
		}
	}
	if len(values) == 0 {
		return t.Name
	}
	return t.Name + ": " + strings.Join(values, ", ")
}

// byPlace orders the names of a template's places: numbers as such, before words.
func byPlace(a, b string) int {
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	switch {
	case errX == nil && errY == nil:
		return x - y
	case errX == nil:
		return -1
	case errY == nil:
		return 1
	}
	return strings.Compare(a, b)
}

// Places are the names of a template's places, in order.
func (t *Template) Places() []string { return slices.SortedFunc(maps.Keys(t.Variables), byPlace) }

// textAt is a text within objects; empty: there is none.
func textAt(o map[string]any, path ...string) string {
	for _, name := range path[:len(path)-1] {
		inner, ok := o[name].(map[string]any)
		if !ok {
			return ""
		}
		o = inner
	}
	text, _ := o[path[len(path)-1]].(string)
	return text
}

// Details are what a message of ours has besides its words, as its row keeps them. Those of others have other parts as well.
type Details struct {
	Media       *FileDetails     `json:"media,omitempty"`
	Location    *Location        `json:"location,omitempty"`
	Contacts    []map[string]any `json:"contacts,omitempty"`
	Interactive map[string]any   `json:"interactive,omitempty"`
	Reaction    *Reaction        `json:"reaction,omitempty"`
	Template    *Template        `json:"template,omitempty"`
}

// FileDetails are what is kept of a message's file.
type FileDetails struct {
	File     string `json:"file_id,omitempty"` // ours: see store.File; empty: it is not kept
	ID       string `json:"id,omitempty"`      // the channel's
	URL      string `json:"url,omitempty"`     // where there is no id
	Link     string `json:"link,omitempty"`    // of one of ours that the channel fetches itself
	Type     string `json:"type,omitempty"`
	Filename string `json:"filename,omitempty"`
	Bytes    int64  `json:"bytes,omitempty"`
	SHA256   string `json:"sha256,omitempty"`
	Voice    bool   `json:"voice,omitempty"`
	Error    string `json:"error,omitempty"` // why it is not kept
}

// Details are those of a writing, but for what is known of a file of ours.
func (w *Writing) Details() Details {
	d := Details{Location: w.Location, Contacts: w.Contacts, Interactive: w.Interactive, Reaction: w.Reaction, Template: w.Template}
	if m := w.Media; m != nil {
		d.Media = &FileDetails{File: m.ID, Link: m.URL, Filename: m.Filename}
	}
	return d
}

// Text is details as a row keeps them; empty: there are none.
func (d Details) Text() (string, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return "", fmt.Errorf("encode details: %w", err)
	}
	if string(text) == "{}" {
		return "", nil
	}
	return string(text), nil
}

// ReadDetails reads what Text has made, and of others' messages what is the same.
func ReadDetails(text string) (d Details, err error) {
	if text == "" {
		return d, nil
	}
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return d, fmt.Errorf("read details: %w", err)
	}
	return d, nil
}

// WithFile is what a message's row keeps of it, with other details of its file.
func WithFile(text string, f FileDetails) (string, error) {
	parts := map[string]any{}
	if text != "" {
		var whole map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &whole); err != nil {
			return "", fmt.Errorf("read details: %w", err)
		}
		for name, part := range whole {
			parts[name] = part
		}
	}
	parts["media"] = f
	out, err := json.Marshal(parts)
	if err != nil {
		return "", fmt.Errorf("encode details: %w", err)
	}
	return string(out), nil
}
