package whatsapp

import (
	"fmt"
	"net/url"
	"unicode/utf8"

	"parley/providers/message"
)

// within says that a text has too few or too many characters; nil: it has not.
func within(field, text string, least, most int) error {
	switch n := utf8.RuneCountInString(text); {
	case !utf8.ValidString(text):
		return message.Wrong(field, "want UTF-8")
	case n < least && n == 0:
		return message.Wrong(field, "is missing")
	case n < least || n > most:
		return message.Wrong(field, "%d characters: want %d to %d", n, least, most)
	}
	return nil
}

// A bound is one of within's.
type bound struct {
	field, text string
	least, most int
}

// bounds is the first text that is too short or too long.
func bounds(all ...bound) error {
	for _, b := range all {
		if err := within(b.field, b.text, b.least, b.most); err != nil {
			return err
		}
	}
	return nil
}

// link says that a text is no URL that Meta would fetch or show.
func link(field, text string) error {
	if u, err := url.Parse(text); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || len(text) > 2000 {
		return message.Wrong(field, "want an http or https URL of 2000 bytes at most")
	}
	return nil
}

// attachment is a file.
func attachment(field string, a *message.Attachment) (object, error) {
	body := object{}
	switch {
	case a.Kind != message.Image && a.Kind != message.Audio && a.Kind != message.Video && a.Kind != message.Document && a.Kind != message.Sticker:
		return nil, message.Wrong(field+".kind", "%q: want image, audio, video, document or sticker", a.Kind)
	case (a.ID == "") == (a.Link == ""):
		return nil, message.Wrong(field, "want an id or a link")
	case a.Caption != "" && (a.Kind == message.Audio || a.Kind == message.Sticker):
		return nil, message.Wrong(field+".caption", "%s has none", a.Kind)
	case a.Filename != "" && a.Kind != message.Document:
		return nil, message.Wrong(field+".filename", "%s has none", a.Kind)
	case a.Voice && a.Kind != message.Audio:
		return nil, message.Wrong(field+".voice", "%s is none", a.Kind)
	}
	if err := bounds(bound{field + ".caption", a.Caption, 0, 1024}, bound{field + ".filename", a.Filename, 0, 240}); err != nil {
		return nil, err
	}
	if a.ID != "" {
		body["id"] = a.ID
	} else if err := link(field+".link", a.Link); err != nil {
		return nil, err
	} else {
		body["link"] = a.Link
	}
	if a.Caption != "" {
		body["caption"] = a.Caption
	}
	if a.Filename != "" {
		body["filename"] = a.Filename
	}
	if a.Voice {
		body["voice"] = true
	}
	return body, nil
}

// place is a location.
func place(field string, p *message.Place) (object, error) {
	switch {
	case !(p.Latitude >= -90 && p.Latitude <= 90): // which NaN is not
		return nil, message.Wrong(field+".latitude", "%v: want -90 to 90", p.Latitude)
	case !(p.Longitude >= -180 && p.Longitude <= 180):
		return nil, message.Wrong(field+".longitude", "%v: want -180 to 180", p.Longitude)
	}
	body := object{"latitude": p.Latitude, "longitude": p.Longitude}
	if p.Name != "" {
		body["name"] = p.Name
	}
	if p.Address != "" {
		body["address"] = p.Address
	}
	return body, bounds(bound{field + ".name", p.Name, 0, 1000}, bound{field + ".address", p.Address, 0, 1000})
}

// cards are contacts.
func cards(all []message.Card) ([]wireCard, error) {
	if len(all) > 257 {
		return nil, message.Wrong("cards", "%d of them: want 257 at most", len(all))
	}
	var told []wireCard
	for i, c := range all {
		field := fmt.Sprintf("cards[%d].name", i)
		if c.Name.Full == "" {
			return nil, message.Wrong(field+".full", "is missing")
		}
		if n := c.Name; n.First+n.Last+n.Middle+n.Prefix+n.Suffix == "" {
			return nil, message.Wrong(field, "want a part of it besides full")
		}
		told = append(told, wire(c))
	}
	return told, nil
}

func reaction(r *message.Reaction) (object, error) {
	if r.Message == "" {
		return nil, message.Wrong("reaction.message", "is missing")
	}
	return object{"message_id": r.Message, "emoji": r.Emoji}, within("reaction.emoji", r.Emoji, 0, 16)
}

// menu is an interactive message.
func menu(m *message.Menu) (object, error) {
	n := 0
	for _, given := range []bool{
		len(m.Buttons) > 0, m.List != nil, m.Link != nil, m.AskPlace, m.AskCall, m.CallUs != nil, m.Product != nil, m.Products != nil, m.Catalog != nil,
	} {
		if given {
			n++
		}
	}
	if n != 1 {
		return nil, message.Wrong("menu", "want one of buttons, list, link, ask_place, ask_call, call_us, product, products and catalog, not %d of them", n)
	}
	kind, action, err := actionOf(m)
	if err != nil {
		return nil, err
	}
	least := 1
	if m.Product != nil { // which speaks for itself
		least = 0
	}
	if err := bounds(bound{"menu.body", m.Body, least, 1024}, bound{"menu.footer", m.Footer, 0, 60}); err != nil {
		return nil, err
	}
	body := object{"type": kind, "action": action}
	if m.Body != "" {
		body["body"] = object{"text": m.Body}
	}
	if m.Footer != "" {
		body["footer"] = object{"text": m.Footer}
	}
	if m.Header != nil {
		if body["header"], err = header(m); err != nil {
			return nil, err
		}
	} else if m.Products != nil {
		return nil, message.Wrong("menu.header", "is missing: products need one")
	}
	return body, nil
}

// actionOf is what can be tapped, and Meta's word for it.
func actionOf(m *message.Menu) (kind string, action object, err error) {
	switch {
	case len(m.Buttons) > 0:
		action, err = buttons(m.Buttons)
		return "button", action, err
	case m.List != nil:
		action, err = list(m.List)
		return "list", action, err
	case m.Link != nil:
		err = bounds(bound{"menu.link.text", m.Link.Text, 1, 20})
		if err == nil {
			err = link("menu.link.url", m.Link.URL)
		}
		return "cta_url", object{"name": "cta_url", "parameters": object{"display_text": m.Link.Text, "url": m.Link.URL}}, err
	case m.AskPlace:
		return "location_request_message", object{"name": "send_location"}, nil
	case m.AskCall:
		return "call_permission_request", object{"name": "call_permission_request"}, nil
	case m.CallUs == nil:
		return goods(m)
	}
	p := object{"display_text": m.CallUs.Text}
	if m.CallUs.Minutes != 0 {
		p["ttl_minutes"] = m.CallUs.Minutes
	}
	if m.CallUs.Payload != "" {
		p["payload"] = m.CallUs.Payload
	}
	if m.CallUs.Minutes < 0 || m.CallUs.Minutes > 43200 {
		return "", nil, message.Wrong("menu.call_us.minutes", "%d: want 1 to 43200", m.CallUs.Minutes)
	}
	err = bounds(bound{"menu.call_us.text", m.CallUs.Text, 1, 20}, bound{"menu.call_us.payload", m.CallUs.Payload, 0, 512})
	return "voice_call", object{"name": "voice_call", "parameters": p}, err
}

// goods is what can be bought.
func goods(m *message.Menu) (kind string, action object, err error) {
	switch {
	case m.Product != nil:
		err = bounds(bound{"menu.product.catalog", m.Product.Catalog, 1, 100}, bound{"menu.product.id", m.Product.ID, 1, 100})
		return "product", object{"catalog_id": m.Product.Catalog, "product_retailer_id": m.Product.ID}, err
	case m.Products != nil:
		action, err = products(m.Products)
		return "product_list", action, err
	}
	action = object{"name": "catalog_message"}
	if first := m.Catalog.Thumbnail; first != "" {
		action["parameters"] = object{"thumbnail_product_retailer_id": first}
	}
	return "catalog_message", action, within("menu.catalog.thumbnail", m.Catalog.Thumbnail, 0, 100)
}

// products are some of a catalogue's
// (developers.facebook.com/docs/whatsapp/guides/commerce-guides/share-products-with-customers).
func products(p *message.Products) (object, error) {
	if err := within("menu.products.catalog", p.Catalog, 1, 100); err != nil {
		return nil, err
	}
	var sections []object
	total := 0
	for i, s := range p.Sections {
		field := fmt.Sprintf("menu.products.sections[%d]", i)
		least := 0
		if len(p.Sections) > 1 {
			least = 1
		}
		if err := within(field+".title", s.Title, least, 24); err != nil {
			return nil, err
		}
		if len(s.IDs) == 0 {
			return nil, message.Wrong(field+".ids", "is missing")
		}
		var items []object
		for j, id := range s.IDs {
			if err := within(fmt.Sprintf("%s.ids[%d]", field, j), id, 1, 100); err != nil {
				return nil, err
			}
			items = append(items, object{"product_retailer_id": id})
		}
		total += len(items)
		section := object{"product_items": items}
		if s.Title != "" {
			section["title"] = s.Title
		}
		sections = append(sections, section)
	}
	if len(sections) < 1 || len(sections) > 10 || total > 30 {
		return nil, message.Wrong("menu.products.sections", "%d with %d products: want 1 to 10, with 30 products in all at most", len(sections), total)
	}
	return object{"catalog_id": p.Catalog, "sections": sections}, nil
}

// buttons are those of a message.
func buttons(all []message.Button) (object, error) {
	if len(all) > 3 {
		return nil, message.Wrong("menu.buttons", "%d of them: want 3 at most", len(all))
	}
	var told []object
	seen := make(map[string]bool)
	for i, b := range all {
		field := fmt.Sprintf("menu.buttons[%d]", i)
		if err := bounds(bound{field + ".id", b.ID, 1, 256}, bound{field + ".title", b.Title, 1, 20}); err != nil {
			return nil, err
		}
		if seen[b.ID] || seen["title:"+b.Title] {
			return nil, message.Wrong(field, "has the id or title of another")
		}
		seen[b.ID], seen["title:"+b.Title] = true, true
		told = append(told, object{"type": "reply", "reply": object{"id": b.ID, "title": b.Title}})
	}
	return object{"buttons": told}, nil
}

// list is one that opens.
func list(l *message.List) (object, error) {
	if err := within("menu.list.button", l.Button, 1, 20); err != nil {
		return nil, err
	}
	var sections []object
	total, seen := 0, make(map[string]bool)
	for i, s := range l.Sections {
		field := fmt.Sprintf("menu.list.sections[%d]", i)
		least := 0
		if len(l.Sections) > 1 {
			least = 1
		}
		if err := within(field+".title", s.Title, least, 24); err != nil {
			return nil, err
		}
		if len(s.Rows) == 0 {
			return nil, message.Wrong(field+".rows", "is missing")
		}
		var rows []object
		for j, r := range s.Rows {
			field := fmt.Sprintf("%s.rows[%d]", field, j)
			if err := bounds(bound{field + ".id", r.ID, 1, 200}, bound{field + ".title", r.Title, 1, 24}, bound{field + ".description", r.Description, 0, 72}); err != nil {
				return nil, err
			}
			if seen[r.ID] {
				return nil, message.Wrong(field+".id", "%q is another's", r.ID)
			}
			seen[r.ID] = true
			row := object{"id": r.ID, "title": r.Title}
			if r.Description != "" {
				row["description"] = r.Description
			}
			rows = append(rows, row)
		}
		total += len(rows)
		section := object{"rows": rows}
		if s.Title != "" {
			section["title"] = s.Title
		}
		sections = append(sections, section)
	}
	if total < 1 || total > 10 {
		return nil, message.Wrong("menu.list.sections", "%d rows in all: want 1 to 10", total)
	}
	return object{"button": l.Button, "sections": sections}, nil
}

// header is what stands above a menu.
func header(m *message.Menu) (object, error) {
	h := m.Header
	switch {
	case m.Product != nil || m.Catalog != nil:
		return nil, message.Wrong("menu.header", "a product and the catalogue have none")
	case (h.Text == "") == (h.Media == nil):
		return nil, message.Wrong("menu.header", "want text or media")
	case h.Text != "":
		return object{"type": "text", "text": h.Text}, within("menu.header.text", h.Text, 1, 60)
	case len(m.Buttons) == 0 && m.Link == nil:
		return nil, message.Wrong("menu.header.media", "want text: only buttons and a link stand below media")
	case h.Media.Kind != message.Image && h.Media.Kind != message.Video && h.Media.Kind != message.Document:
		return nil, message.Wrong("menu.header.media.kind", "%q: want image, video or document", h.Media.Kind)
	case h.Media.Caption != "":
		return nil, message.Wrong("menu.header.media.caption", "a header has none")
	}
	body, err := attachment("menu.header.media", h.Media)
	return object{"type": string(h.Media.Kind), string(h.Media.Kind): body}, err
}
