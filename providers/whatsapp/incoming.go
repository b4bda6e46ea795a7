package whatsapp

import (
	"cmp"
	"encoding/json"

	"parley/providers/message"
)

// wireMessage is one of value.messages.
type wireMessage struct {
	From      loose       `json:"from"`
	User      loose       `json:"from_user_id"`
	Parent    loose       `json:"from_parent_user_id"`
	ID        loose       `json:"id"`
	Timestamp loose       `json:"timestamp"`
	Type      string      `json:"type"`
	Group     loose       `json:"group_id"`
	Errors    []wireError `json:"errors"`
	Context   *struct {
		From      loose `json:"from"`
		ID        loose `json:"id"`
		Forwarded bool  `json:"forwarded"`
		Often     bool  `json:"frequently_forwarded"`
		Product   struct {
			Catalog loose `json:"catalog_id"`
			ID      loose `json:"product_retailer_id"`
		} `json:"referred_product"`
	} `json:"context"`
	Referral *struct {
		URL      string `json:"source_url"`
		ID       loose  `json:"source_id"`
		Type     string `json:"source_type"`
		Headline string `json:"headline"`
		Body     string `json:"body"`
		Image    string `json:"image_url"`
		Video    string `json:"video_url"`
		Click    loose  `json:"ctwa_clid"`
		Welcome  struct {
			Text string `json:"text"`
		} `json:"welcome_message"`
	} `json:"referral"`

	Text struct {
		Body string `json:"body"`
	} `json:"text"`
	Image    *wireMedia `json:"image"`
	Audio    *wireMedia `json:"audio"`
	Video    *wireMedia `json:"video"`
	Document *wireMedia `json:"document"`
	Sticker  *wireMedia `json:"sticker"`
	Location *struct {
		Latitude  loose  `json:"latitude"`
		Longitude loose  `json:"longitude"`
		Name      string `json:"name"`
		Address   string `json:"address"`
		URL       string `json:"url"`
	} `json:"location"`
	Contacts    []wireCard       `json:"contacts"`
	Interactive *wireInteractive `json:"interactive"`
	Button      struct {
		Payload string `json:"payload"`
		Text    string `json:"text"`
	} `json:"button"`
	Reaction *struct {
		Message loose  `json:"message_id"`
		Emoji   string `json:"emoji"`
	} `json:"reaction"`
	Order *struct {
		Catalog loose  `json:"catalog_id"`
		Text    string `json:"text"`
		Items   []struct {
			Product  loose  `json:"product_retailer_id"`
			Quantity loose  `json:"quantity"`
			Price    loose  `json:"item_price"`
			Currency string `json:"currency"`
		} `json:"product_items"`
	} `json:"order"`
	System *struct {
		Body     string `json:"body"`
		WaID     loose  `json:"wa_id"`
		NewWaID  loose  `json:"new_wa_id"`
		User     loose  `json:"user_id"`
		Previous loose  `json:"previous_user_id"`
		Type     string `json:"type"`
	} `json:"system"`
}

// wireMedia is a file that came.
type wireMedia struct {
	ID       loose  `json:"id"`
	URL      string `json:"url"`
	Type     string `json:"mime_type"`
	SHA256   string `json:"sha256"`
	Caption  string `json:"caption"`
	Filename string `json:"filename"`
	Voice    bool   `json:"voice"`
	Animated bool   `json:"animated"`
}

// wireInteractive is what was tapped or filled in.
type wireInteractive struct {
	Type   string      `json:"type"`
	Button *wireChoice `json:"button_reply"`
	List   *wireChoice `json:"list_reply"`
	Form   *struct {
		Name string `json:"name"`
		Body string `json:"body"`
		Data loose  `json:"response_json"`
	} `json:"nfm_reply"`
	Permission *struct {
		Response  string `json:"response"`
		Permanent bool   `json:"is_permanent"`
		Expires   loose  `json:"expiration_timestamp"`
		Source    string `json:"response_source"`
	} `json:"call_permission_reply"`
}

type wireChoice struct {
	ID          string `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description"`
}

// message reads one of value.messages.
func (v *value) message(line message.Line, raw json.RawMessage) message.Event {
	var w wireMessage
	if err := read(raw, &w); err != nil || w.ID == "" {
		return notice(line, "messages", raw, nil)
	}
	m := &message.Incoming{
		ID: string(w.ID), From: v.party(w.From, w.User, w.Parent), Type: w.Type, Group: string(w.Group), Errors: failures(w.Errors),
		Quote: w.quote(), Referral: w.referral(),
	}
	if m.From.Address() == "" && w.Type != "system" {
		return notice(line, "messages", raw, nil) // from nobody
	}
	w.fill(m)
	return message.Event{Key: "message:" + m.ID, Line: line, At: w.Timestamp.seconds(), Message: m}
}

// fill says what the message is. A type whose own member is missing is Unknown.
func (w *wireMessage) fill(m *message.Incoming) {
	m.Kind = message.Unknown
	switch w.Type {
	case "text":
		m.Kind, m.Text = message.Text, w.Text.Body
	case "image":
		w.file(m, message.Image, w.Image)
	case "audio", "voice":
		w.file(m, message.Audio, w.Audio)
	case "video":
		w.file(m, message.Video, w.Video)
	case "document":
		w.file(m, message.Document, w.Document)
	case "sticker":
		w.file(m, message.Sticker, w.Sticker)
	case "location":
		if l := w.Location; l != nil {
			m.Kind = message.Location
			m.Place = &message.Place{Latitude: l.Latitude.float(), Longitude: l.Longitude.float(), Name: l.Name, Address: l.Address, URL: l.URL}
			m.Text = cmp.Or(l.Name, l.Address)
		}
	case "contacts":
		m.Kind = message.Contacts
		for _, c := range w.Contacts {
			m.Cards = append(m.Cards, c.card())
		}
	case "interactive":
		w.tapped(m)
	case "button":
		m.Kind, m.Text = message.Chosen, w.Button.Text
		m.Choice = &message.Choice{ID: w.Button.Payload, Title: w.Button.Text, Template: true}
	case "reaction":
		if r := w.Reaction; r != nil {
			m.Kind, m.Text = message.Reacted, r.Emoji
			m.Reaction = &message.Reaction{Message: string(r.Message), Emoji: r.Emoji}
		}
	case "order":
		w.order(m)
	case "system":
		w.change(m)
	case "request_welcome":
		m.Kind = message.Welcome
	case "unsupported":
		m.Kind = message.Unsupported
	}
}

func (w *wireMessage) file(m *message.Incoming, kind message.Kind, f *wireMedia) {
	if f == nil || f.ID == "" && f.URL == "" {
		return
	}
	m.Kind, m.Text = kind, f.Caption
	m.Media = &message.Media{
		ID: string(f.ID), URL: f.URL, Type: f.Type, SHA256: f.SHA256, Caption: f.Caption, Filename: f.Filename,
		Voice: f.Voice || w.Type == "voice", Animated: f.Animated,
	}
}

// tapped reads what was tapped or filled in on a message of ours.
func (w *wireMessage) tapped(m *message.Incoming) {
	i := w.Interactive
	if i == nil {
		return
	}
	chosen := cmp.Or(i.Button, i.List)
	switch {
	case chosen != nil:
		m.Kind, m.Text = message.Chosen, chosen.Title
		m.Choice = &message.Choice{ID: chosen.ID, Title: chosen.Title, Description: chosen.Description, List: i.List != nil}
	case i.Form != nil:
		m.Kind, m.Text = message.Filled, i.Form.Body
		m.Form = &message.Form{Name: i.Form.Name, Body: i.Form.Body}
		if data := json.RawMessage(i.Form.Data); json.Valid(data) {
			m.Form.Data = data
		}
	case i.Permission != nil:
		p := i.Permission
		m.Kind = message.Permitted
		m.Permission = &message.Permission{
			Granted: p.Response == "accept", Permanent: p.Permanent, Expires: p.Expires.seconds(), Automatic: p.Source == "automatic",
		}
	}
}

func (w *wireMessage) order(m *message.Incoming) {
	if w.Order == nil {
		return
	}
	o := &message.Order{Catalog: string(w.Order.Catalog), Note: w.Order.Text}
	for _, i := range w.Order.Items {
		o.Items = append(o.Items, message.Item{
			Product: string(i.Product), Quantity: int(i.Quantity.float()), Price: json.Number(i.Price), Currency: i.Currency,
		})
	}
	m.Kind, m.Text, m.Order = message.Ordered, w.Order.Text, o
}

// change reads what is new about the person.
func (w *wireMessage) change(m *message.Incoming) {
	s := w.System
	if s == nil {
		return
	}
	m.Kind, m.Text = message.System, s.Body
	m.Change = &message.Change{Type: s.Type, Note: s.Body}
	m.Change.Old = message.Party{Number: message.E164(string(w.From)), User: string(s.Previous)}
	m.Change.New = message.Party{Number: message.E164(string(cmp.Or(s.NewWaID, s.WaID))), User: string(s.User)}
}

// quote is what the message stands on; nil: nothing.
func (w *wireMessage) quote() *message.Quote {
	c := w.Context
	if c == nil {
		return nil
	}
	return &message.Quote{
		Message: string(c.ID), Author: message.E164(string(c.From)), Forwarded: c.Forwarded || c.Often, Often: c.Often,
		Catalog: string(c.Product.Catalog), Product: string(c.Product.ID),
	}
}

// referral is the advertisement that led here; nil: none.
func (w *wireMessage) referral() *message.Referral {
	r := w.Referral
	if r == nil {
		return nil
	}
	return &message.Referral{
		URL: r.URL, Source: string(r.ID), Type: r.Type, Headline: r.Headline, Body: r.Body, MediaURL: cmp.Or(r.Image, r.Video),
		Click: string(r.Click), Greeting: r.Welcome.Text,
	}
}
