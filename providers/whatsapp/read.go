package whatsapp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"parley/providers/message"
)

// strictly decodes a part of a message that somebody has written in Meta's words. What does not fit is a *message.Error that names its place.
func strictly(field string, text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return message.Wrong(strings.TrimSuffix(field+"."+wrong.Field, "."), "is a %s, which does not fit", wrong.Value)
	}
	if err != nil {
		return message.Wrong(field, "%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// ReadCards reads contacts as Meta has them: a JSON array. Errors are a *message.Error.
func ReadCards(field string, text []byte) (all []message.Card, err error) {
	var wire []wireCard
	if err := strictly(field, text, &wire); err != nil {
		return nil, err
	}
	for _, w := range wire {
		all = append(all, w.card())
	}
	return all, nil
}

// wireFile is a file of ours as Meta has it.
type wireFile struct {
	ID       string `json:"id"`
	Link     string `json:"link"`
	Caption  string `json:"caption"`
	Filename string `json:"filename"`
	Provider any    `json:"provider"` // of before, which says nothing
}

// attachmentOf is the file of one of these kinds that is set; nil: none is.
func attachmentOf(image, video, document *wireFile) *message.Attachment {
	for _, one := range []struct {
		kind message.Kind
		file *wireFile
	}{{message.Image, image}, {message.Video, video}, {message.Document, document}} {
		if f := one.file; f != nil {
			return &message.Attachment{Kind: one.kind, ID: f.ID, Link: f.Link, Caption: f.Caption, Filename: f.Filename}
		}
	}
	return nil
}

// wireMenu is an interactive message.
type wireMenu struct {
	Type   string `json:"type"`
	Header *struct {
		Type     string    `json:"type"`
		Text     string    `json:"text"`
		Image    *wireFile `json:"image"`
		Video    *wireFile `json:"video"`
		Document *wireFile `json:"document"`
	} `json:"header"`
	Body   wireText `json:"body"`
	Footer wireText `json:"footer"`
	Action struct {
		Name    string `json:"name"`
		Button  string `json:"button"`
		Buttons []struct {
			Type  string     `json:"type"`
			Reply wireButton `json:"reply"`
		} `json:"buttons"`
		Sections []struct {
			Title string        `json:"title"`
			Rows  []message.Row `json:"rows"`
		} `json:"sections"`
		Parameters struct {
			Text    string `json:"display_text"`
			URL     string `json:"url"`
			Minutes int    `json:"ttl_minutes"`
			Payload string `json:"payload"`
		} `json:"parameters"`
	} `json:"action"`
}

type wireText struct {
	Text string `json:"text"`
}

type wireButton struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// ReadMenu reads an interactive message as Meta has it: a JSON object. Errors are a *message.Error.
func ReadMenu(field string, text []byte) (*message.Menu, error) {
	var w wireMenu
	if err := strictly(field, text, &w); err != nil {
		return nil, err
	}
	m := &message.Menu{Body: w.Body.Text, Footer: w.Footer.Text}
	if h := w.Header; h != nil {
		m.Header = &message.Header{Text: h.Text, Media: attachmentOf(h.Image, h.Video, h.Document)}
	}
	p := w.Action.Parameters
	switch w.Type {
	case "button":
		for _, b := range w.Action.Buttons {
			m.Buttons = append(m.Buttons, message.Button(b.Reply))
		}
		if len(m.Buttons) == 0 {
			return nil, message.Wrong(field+".action.buttons", "are missing")
		}
	case "list":
		m.List = &message.List{Button: w.Action.Button}
		for _, s := range w.Action.Sections {
			m.List.Sections = append(m.List.Sections, message.Section{Title: s.Title, Rows: s.Rows})
		}
	case "cta_url":
		m.Link = &message.Link{Text: p.Text, URL: p.URL}
	case "location_request_message":
		m.AskPlace = true
	case "call_permission_request":
		m.AskCall = true
	case "voice_call":
		m.CallUs = &message.CallUs{Text: p.Text, Minutes: p.Minutes, Payload: p.Payload}
	default:
		return nil, message.Wrong(field+".type", "%q: want button, list, cta_url, location_request_message, call_permission_request or voice_call", w.Type)
	}
	return m, nil
}

// wireComponent is one of a template's.
type wireComponent struct {
	Type       string          `json:"type"`
	Sub        string          `json:"sub_type"`
	Index      loose           `json:"index"`
	Parameters []wireParameter `json:"parameters"`
	Cards      []struct {
		Index      int             `json:"card_index"`
		Components []wireComponent `json:"components"`
	} `json:"cards"`
}

// wireParameter fills a place.
type wireParameter struct {
	Type     string `json:"type"`
	Name     string `json:"parameter_name"`
	Text     string `json:"text"`
	Currency *struct {
		Shown string `json:"fallback_value"`
		Code  string `json:"code"`
		Milli int64  `json:"amount_1000"`
	} `json:"currency"`
	Date     map[string]any `json:"date_time"` // of which fallback_value alone is used
	Image    *wireFile      `json:"image"`
	Video    *wireFile      `json:"video"`
	Document *wireFile      `json:"document"`
	Location *struct {
		Latitude  loose  `json:"latitude"`
		Longitude loose  `json:"longitude"`
		Name      string `json:"name"`
		Address   string `json:"address"`
	} `json:"location"`
	Product *struct {
		ID      string `json:"product_retailer_id"`
		Catalog string `json:"catalog_id"`
	} `json:"product"`
	Payload string `json:"payload"`
	Coupon  string `json:"coupon_code"`
	Offer   *struct {
		Expires int64 `json:"expiration_time_ms"`
	} `json:"limited_time_offer"`
	Minutes int            `json:"ttl_minutes"`
	Action  map[string]any `json:"action"`
	Taps    []struct {
		URL   string `json:"url"`
		Title string `json:"title"`
	} `json:"tap_target_configuration"`
}

// ReadParts reads the components of a template as Meta has them: a JSON array. Errors are a *message.Error.
func ReadParts(field string, text []byte) ([]message.Part, error) {
	var wire []wireComponent
	if err := strictly(field, text, &wire); err != nil {
		return nil, err
	}
	return partsOf(field, wire)
}

func partsOf(field string, wire []wireComponent) (all []message.Part, err error) {
	for i, w := range wire {
		p := message.Part{Type: strings.ToLower(w.Type), Sub: strings.ToLower(w.Sub), Index: int(w.Index.float())}
		for j, one := range w.Parameters {
			v, err := one.value(fmt.Sprintf("%s[%d].parameters[%d]", field, i, j))
			if err != nil {
				return nil, err
			}
			p.Values = append(p.Values, v)
		}
		for j, c := range w.Cards {
			inner, err := partsOf(fmt.Sprintf("%s[%d].cards[%d].components", field, i, j), c.Components)
			if err != nil {
				return nil, err
			}
			p.Cards = append(p.Cards, message.TemplateCard{Index: c.Index, Parts: inner})
		}
		all = append(all, p)
	}
	return all, nil
}

// value is what a parameter fills its place with.
func (w *wireParameter) value(field string) (message.Value, error) {
	v := message.Value{Name: w.Name}
	there := false
	switch w.Type {
	case "text":
		v.Text, there = w.Text, w.Text != ""
	case "currency":
		if c := w.Currency; c != nil {
			v.Money, there = &message.Money{Shown: c.Shown, Currency: c.Code, Milli: c.Milli}, true
		}
	case "date_time":
		v.Date, _ = w.Date["fallback_value"].(string)
		there = v.Date != ""
	case "image", "video", "document":
		v.Media = attachmentOf(w.Image, w.Video, w.Document)
		there = v.Media != nil && string(v.Media.Kind) == w.Type
	case "location":
		if l := w.Location; l != nil {
			v.Place, there = &message.Place{Latitude: l.Latitude.float(), Longitude: l.Longitude.float(), Name: l.Name, Address: l.Address}, true
		}
	case "product":
		if p := w.Product; p != nil {
			v.Product, there = &message.Product{Catalog: p.Catalog, ID: p.ID}, true
		}
	case "payload":
		v.Payload, there = w.Payload, w.Payload != ""
	case "coupon_code":
		v.Coupon, there = w.Coupon, w.Coupon != ""
	case "limited_time_offer":
		if w.Offer != nil {
			v.Expires, there = time.UnixMilli(w.Offer.Expires), true
		}
	case "ttl_minutes":
		v.Minutes, there = w.Minutes, w.Minutes != 0
	case "action":
		v.Action, there = w.Action, w.Action != nil
	case "tap_target_configuration":
		if len(w.Taps) == 1 {
			v.TapTitle, v.TapURL, there = w.Taps[0].Title, w.Taps[0].URL, true
		}
	default:
		return v, message.Wrong(field+".type", "%q is no type of parameter", w.Type)
	}
	if !there {
		return v, message.Wrong(field+"."+w.Type, "is missing")
	}
	return v, nil
}

// Check says what is wrong with a message that Meta would not take, whoever it is for: a *message.Error that names the field.
func Check(o *message.Outgoing) error {
	_, err := compose(o)
	return err
}

// CheckFile says why Meta would not take a file of ours: a *message.Error.
func CheckFile(f File) error { return f.check() }
