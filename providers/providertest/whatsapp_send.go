package providertest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// graphMessage is what may be posted to messages.
type graphMessage struct {
	Product       string `json:"messaging_product"`
	RecipientType string `json:"recipient_type"`
	To            string `json:"to"`
	Recipient     string `json:"recipient"`
	Type          string `json:"type"`
	Tag           string `json:"biz_opaque_callback_data"`
	Context       *struct {
		Message string `json:"message_id"`
	} `json:"context"`
	Status  string `json:"status"`
	Message string `json:"message_id"`
	Typing  *struct {
		Type string `json:"type"`
	} `json:"typing_indicator"`

	Text        *graphText        `json:"text"`
	Image       *graphMedia       `json:"image"`
	Audio       *graphMedia       `json:"audio"`
	Video       *graphMedia       `json:"video"`
	Document    *graphMedia       `json:"document"`
	Sticker     *graphMedia       `json:"sticker"`
	Location    *graphPlace       `json:"location"`
	Contacts    []graphCard       `json:"contacts"`
	Reaction    *graphReaction    `json:"reaction"`
	Interactive *graphInteractive `json:"interactive"`
	Template    *graphTemplate    `json:"template"`
}

type graphText struct {
	Body    string `json:"body"`
	Preview bool   `json:"preview_url"`
}

type graphMedia struct {
	ID       string `json:"id"`
	Link     string `json:"link"`
	Caption  string `json:"caption"`
	Filename string `json:"filename"`
	Voice    bool   `json:"voice"`
}

type graphPlace struct {
	Latitude  *float64 `json:"latitude"`
	Longitude *float64 `json:"longitude"`
	Name      string   `json:"name"`
	Address   string   `json:"address"`
}

type graphCard struct {
	Name      map[string]string   `json:"name"`
	Phones    []map[string]string `json:"phones"`
	Emails    []map[string]string `json:"emails"`
	Addresses []map[string]string `json:"addresses"`
	URLs      []map[string]string `json:"urls"`
	Org       map[string]string   `json:"org"`
	Birthday  string              `json:"birthday"`
}

type graphReaction struct {
	Message string  `json:"message_id"`
	Emoji   *string `json:"emoji"`
}

type graphInteractive struct {
	Type   string `json:"type"`
	Header *struct {
		Type     string      `json:"type"`
		Text     string      `json:"text"`
		Image    *graphMedia `json:"image"`
		Video    *graphMedia `json:"video"`
		Document *graphMedia `json:"document"`
	} `json:"header"`
	Body struct {
		Text string `json:"text"`
	} `json:"body"`
	Footer *struct {
		Text string `json:"text"`
	} `json:"footer"`
	Action struct {
		Name       string         `json:"name"`
		Button     string         `json:"button"`
		Catalog    string         `json:"catalog_id"`
		Product    string         `json:"product_retailer_id"`
		Parameters map[string]any `json:"parameters"`
		Buttons    []struct {
			Type  string `json:"type"`
			Reply struct {
				ID    string `json:"id"`
				Title string `json:"title"`
			} `json:"reply"`
		} `json:"buttons"`
		Sections []struct {
			Title string `json:"title"`
			Rows  []struct {
				ID          string `json:"id"`
				Title       string `json:"title"`
				Description string `json:"description"`
			} `json:"rows"`
			Items []struct {
				Product string `json:"product_retailer_id"`
			} `json:"product_items"`
		} `json:"sections"`
	} `json:"action"`
}

type graphTemplate struct {
	Name     string `json:"name"`
	Language struct {
		Code   string `json:"code"`
		Policy string `json:"policy"`
	} `json:"language"`
	Components []graphComponent `json:"components"`
}

type graphComponent struct {
	Type       string           `json:"type"`
	SubType    string           `json:"sub_type"`
	Index      json.RawMessage  `json:"index"`
	Parameters []graphParameter `json:"parameters"`
	Cards      []struct {
		Index      *int             `json:"card_index"`
		Components []graphComponent `json:"components"`
	} `json:"cards"`
}

type graphParameter struct {
	Type     string           `json:"type"`
	Name     string           `json:"parameter_name"`
	Text     string           `json:"text"`
	Currency *json.RawMessage `json:"currency"`
	Date     *json.RawMessage `json:"date_time"`
	Image    *graphMedia      `json:"image"`
	Video    *graphMedia      `json:"video"`
	Document *graphMedia      `json:"document"`
	Location *graphPlace      `json:"location"`
	Product  *json.RawMessage `json:"product"`
	Payload  string           `json:"payload"`
	Coupon   string           `json:"coupon_code"`
	Offer    *json.RawMessage `json:"limited_time_offer"`
	Minutes  int              `json:"ttl_minutes"`
	Action   *json.RawMessage `json:"action"`
	Tap      *json.RawMessage `json:"tap_target_configuration"`
}

// message takes a message or a read mark.
func (f *WhatsApp) message(r *http.Request) answer {
	if id := r.PathValue("number"); id != f.number() {
		return noObject(id)
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return graphError(0, 100, "want JSON")
	}
	var m graphMessage
	if err := decode(text, &m); err != nil {
		return graphError(0, 100, err.Error())
	}
	if m.Product != "whatsapp" {
		return graphError(0, 100, "messaging_product is missing")
	}
	f.lock()
	defer f.mu.Unlock()
	if m.Status != "" {
		return f.read(&m)
	}
	to := m.To + m.Recipient
	if a, ok := m.check(to); !ok {
		return a
	}
	if a, ok := f.allowed(&m, to); !ok {
		return a
	}
	if m.Interactive != nil && m.Interactive.Type == "call_permission_request" {
		if f.asked[to] > 0 {
			return graphError(0, 138009, "")
		}
		f.asked[to]++
	}
	sent := WhatsAppMessage{ID: f.id("wamid.FAKE"), To: to, Type: m.Type}
	_ = json.Unmarshal(text, &sent.Body) // it was read once
	f.sent = append(f.sent, sent)
	told := map[string]any{"id": sent.ID}
	if m.Type == "template" {
		told["message_status"] = "accepted"
	}
	contact := map[string]any{"input": to, "wa_id": to}
	if m.Recipient != "" {
		contact = map[string]any{"input": to, "user_id": to}
	}
	return answer{body: map[string]any{"messaging_product": "whatsapp", "contacts": []any{contact}, "messages": []any{told}}}
}

// read takes a read mark.
func (f *WhatsApp) read(m *graphMessage) answer {
	switch {
	case m.Status != "read" || !strings.HasPrefix(m.Message, "wamid."):
		return graphError(0, 131009, "status and message_id")
	case m.Typing != nil && m.Typing.Type != "text":
		return graphError(0, 131009, "typing_indicator.type")
	}
	f.reads = append(f.reads, WhatsAppRead{m.Message, m.Typing != nil})
	return success()
}

// allowed says whether the message may be sent now.
func (f *WhatsApp) allowed(m *graphMessage, to string) (answer, bool) {
	now, l := f.now(), f.Limits.orDefaults()
	f.times.all = since(f.times.all, now.Add(-time.Second))
	pair := since(f.times.pairs[to], now.Add(-l.PairTime))
	switch {
	case len(f.times.all) >= l.Second:
		return graphError(0, 130429, "Cloud API message throughput has been reached."), false
	case len(pair) >= l.Pair:
		return graphError(0, 131056, "Too many messages to one person."), false
	case f.gone[to]:
		return graphError(0, 131050, ""), false
	case to == f.Display || to == FakeDisplay:
		return graphError(0, 131021, ""), false
	case m.Type != "template" && !l.NoWindow && !f.times.open(to, now):
		return graphError(0, 131047, "More than 24 hours have passed since the customer last replied."), false
	}
	for _, media := range m.media() {
		if file := f.files[media.ID]; media.ID != "" && (file == nil || !file.Uploaded) {
			return graphError(0, 131009, "no such media id"), false
		}
	}
	f.times.all, f.times.pairs[to] = append(f.times.all, now), append(pair, now)
	return answer{}, true
}

func (l WhatsAppLimits) orDefaults() WhatsAppLimits {
	for _, d := range []struct {
		to    *int
		value int
	}{{&l.Second, 80}, {&l.Pair, 45}} {
		if *d.to == 0 {
			*d.to = d.value
		}
	}
	if l.PairTime == 0 {
		l.PairTime = 6 * time.Second
	}
	if l.URL == 0 {
		l.URL = 5 * time.Minute
	}
	return l
}

// media are the files that a message names.
func (m *graphMessage) media() (all []*graphMedia) {
	add := func(some ...*graphMedia) {
		for _, one := range some {
			if one != nil {
				all = append(all, one)
			}
		}
	}
	add(m.Image, m.Audio, m.Video, m.Document, m.Sticker)
	if m.Interactive != nil && m.Interactive.Header != nil {
		add(m.Interactive.Header.Image, m.Interactive.Header.Video, m.Interactive.Header.Document)
	}
	if m.Template != nil {
		var of func([]graphComponent)
		of = func(some []graphComponent) {
			for _, c := range some {
				for _, p := range c.Parameters {
					add(p.Image, p.Video, p.Document)
				}
				for _, card := range c.Cards {
					of(card.Components)
				}
			}
		}
		of(m.Template.Components)
	}
	return all
}

// check says what is wrong with a message.
func (m *graphMessage) check(to string) (answer, bool) {
	bad := func(code int, format string, args ...any) (answer, bool) {
		return graphError(0, code, fmt.Sprintf(format, args...)), false
	}
	members := map[string]bool{
		"text": m.Text != nil, "image": m.Image != nil, "audio": m.Audio != nil, "video": m.Video != nil, "document": m.Document != nil,
		"sticker": m.Sticker != nil, "location": m.Location != nil, "contacts": len(m.Contacts) > 0, "reaction": m.Reaction != nil,
		"interactive": m.Interactive != nil, "template": m.Template != nil,
	}
	own, known := members[m.Type]
	switch {
	case to == "" || m.To != "" && m.Recipient != "":
		return bad(131008, "to")
	case m.To != "" && (strings.Trim(strings.TrimPrefix(m.To, "+"), "0123456789") != "" || len(m.To) < 5):
		return bad(131009, "to: %q", m.To)
	case m.RecipientType != "" && m.RecipientType != "individual" && m.RecipientType != "group":
		return bad(131009, "recipient_type")
	case m.Context != nil && !strings.HasPrefix(m.Context.Message, "wamid."):
		return bad(131009, "context.message_id")
	case len(m.Tag) > 512:
		return bad(131009, "biz_opaque_callback_data")
	case !known:
		return bad(131051, "type: %q", m.Type)
	case !own:
		return bad(131008, "%s", m.Type)
	}
	for name, there := range members {
		if there && name != m.Type {
			return bad(100, "Unexpected key %q on a message of type %s", name, m.Type)
		}
	}
	for _, media := range m.media() {
		if (media.ID == "") == (media.Link == "") {
			return bad(100, "want id or link of media")
		}
		if u, err := url.Parse(media.Link); media.Link != "" && (err != nil || u.Host == "") {
			return bad(131009, "media link")
		}
		if utf8.RuneCountInString(media.Caption) > 1024 {
			return bad(131009, "caption")
		}
	}
	if field, ok := m.inner(); !ok {
		return bad(131009, "%s", field)
	}
	return answer{}, true
}

// inner checks what is within the member of the type, and names what is wrong.
func (m *graphMessage) inner() (field string, ok bool) {
	switch {
	case m.Text != nil && !length(m.Text.Body, 1, 4096):
		return "text.body", false
	case m.Audio != nil && (m.Audio.Caption != "" || m.Audio.Filename != ""), m.Sticker != nil && m.Sticker.Caption != "":
		return "caption", false
	case m.Location != nil && (m.Location.Latitude == nil || m.Location.Longitude == nil):
		return "location", false
	case m.Reaction != nil && (!strings.HasPrefix(m.Reaction.Message, "wamid.") || m.Reaction.Emoji == nil):
		return "reaction", false
	case m.Interactive != nil:
		return m.Interactive.check()
	case m.Template != nil:
		return m.Template.check()
	}
	for _, c := range m.Contacts {
		if c.Name["formatted_name"] == "" || len(c.Name) < 2 {
			return "contacts.name", false
		}
	}
	return "", true
}

func length(s string, least, most int) bool {
	n := utf8.RuneCountInString(s)
	return n >= least && n <= most
}

// check names what is wrong with an interactive message.
func (i *graphInteractive) check() (field string, ok bool) {
	a := &i.Action
	switch {
	case i.Type != "product" && !length(i.Body.Text, 1, 1024):
		return "interactive.body.text", false
	case i.Footer != nil && !length(i.Footer.Text, 1, 60):
		return "interactive.footer.text", false
	case i.Header != nil && i.Header.Type == "text" && !length(i.Header.Text, 1, 60):
		return "interactive.header.text", false
	case i.Header != nil && i.Header.Type != "text" && i.Type != "button" && i.Type != "cta_url":
		return "interactive.header.type", false
	}
	switch i.Type {
	case "button":
		if len(a.Buttons) < 1 || len(a.Buttons) > 3 {
			return "interactive.action.buttons", false
		}
		for _, b := range a.Buttons {
			if b.Type != "reply" || !length(b.Reply.ID, 1, 256) || !length(b.Reply.Title, 1, 20) {
				return "interactive.action.buttons", false
			}
		}
	case "list":
		rows := 0
		for _, s := range a.Sections {
			rows += len(s.Rows)
			for _, r := range s.Rows {
				if !length(r.ID, 1, 200) || !length(r.Title, 1, 24) || !length(r.Description, 0, 72) {
					return "interactive.action.sections.rows", false
				}
			}
			if len(a.Sections) > 1 && s.Title == "" {
				return "interactive.action.sections.title", false
			}
		}
		if rows < 1 || rows > 10 || !length(a.Button, 1, 20) {
			return "interactive.action.sections", false
		}
	case "cta_url":
		shown, _ := a.Parameters["display_text"].(string)
		target, _ := a.Parameters["url"].(string)
		if a.Name != "cta_url" || !length(shown, 1, 20) || !strings.HasPrefix(target, "http") {
			return "interactive.action.parameters", false
		}
	case "location_request_message":
		return "interactive.action.name", a.Name == "send_location"
	case "call_permission_request", "voice_call":
		return "interactive.action.name", a.Name == i.Type
	case "product", "product_list", "catalog_message":
		return i.checkGoods()
	default:
		return "interactive.type", false
	}
	return "", true
}

// checkGoods names what is wrong with what can be bought.
func (i *graphInteractive) checkGoods() (field string, ok bool) {
	a := &i.Action
	switch i.Type {
	case "catalog_message":
		return "interactive.action.name", a.Name == i.Type && i.Header == nil
	case "product":
		return "interactive.action.product_retailer_id", a.Catalog != "" && a.Product != "" && i.Header == nil
	}
	items := 0
	for _, s := range a.Sections {
		items += len(s.Items)
		if len(a.Sections) > 1 && s.Title == "" {
			return "interactive.action.sections.title", false
		}
	}
	return "interactive.action.sections", a.Catalog != "" && i.Header != nil && items >= 1 && items <= 30 && len(a.Sections) <= 10
}

// check names what is wrong with a template.
func (t *graphTemplate) check() (field string, ok bool) {
	if t.Name == "" || t.Language.Code == "" {
		return "template.name, template.language.code", false
	}
	return checkComponents(t.Components)
}

func checkComponents(all []graphComponent) (field string, ok bool) {
	for _, c := range all {
		switch c.Type {
		case "header", "body", "carousel", "limited_time_offer", "tap_target_configuration", "call_permission_request":
		case "button":
			if c.SubType == "" || len(c.Index) == 0 {
				return "template.components.sub_type, index", false
			}
		default:
			return "template.components.type", false
		}
		for _, p := range c.Parameters {
			there := map[string]bool{
				"text": p.Text != "", "currency": p.Currency != nil, "date_time": p.Date != nil, "image": p.Image != nil, "video": p.Video != nil,
				"document": p.Document != nil, "location": p.Location != nil, "product": p.Product != nil, "payload": p.Payload != "",
				"coupon_code": p.Coupon != "", "limited_time_offer": p.Offer != nil, "ttl_minutes": p.Minutes != 0, "action": p.Action != nil,
				"tap_target_configuration": p.Tap != nil,
			}
			if !there[p.Type] {
				return "template.components.parameters.type", false
			}
		}
		for _, card := range c.Cards {
			if card.Index == nil {
				return "template.components.cards.card_index", false
			}
			if field, ok := checkComponents(card.Components); !ok {
				return field, false
			}
		}
	}
	return "", true
}
