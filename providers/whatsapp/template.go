package whatsapp

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"parley/providers/message"
)

var (
	isTemplate = regexp.MustCompile(`^[a-z0-9_]{1,512}$`)
	isLanguage = regexp.MustCompile(`^[a-z]{2,3}(_[A-Za-z]{2,4})?$`)
	isCurrency = regexp.MustCompile(`^[A-Z]{3}$`)
)

// parts are the kinds of components, and where they may stand.
var (
	parts    = []string{"header", "body", "button", "carousel", "limited_time_offer", "tap_target_configuration", "call_permission_request"}
	ofCards  = []string{"header", "body", "button"}
	subTypes = []string{"quick_reply", "url", "copy_code", "catalog", "mpm", "flow", "voice_call"}
)

// template is one with its places filled. Whether they are those that the template has, Meta alone knows.
func template(t *message.Template) (object, error) {
	if !isTemplate.MatchString(t.Name) {
		return nil, message.Wrong("template.name", "%q: want small letters, digits and _, 512 at most", t.Name)
	}
	if !isLanguage.MatchString(t.Language) {
		return nil, message.Wrong("template.language", "%q: want a code such as en or en_US", t.Language)
	}
	body := object{"name": t.Name, "language": object{"code": t.Language}}
	all, err := components("template.parts", t.Parts, parts)
	if len(all) > 0 {
		body["components"] = all
	}
	return body, err
}

// components are parts of a template, or of a card of one.
func components(field string, all []message.Part, allowed []string) (told []object, err error) {
	for i, p := range all {
		c, err := component(fmt.Sprintf("%s[%d]", field, i), p, allowed)
		if err != nil {
			return nil, err
		}
		told = append(told, c)
	}
	return told, nil
}

// component is one part.
func component(field string, p message.Part, allowed []string) (object, error) {
	body := object{"type": p.Type}
	switch {
	case !slices.Contains(allowed, p.Type):
		return nil, message.Wrong(field+".type", "%q: want one of %v", p.Type, allowed)
	case p.Type == "button" && !slices.Contains(subTypes, p.Sub):
		return nil, message.Wrong(field+".sub", "%q: want one of %v", p.Sub, subTypes)
	case p.Type == "button" && (p.Index < 0 || p.Index > 9):
		return nil, message.Wrong(field+".index", "%d: want 0 to 9", p.Index)
	case p.Type == "button":
		body["sub_type"], body["index"] = p.Sub, strconv.Itoa(p.Index)
	case p.Sub != "":
		return nil, message.Wrong(field+".sub", "only a button has one")
	case (p.Type == "carousel") != (len(p.Cards) > 0):
		return nil, message.Wrong(field+".cards", "a carousel has some, and nothing else has")
	case len(p.Cards) > 10:
		return nil, message.Wrong(field+".cards", "%d of them: want 10 at most", len(p.Cards))
	}
	for i, c := range p.Cards {
		inner, err := components(fmt.Sprintf("%s.cards[%d].parts", field, i), c.Parts, ofCards)
		if err != nil {
			return nil, err
		}
		told, _ := body["cards"].([]object)
		body["cards"] = append(told, object{"card_index": c.Index, "components": inner})
	}
	for i, v := range p.Values {
		value, err := parameter(fmt.Sprintf("%s.values[%d]", field, i), p, v)
		if err != nil {
			return nil, err
		}
		told, _ := body["parameters"].([]object)
		body["parameters"] = append(told, value)
	}
	return body, nil
}

// parameter fills a place.
func parameter(field string, p message.Part, v message.Value) (object, error) {
	body, err := filling(field, v)
	if err != nil {
		return nil, err
	}
	if len(body) == 0 {
		return nil, message.Wrong(field, "want something to fill the place with")
	}
	if kind := body["type"]; p.Type == "body" && kind != "text" && kind != "currency" && kind != "date_time" {
		return nil, message.Wrong(field, "%v: a body's places want text, money or a date", kind)
	}
	if v.Name != "" {
		body["parameter_name"] = v.Name
	}
	return body, nil
}

// filling is what a place is filled with; empty: nothing was said.
func filling(field string, v message.Value) (object, error) {
	switch {
	case v.Text != "":
		return object{"type": "text", "text": v.Text}, within(field+".text", v.Text, 1, 32768)
	case v.Money != nil:
		if !isCurrency.MatchString(v.Money.Currency) || v.Money.Shown == "" {
			return nil, message.Wrong(field+".money", "want a currency such as USD, and the amount as it is shown")
		}
		return object{"type": "currency", "currency": object{"fallback_value": v.Money.Shown, "code": v.Money.Currency, "amount_1000": v.Money.Milli}}, nil
	case v.Date != "":
		return object{"type": "date_time", "date_time": object{"fallback_value": v.Date}}, nil
	case v.Media != nil:
		body, err := attachment(field+".media", v.Media)
		return object{"type": string(v.Media.Kind), string(v.Media.Kind): body}, err
	case v.Place != nil:
		body, err := place(field+".place", v.Place)
		return object{"type": "location", "location": body}, err
	case v.Payload != "":
		return object{"type": "payload", "payload": v.Payload}, within(field+".payload", v.Payload, 1, 128)
	case v.Coupon != "":
		return object{"type": "coupon_code", "coupon_code": v.Coupon}, within(field+".coupon", v.Coupon, 1, 20)
	case v.Product != nil:
		return object{"type": "product", "product": object{"product_retailer_id": v.Product.ID, "catalog_id": v.Product.Catalog}}, nil
	case !v.Expires.IsZero():
		return object{"type": "limited_time_offer", "limited_time_offer": object{"expiration_time_ms": v.Expires.UnixMilli()}}, nil
	case v.Minutes != 0:
		return object{"type": "ttl_minutes", "ttl_minutes": v.Minutes}, nil
	case v.Action != nil:
		return object{"type": "action", "action": v.Action}, nil
	case v.TapURL != "":
		return object{"type": "tap_target_configuration", "tap_target_configuration": []object{{"url": v.TapURL, "title": v.TapTitle}}}, link(field+".tap_url", v.TapURL)
	}
	return nil, nil
}
