package whatsapp_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/providers"
	"parley/providers/message"
	"parley/providers/providertest"
	"parley/providers/whatsapp"
)

func to(o message.Outgoing) *message.Outgoing {
	o.To = message.Party{Number: "+" + ana}
	return &o
}

type object = map[string]any

// TestSend: every kind of message is taken by a server that checks them as Meta does, and is on the wire what it should be.
func TestSend(t *testing.T) {
	t.Parallel()
	f := &providertest.WhatsApp{}
	n := graph(t, f)
	photo := &message.Attachment{Kind: message.Image, Link: "https://cdn.example.com/a.jpg"}
	for _, test := range []struct {
		name string
		o    message.Outgoing
		kind string
		want any // the member of that name
	}{
		{"text", message.Outgoing{Text: "Hi", Preview: true}, "text", object{"body": "Hi", "preview_url": true}},
		{"image", message.Outgoing{Media: &message.Attachment{Kind: message.Image, Link: "https://cdn.example.com/a.jpg", Caption: "x"}}, "image",
			object{"link": "https://cdn.example.com/a.jpg", "caption": "x"}},
		{"voice note", message.Outgoing{Media: &message.Attachment{Kind: message.Audio, Link: "https://cdn.example.com/a.ogg", Voice: true}}, "audio",
			object{"link": "https://cdn.example.com/a.ogg", "voice": true}},
		{"video", message.Outgoing{Media: &message.Attachment{Kind: message.Video, Link: "https://cdn.example.com/a.mp4"}}, "video", object{"link": "https://cdn.example.com/a.mp4"}},
		{"document", message.Outgoing{Media: &message.Attachment{Kind: message.Document, Link: "https://cdn.example.com/a", Filename: "a.pdf"}}, "document",
			object{"link": "https://cdn.example.com/a", "filename": "a.pdf"}},
		{"sticker", message.Outgoing{Media: &message.Attachment{Kind: message.Sticker, Link: "https://cdn.example.com/a.webp"}}, "sticker", object{"link": "https://cdn.example.com/a.webp"}},
		{"location", message.Outgoing{Place: &message.Place{Latitude: 37.75, Longitude: -122.42, Name: "HQ", Address: "1 Hacker Way"}}, "location",
			object{"latitude": 37.75, "longitude": -122.42, "name": "HQ", "address": "1 Hacker Way"}},
		{"nowhere in particular", message.Outgoing{Place: &message.Place{}}, "location", object{"latitude": 0.0, "longitude": 0.0}},
		{"contacts", message.Outgoing{Cards: []message.Card{{
			Name: message.CardName{Full: "John Smith", First: "John"}, Phones: []message.CardPhone{{Phone: "+1 650 555 1234", Type: "WORK", ID: ana}},
			Emails: []message.CardEmail{{Email: "j@example.com"}}, Addresses: []message.CardAddress{{City: "Bath"}}, URLs: []message.CardURL{{URL: "https://j.example"}}, Company: "Acme",
		}}}, "contacts", []any{object{
			"name": object{"formatted_name": "John Smith", "first_name": "John"}, "phones": []any{object{"phone": "+1 650 555 1234", "type": "WORK", "wa_id": ana}},
			"emails": []any{object{"email": "j@example.com"}}, "addresses": []any{object{"city": "Bath"}}, "urls": []any{object{"url": "https://j.example"}},
			"org": object{"company": "Acme"},
		}}},
		{"reaction", message.Outgoing{Reaction: &message.Reaction{Message: "wamid.in", Emoji: "😀"}}, "reaction", object{"message_id": "wamid.in", "emoji": "😀"}},
		{"no reaction any more", message.Outgoing{Reaction: &message.Reaction{Message: "wamid.in"}}, "reaction", object{"message_id": "wamid.in", "emoji": ""}},
		{"buttons", message.Outgoing{Menu: &message.Menu{
			Header: &message.Header{Media: photo}, Body: "B", Footer: "F", Buttons: []message.Button{{ID: "yes", Title: "Yes"}, {ID: "no", Title: "No"}},
		}}, "interactive", object{
			"type": "button", "header": object{"type": "image", "image": object{"link": "https://cdn.example.com/a.jpg"}}, "body": object{"text": "B"}, "footer": object{"text": "F"},
			"action": object{"buttons": []any{object{"type": "reply", "reply": object{"id": "yes", "title": "Yes"}}, object{"type": "reply", "reply": object{"id": "no", "title": "No"}}}},
		}},
		{"list", message.Outgoing{Menu: &message.Menu{Header: &message.Header{Text: "H"}, Body: "B", List: &message.List{Button: "Choose", Sections: []message.Section{
			{Title: "S1", Rows: []message.Row{{ID: "r1", Title: "Row", Description: "d"}}},
		}}}}, "interactive", object{
			"type": "list", "header": object{"type": "text", "text": "H"}, "body": object{"text": "B"},
			"action": object{"button": "Choose", "sections": []any{object{"title": "S1", "rows": []any{object{"id": "r1", "title": "Row", "description": "d"}}}}},
		}},
		{"link", message.Outgoing{Menu: &message.Menu{Body: "B", Link: &message.Link{Text: "Open", URL: "https://x.example"}}}, "interactive", object{
			"type": "cta_url", "body": object{"text": "B"}, "action": object{"name": "cta_url", "parameters": object{"display_text": "Open", "url": "https://x.example"}},
		}},
		{"where", message.Outgoing{Menu: &message.Menu{Body: "Where?", AskPlace: true}}, "interactive", object{
			"type": "location_request_message", "body": object{"text": "Where?"}, "action": object{"name": "send_location"},
		}},
		{"may we call", message.Outgoing{Menu: &message.Menu{Body: "May we call you?", AskCall: true}}, "interactive", object{
			"type": "call_permission_request", "body": object{"text": "May we call you?"}, "action": object{"name": "call_permission_request"},
		}},
		{"call us", message.Outgoing{Menu: &message.Menu{Body: "Call us", CallUs: &message.CallUs{Text: "Call now", Minutes: 100, Payload: "deep-1"}}}, "interactive", object{
			"type": "voice_call", "body": object{"text": "Call us"},
			"action": object{"name": "voice_call", "parameters": object{"display_text": "Call now", "ttl_minutes": 100.0, "payload": "deep-1"}},
		}},
		{"a product", message.Outgoing{Menu: &message.Menu{Product: &message.Product{Catalog: "194836987003835", ID: "di9"}}}, "interactive", object{
			"type": "product", "action": object{"catalog_id": "194836987003835", "product_retailer_id": "di9"},
		}},
		{"products", message.Outgoing{Menu: &message.Menu{Header: &message.Header{Text: "H"}, Body: "B", Products: &message.Products{Catalog: "194836987003835", Sections: []message.ProductSection{
			{Title: "Blue", IDs: []string{"di9", "di8"}}, {Title: "Red", IDs: []string{"di7"}},
		}}}}, "interactive", object{
			"type": "product_list", "header": object{"type": "text", "text": "H"}, "body": object{"text": "B"},
			"action": object{"catalog_id": "194836987003835", "sections": []any{
				object{"title": "Blue", "product_items": []any{object{"product_retailer_id": "di9"}, object{"product_retailer_id": "di8"}}},
				object{"title": "Red", "product_items": []any{object{"product_retailer_id": "di7"}}},
			}},
		}},
		{"the catalogue", message.Outgoing{Menu: &message.Menu{Body: "B", Footer: "F", Catalog: &message.Catalog{Thumbnail: "di9"}}}, "interactive", object{
			"type": "catalog_message", "body": object{"text": "B"}, "footer": object{"text": "F"},
			"action": object{"name": "catalog_message", "parameters": object{"thumbnail_product_retailer_id": "di9"}},
		}},
		{"the catalogue with its first product", message.Outgoing{Menu: &message.Menu{Body: "B", Catalog: &message.Catalog{}}}, "interactive", object{
			"type": "catalog_message", "body": object{"text": "B"}, "action": object{"name": "catalog_message"},
		}},
	} {
		sent, err := n.Send(t.Context(), to(test.o))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		all := f.Sent()
		got := all[len(all)-1]
		if got.ID != sent.ID || got.To != ana || got.Type != test.kind || sent.To.Number != "+"+ana {
			t.Errorf("%s: %+v, %+v", test.name, sent, got)
		}
		if diff := cmp.Diff(test.want, got.Body[test.kind]); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", test.name, diff)
		}
	}
	o := to(message.Outgoing{Text: "Hi", ReplyTo: "wamid.in", Tag: "ses_01"})
	o.To = message.Party{User: "US.1"}
	f.Wrote("US.1", time.Now())
	sent, err := n.Send(t.Context(), o)
	all := f.Sent()
	got := all[len(all)-1].Body
	want := object{
		"messaging_product": "whatsapp", "recipient_type": "individual", "recipient": "US.1", "type": "text", "context": object{"message_id": "wamid.in"},
		"biz_opaque_callback_data": "ses_01", "text": object{"body": "Hi", "preview_url": false},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" || sent.To.User != "US.1" {
		t.Errorf("%v, %+v (-want +got)\n%s", err, sent, diff)
	}
}

// TestTemplate: each kind of component and value.
func TestTemplate(t *testing.T) {
	t.Parallel()
	f := &providertest.WhatsApp{}
	n := graph(t, f)
	photo := &message.Attachment{Kind: message.Image, Link: "https://cdn.example.com/a.jpg"}
	body := func(v ...message.Value) message.Part { return message.Part{Type: "body", Values: v} }
	button := func(i int, sub string, v ...message.Value) message.Part {
		return message.Part{Type: "button", Sub: sub, Index: i, Values: v}
	}
	o := to(message.Outgoing{Template: &message.Template{Name: "appointment_v2", Language: "en_US", Parts: []message.Part{
		{Type: "header", Values: []message.Value{{Media: photo}}},
		body(message.Value{Text: "Ana"}, message.Value{Name: "day", Text: "Monday"}, message.Value{Money: &message.Money{Shown: "$100.99", Currency: "USD", Milli: 100990}},
			message.Value{Date: "February 25, 1977"}),
		button(0, "quick_reply", message.Value{Payload: "PAY_1"}), button(1, "url", message.Value{Text: "order/42"}), button(2, "copy_code", message.Value{Coupon: "SAVE10"}),
		button(3, "flow", message.Value{Action: map[string]any{"flow_token": "t"}}), button(4, "voice_call", message.Value{Minutes: 60}),
		{Type: "limited_time_offer", Values: []message.Value{{Expires: time.UnixMilli(1760000000000)}}},
		{Type: "tap_target_configuration", Values: []message.Value{{TapURL: "https://x.example", TapTitle: "Open"}}},
		{Type: "call_permission_request"},
		{Type: "carousel", Cards: []message.TemplateCard{{Parts: []message.Part{{Type: "header", Values: []message.Value{{Product: &message.Product{Catalog: "1", ID: "di9"}}}}}}, {
			Index: 1, Parts: []message.Part{{Type: "header", Values: []message.Value{{Place: &message.Place{Latitude: 1, Longitude: 2}}}}, button(0, "quick_reply", message.Value{Payload: "x"})},
		}}},
	}}})
	f.Wrote(ana, time.Now().Add(-25*time.Hour)) // templates need no window
	if _, err := n.Send(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	payload := func(text string) object { return object{"type": "payload", "payload": text} }
	one := func(v ...any) []any { return v }
	want := object{"name": "appointment_v2", "language": object{"code": "en_US"}, "components": []any{
		object{"type": "header", "parameters": one(object{"type": "image", "image": object{"link": "https://cdn.example.com/a.jpg"}})},
		object{"type": "body", "parameters": one(object{"type": "text", "text": "Ana"}, object{"type": "text", "parameter_name": "day", "text": "Monday"},
			object{"type": "currency", "currency": object{"fallback_value": "$100.99", "code": "USD", "amount_1000": 100990.0}},
			object{"type": "date_time", "date_time": object{"fallback_value": "February 25, 1977"}})},
		object{"type": "button", "sub_type": "quick_reply", "index": "0", "parameters": one(payload("PAY_1"))},
		object{"type": "button", "sub_type": "url", "index": "1", "parameters": one(object{"type": "text", "text": "order/42"})},
		object{"type": "button", "sub_type": "copy_code", "index": "2", "parameters": one(object{"type": "coupon_code", "coupon_code": "SAVE10"})},
		object{"type": "button", "sub_type": "flow", "index": "3", "parameters": one(object{"type": "action", "action": object{"flow_token": "t"}})},
		object{"type": "button", "sub_type": "voice_call", "index": "4", "parameters": one(object{"type": "ttl_minutes", "ttl_minutes": 60.0})},
		object{"type": "limited_time_offer", "parameters": one(object{"type": "limited_time_offer", "limited_time_offer": object{"expiration_time_ms": 1760000000000.0}})},
		object{"type": "tap_target_configuration", "parameters": one(object{
			"type": "tap_target_configuration", "tap_target_configuration": one(object{"url": "https://x.example", "title": "Open"}),
		})},
		object{"type": "call_permission_request"},
		object{"type": "carousel", "cards": one(
			object{"card_index": 0.0, "components": one(object{"type": "header", "parameters": one(object{
				"type": "product", "product": object{"product_retailer_id": "di9", "catalog_id": "1"},
			})})},
			object{"card_index": 1.0, "components": one(object{"type": "header", "parameters": one(object{"type": "location", "location": object{"latitude": 1.0, "longitude": 2.0}})},
				object{"type": "button", "sub_type": "quick_reply", "index": "0", "parameters": one(payload("x"))})},
		)},
	}}
	if diff := cmp.Diff(want, f.Sent()[0].Body["template"]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestWrong: what makes no sense is not sent, and the error names the field.
func TestWrong(t *testing.T) {
	t.Parallel()
	f := &providertest.WhatsApp{}
	n := graph(t, f)
	long := func(n int) string { return strings.Repeat("x", n) }
	menu := func(m message.Menu) message.Outgoing { return message.Outgoing{Menu: &m} }
	media := func(a message.Attachment) message.Outgoing { return message.Outgoing{Media: &a} }
	template := func(p ...message.Part) message.Outgoing {
		return message.Outgoing{Template: &message.Template{Name: "a", Language: "en", Parts: p}}
	}
	rows := func(n int) (all []message.Row) {
		for i := range n {
			all = append(all, message.Row{ID: long(i + 1), Title: "t"})
		}
		return all
	}
	list := func(s ...message.Section) message.Outgoing {
		return menu(message.Menu{Body: "b", List: &message.List{Button: "b", Sections: s}})
	}
	goods := func(h *message.Header, s ...message.ProductSection) message.Outgoing {
		return menu(message.Menu{Header: h, Body: "b", Products: &message.Products{Catalog: "1", Sections: s}})
	}
	yes := []message.Button{{ID: "y", Title: "Yes"}}
	for field, o := range map[string]message.Outgoing{
		"message":                           {},
		"text":                              {Text: long(4097)},
		"tag":                               {Text: "x", Tag: long(513)},
		"content":                           {Content: &message.Content{SID: "HX1"}},
		"media":                             media(message.Attachment{Kind: message.Image}),
		"media.kind":                        media(message.Attachment{Kind: "film", ID: "1"}),
		"media.link":                        media(message.Attachment{Kind: message.Image, Link: "ftp://x"}),
		"media.caption":                     media(message.Attachment{Kind: message.Audio, ID: "1", Caption: "x"}),
		"media.filename":                    media(message.Attachment{Kind: message.Image, ID: "1", Filename: "x"}),
		"media.voice":                       media(message.Attachment{Kind: message.Video, ID: "1", Voice: true}),
		"place.latitude":                    {Place: &message.Place{Latitude: 91}},
		"place.longitude":                   {Place: &message.Place{Longitude: -181}},
		"cards[0].name.full":                {Cards: []message.Card{{}}},
		"cards[0].name":                     {Cards: []message.Card{{Name: message.CardName{Full: "x"}}}},
		"reaction.message":                  {Reaction: &message.Reaction{Emoji: "x"}},
		"menu":                              menu(message.Menu{Body: "b"}),
		"menu.body":                         menu(message.Menu{Buttons: yes}),
		"menu.footer":                       menu(message.Menu{Body: "b", Footer: long(61), Buttons: yes}),
		"menu.header":                       menu(message.Menu{Body: "b", Header: &message.Header{}, Buttons: yes}),
		"menu.header.text":                  menu(message.Menu{Body: "b", Header: &message.Header{Text: long(61)}, Buttons: yes}),
		"menu.header.media":                 menu(message.Menu{Body: "b", Header: &message.Header{Media: &message.Attachment{Kind: message.Image, ID: "1"}}, AskPlace: true}),
		"menu.header.media.kind":            menu(message.Menu{Body: "b", Header: &message.Header{Media: &message.Attachment{Kind: message.Audio, ID: "1"}}, Buttons: yes}),
		"menu.header.media.caption":         menu(message.Menu{Body: "b", Header: &message.Header{Media: &message.Attachment{Kind: message.Image, ID: "1", Caption: "c"}}, Buttons: yes}),
		"menu.buttons":                      menu(message.Menu{Body: "b", Buttons: []message.Button{{ID: "1", Title: "1"}, {ID: "2", Title: "2"}, {ID: "3", Title: "3"}, {ID: "4", Title: "4"}}}),
		"menu.buttons[1]":                   menu(message.Menu{Body: "b", Buttons: []message.Button{{ID: "1", Title: "1"}, {ID: "1", Title: "2"}}}),
		"menu.buttons[0].title":             menu(message.Menu{Body: "b", Buttons: []message.Button{{ID: "1", Title: long(21)}}}),
		"menu.list.button":                  menu(message.Menu{Body: "b", List: &message.List{}}),
		"menu.list.sections":                list(message.Section{Title: "s", Rows: rows(11)}),
		"menu.list.sections[1].title":       list(message.Section{Title: "s", Rows: rows(1)}, message.Section{Rows: rows(1)}),
		"menu.list.sections[0].rows":        list(message.Section{}),
		"menu.list.sections[0].rows[0].id":  list(message.Section{Rows: []message.Row{{Title: "t"}}}),
		"menu.list.sections[0].rows[1].id":  list(message.Section{Rows: []message.Row{{ID: "1", Title: "t"}, {ID: "1", Title: "t"}}}),
		"menu.link.text":                    menu(message.Menu{Body: "b", Link: &message.Link{URL: "https://x.example"}}),
		"menu.link.url":                     menu(message.Menu{Body: "b", Link: &message.Link{Text: "x", URL: "x"}}),
		"menu.product.id":                   menu(message.Menu{Product: &message.Product{Catalog: "1"}}),
		"menu.products.catalog":             menu(message.Menu{Body: "b", Products: &message.Products{}}),
		"menu.products.sections":            goods(nil, message.ProductSection{IDs: strings.Split(strings.Repeat("x,", 30)+"x", ",")}),
		"menu.products.sections[1].title":   goods(nil, message.ProductSection{Title: "s", IDs: []string{"1"}}, message.ProductSection{IDs: []string{"2"}}),
		"menu.products.sections[0].ids":     goods(nil, message.ProductSection{}),
		"menu.products.sections[0].ids[1]":  goods(nil, message.ProductSection{IDs: []string{"1", ""}}),
		"menu.catalog.thumbnail":            menu(message.Menu{Body: "b", Catalog: &message.Catalog{Thumbnail: long(101)}}),
		"menu.call_us.text":                 menu(message.Menu{Body: "b", CallUs: &message.CallUs{}}),
		"menu.call_us.minutes":              menu(message.Menu{Body: "b", CallUs: &message.CallUs{Text: "x", Minutes: -1}}),
		"template.name":                     {Template: &message.Template{Name: "A B", Language: "en"}},
		"template.language":                 {Template: &message.Template{Name: "a"}},
		"template.parts[0].type":            template(message.Part{Type: "feet"}),
		"template.parts[0].sub":             template(message.Part{Type: "button", Sub: "x"}),
		"template.parts[0].index":           template(message.Part{Type: "button", Sub: "url", Index: 10}),
		"template.parts[0].cards":           template(message.Part{Type: "carousel"}),
		"template.parts[1].values[0]":       template(message.Part{Type: "body"}, message.Part{Type: "body", Values: []message.Value{{}}}),
		"template.parts[0].values[0].money": template(message.Part{Type: "body", Values: []message.Value{{Money: &message.Money{Currency: "usd"}}}}),
	} {
		_, err := n.Send(t.Context(), to(o))
		e := message.As(err)
		if e == nil || e.Reason != message.Invalid || e.Field != field || !strings.Contains(err.Error(), field) || e.Status != 0 {
			t.Errorf("%s: %v", field, err)
		}
	}
	for field, p := range map[string]message.Party{"to": {}, "to.number": {Number: "ana"}} {
		_, err := n.Send(t.Context(), &message.Outgoing{To: p, Text: "x"})
		if e := message.As(err); e == nil || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if len(f.Sent()) != 0 {
		t.Error("something was sent")
	}
}

// TestRefused: what Meta says is sorted, and told again only where it passes soon.
func TestRefused(t *testing.T) {
	t.Parallel()
	f := &providertest.WhatsApp{}
	n := graph(t, f)
	hello := to(message.Outgoing{Text: "Hi"})
	for _, test := range []struct {
		code   int
		reason message.Reason
		class  string
	}{
		{190, message.Token, providers.Auth}, {200, message.Forbidden, providers.Auth}, {100, message.Invalid, providers.Refused}, {131047, message.WindowClosed, providers.Refused},
		{131050, message.OptedOut, providers.Refused}, {131026, message.Undeliverable, providers.Refused}, {131056, message.PairLimited, providers.Refused},
		{80007, message.RateLimited, providers.Refused}, {368, message.Policy, providers.Auth}, {131042, message.NotReady, providers.Refused},
		{132001, message.BadTemplate, providers.Refused}, {131053, message.MediaFailed, providers.Refused}, {999999, message.Other, providers.Refused},
		{132999, message.BadTemplate, providers.Refused},
	} {
		f.Misbehave(providertest.Trouble{Fault: providertest.Complain, Code: test.code})
		_, err := n.Send(t.Context(), hello)
		if e := message.As(err); e == nil || e.Reason != test.reason || e.Code != test.code || e.Unsure() || providers.Class(err) != test.class {
			t.Errorf("%d: %+v, class %s", test.code, e, providers.Class(err))
		}
	}
	for _, code := range []int{131000, 131016, 130429, 131057} { // these pass
		f.Misbehave(providertest.Trouble{Fault: providertest.Complain, Code: code, Times: 1})
		if _, err := n.Send(t.Context(), hello); err != nil {
			t.Errorf("%d: %v", code, err)
		}
	}
	if got := len(f.Sent()); got != 4 {
		t.Errorf("%d messages, want 4", got)
	}
}

// TestLost: a message whose answer is lost is not sent twice.
func TestLost(t *testing.T) {
	t.Parallel()
	f := &providertest.WhatsApp{}
	n := graph(t, f)
	hello := to(message.Outgoing{Text: "Hi"})
	for fault, want := range map[providertest.Fault]message.Reason{
		providertest.Unheard: message.Unanswered, providertest.Garbage: message.Garbled, providertest.Giant: message.Garbled, providertest.Refuse: message.Unanswered,
	} {
		before := len(f.Sent())
		f.Misbehave(providertest.Trouble{Fault: fault})
		_, err := n.Send(t.Context(), hello)
		e := message.As(err)
		if e == nil || e.Reason != want || !e.Unsure() || e.Retry || len(f.Sent()) > before+1 {
			t.Errorf("%s: %+v, %d sent", fault, e, len(f.Sent())-before)
		}
	}
	f.Misbehave(providertest.Trouble{Fault: providertest.Mute})
	gone, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("too slow"))
	defer cancel()
	_, err := n.Send(gone, hello)
	if e := message.As(err); e == nil || e.Reason != message.Unanswered || !strings.Contains(err.Error(), "too slow") {
		t.Errorf("%v", err)
	}
	nobody := &whatsapp.Number{ID: "1", Token: "EAAsecret", Base: "http://127.0.0.1:1/v23.0", Patience: -1}
	_, err = nobody.Send(t.Context(), hello)
	if e := message.As(err); e == nil || e.Reason != message.Unconnected || !e.Retry || e.Unsure() {
		t.Errorf("%v", err)
	}
	if _, err := nobody.Ticket(t.Context()); err == nil || strings.Contains(err.Error(), "EAAsecret") {
		t.Errorf("the token is told: %v", err)
	}
}

// TestWindow: nothing but a template goes to somebody who has not written for 24 hours, and we can know before.
func TestWindow(t *testing.T) {
	t.Parallel()
	f := &providertest.WhatsApp{}
	n := graph(t, f)
	now := time.Now()
	last := now.Add(-24 * time.Hour)
	f.Wrote(ana, last)
	hello := to(message.Outgoing{Text: "Hi"})
	if _, err := n.Send(t.Context(), hello); reason(err) != message.WindowClosed {
		t.Errorf("%v", err)
	}
	if err := hello.Check(last, now); reason(err) != message.WindowClosed {
		t.Errorf("%v", err)
	}
	if err := hello.Check(time.Time{}, now); reason(err) != message.WindowClosed {
		t.Errorf("never written: %v", err)
	}
	if err := hello.Check(last.Add(time.Second), now); err != nil {
		t.Error(err)
	}
	hello = to(message.Outgoing{Template: &message.Template{Name: "hello_world", Language: "en_US"}})
	if err := hello.Check(time.Time{}, now); err != nil {
		t.Error(err)
	}
	if _, err := n.Send(t.Context(), hello); err != nil {
		t.Error(err)
	}
	f.OptOut(ana)
	if _, err := n.Send(t.Context(), hello); reason(err) != message.OptedOut {
		t.Errorf("%v", err)
	}
}

// TestRates: we keep to Meta's rates, and one that is stricter than we think is waited for, or told of.
func TestRates(t *testing.T) {
	t.Parallel()
	f := &providertest.WhatsApp{Limits: providertest.WhatsAppLimits{NoWindow: true, Pair: 3, PairTime: time.Hour}}
	n := graph(t, f)
	n.Patience = time.Second
	hello := to(message.Outgoing{Text: "Hi"})
	var err error
	for range 4 {
		_, err = n.Send(t.Context(), hello)
	}
	if e := message.As(err); e == nil || e.Reason != message.PairLimited || !e.Retry || e.After != time.Minute {
		t.Errorf("%+v", e)
	}
	for range 42 {
		_, err = n.Send(t.Context(), hello)
	}
	if e := message.As(err); e == nil || e.Status != 0 || e.Reason != message.PairLimited || e.After > 6*time.Second { // ours
		t.Errorf("%+v", e)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	f := &providertest.WhatsApp{}
	n := graph(t, f)
	if err := errors.Join(n.Read(t.Context(), "wamid.in", false), n.Read(t.Context(), "wamid.in", true)); err != nil {
		t.Fatal(err)
	}
	want := []providertest.WhatsAppRead{{Message: "wamid.in"}, {Message: "wamid.in", Typing: true}}
	if diff := cmp.Diff(want, f.Reads()); diff != "" {
		t.Error(diff)
	}
	if err := n.Read(t.Context(), "", true); reason(err) != message.Invalid {
		t.Errorf("%v", err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	err := (&whatsapp.Number{ID: "+1", Token: "a b", Base: "graph.facebook.com"}).Check()
	for _, want := range []string{"phone number id", "access token", "base URL"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name the %s", err, want)
		}
	}
	if err := (&whatsapp.Number{ID: "1", Token: "t"}).Check(); err != nil {
		t.Error(err)
	}
}

// TestSetup asks what a deployment needs to know.
func TestSetup(t *testing.T) {
	t.Parallel()
	f := &providertest.WhatsApp{}
	n := graph(t, f)
	p, err := n.Profile(t.Context())
	want := whatsapp.Profile{
		ID: providertest.FakeNumber, Number: "+15550783881", Name: "Desk", Quality: "GREEN", Verified: true, Status: "CONNECTED", Platform: "CLOUD_API",
		Webhook: "https://gw.example.net/whatsapp/meta",
	}
	if err != nil || p != want {
		t.Errorf("%v, %+v", err, p)
	}
	apps, err := n.Apps(t.Context(), providertest.FakeAccount)
	if err != nil || len(apps) != 1 || apps[0].ID != "67084223840" || apps[0].Name != "Desk" {
		t.Errorf("%v, %+v", err, apps)
	}
	f.Unsubscribe()
	if apps, err := n.Apps(t.Context(), providertest.FakeAccount); err != nil || len(apps) != 0 {
		t.Errorf("%v, %+v", err, apps)
	}
	if err := n.Subscribe(t.Context(), providertest.FakeAccount); err != nil {
		t.Error(err)
	}
	if apps, err := n.Apps(t.Context(), providertest.FakeAccount); err != nil || len(apps) != 1 {
		t.Errorf("%v, %+v", err, apps)
	}
	if ticket, err := n.Ticket(t.Context()); err != nil || !ticket.Valid || !ticket.Expires.IsZero() || len(ticket.Scopes) != 2 {
		t.Errorf("%v, %+v", err, ticket)
	}
	if enabled, bySIP, err := n.Calling(t.Context()); err != nil || !enabled || bySIP {
		t.Errorf("%v, %v, %v", enabled, bySIP, err)
	}
	other := &whatsapp.Number{ID: "7", Token: n.Token, Base: n.Base, Client: n.Client, Patience: -1}
	if _, err := other.Profile(t.Context()); reason(err) != message.Invalid {
		t.Errorf("another number: %v", err)
	}
	if _, err := n.Apps(t.Context(), "x/y"); reason(err) != message.Invalid {
		t.Errorf("%v", err)
	}
	wrong := &whatsapp.Number{ID: n.ID, Token: "EAAold", Base: n.Base, Client: n.Client}
	if _, err := wrong.Profile(t.Context()); reason(err) != message.Token || message.As(err).Status != http.StatusUnauthorized {
		t.Errorf("a wrong token: %v", err)
	}
}
