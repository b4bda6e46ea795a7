package whatsapp

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"parley/providers/message"
)

// envelope is a webhook.
type envelope struct {
	Object string `json:"object"`
	Entry  []struct {
		ID      loose `json:"id"`
		Changes []struct {
			Field string          `json:"field"`
			Value json.RawMessage `json:"value"`
		} `json:"changes"`
	} `json:"entry"`
}

// value is what a change of the fields messages and calls holds. Its lists are read one by one, so that one that makes no sense harms no other.
type value struct {
	Metadata struct {
		Number loose `json:"display_phone_number"`
		ID     loose `json:"phone_number_id"`
	} `json:"metadata"`
	Contacts []wireContact     `json:"contacts"`
	Messages []json.RawMessage `json:"messages"`
	Statuses []json.RawMessage `json:"statuses"`
	Calls    []json.RawMessage `json:"calls"`
	Errors   []wireError       `json:"errors"`
}

// wireContact is who a webhook is about. Who hides their number has no wa_id.
type wireContact struct {
	Profile struct {
		Name     string `json:"name"`
		Username string `json:"username"`
	} `json:"profile"`
	WaID    loose  `json:"wa_id"`
	User    loose  `json:"user_id"`
	Parent  loose  `json:"parent_user_id"`
	Country string `json:"country_code"`
}

// Parse reads a webhook whose signature is good. What a field or a type has that this package does not know becomes a Notice, or a message of kind
// Unknown, so that nothing that was told is lost. The error says that it is no webhook of WhatsApp's at all.
func Parse(body []byte) ([]message.Event, error) {
	var told envelope
	if err := read(body, &told); err != nil {
		return nil, fmt.Errorf("read webhook: %w", err)
	}
	if told.Object != "whatsapp_business_account" {
		return nil, fmt.Errorf("read webhook: object %.40q: want whatsapp_business_account", told.Object)
	}
	var events []message.Event
	for _, entry := range told.Entry {
		for _, change := range entry.Changes {
			line := message.Line{Account: string(entry.ID)}
			events = append(events, parseChange(line, change.Field, change.Value)...)
		}
	}
	return events, nil
}

// parseChange reads one change.
func parseChange(line message.Line, field string, raw json.RawMessage) (events []message.Event) {
	var v value
	known := field == "messages" || field == "calls"
	if err := read(raw, &v); err != nil || !known {
		return []message.Event{notice(line, field, raw, nil)}
	}
	line.ID, line.Number = string(v.Metadata.ID), message.E164(string(v.Metadata.Number))
	for _, m := range v.Messages {
		events = append(events, v.message(line, m))
	}
	for _, s := range v.Statuses {
		events = append(events, v.status(line, s))
	}
	for _, c := range v.Calls {
		events = append(events, v.call(line, c))
	}
	if len(v.Calls) == 0 && len(v.Errors) > 0 || len(events) == 0 { // errors beside calls are theirs
		events = append(events, notice(line, field, raw, v.Errors))
	}
	return events
}

// notice is what has no better place.
func notice(line message.Line, field string, raw json.RawMessage, told []wireError) message.Event {
	return message.Event{
		Key: "notice:" + digest(line.Account, field, string(raw)), Line: line,
		Notice: &message.Notice{Field: field, Value: raw, Errors: failures(told)},
	}
}

// digest stands for texts that have no id.
func digest(texts ...string) string {
	h := sha256.New()
	for _, s := range texts {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// failures are errors of a webhook.
func failures(told []wireError) (all []*message.Error) {
	for _, w := range told {
		all = append(all, w.error(0))
	}
	return all
}

// party is somebody, and what the contacts know of them.
func (v *value) party(number, user, parent loose) message.Party {
	p := message.Party{Number: message.E164(string(number)), User: string(user), Parent: string(parent)}
	for _, c := range v.Contacts {
		same := user != "" && c.User == user || number != "" && c.WaID == number
		alone := len(v.Contacts) == 1 && len(v.Messages)+len(v.Statuses)+len(v.Calls) == 1 && (c.User == "" || user == "") && (c.WaID == "" || number == "")
		if !same && !alone {
			continue
		}
		p.Number, p.User, p.Parent = cmp.Or(p.Number, message.E164(string(c.WaID))), cmp.Or(p.User, string(c.User)), cmp.Or(p.Parent, string(c.Parent))
		p.Name, p.Handle, p.Land = c.Profile.Name, c.Profile.Username, c.Country
		break
	}
	return p
}

// wireStatus is how far a message of ours has come, or a call.
type wireStatus struct {
	ID          loose  `json:"id"`
	Type        string `json:"type"`
	Status      string `json:"status"`
	Timestamp   loose  `json:"timestamp"`
	To          loose  `json:"recipient_id"`
	User        loose  `json:"recipient_user_id"`
	Parent      loose  `json:"recipient_parent_user_id"`
	Kind        string `json:"recipient_type"`
	Participant loose  `json:"recipient_participant_id"`
	Tag         string `json:"biz_opaque_callback_data"`
	Pricing     *struct {
		Billable bool   `json:"billable"`
		Model    string `json:"pricing_model"`
		Type     string `json:"type"`
		Category string `json:"category"`
	} `json:"pricing"`
	Errors []wireError `json:"errors"`
}

// states are Meta's words for them.
var states = map[string]message.State{
	"accepted": message.Accepted, "held_for_quality_assessment": message.Accepted, "sent": message.Sent, "delivered": message.Delivered,
	"read": message.Read, "played": message.Played, "failed": message.Failed,
}

// status reads one of value.statuses.
func (v *value) status(line message.Line, raw json.RawMessage) message.Event {
	var w wireStatus
	if err := read(raw, &w); err != nil || w.ID == "" {
		return notice(line, "messages", raw, nil)
	}
	if w.Type == "call" {
		return v.callStatus(line, raw, &w)
	}
	state, known := states[w.Status]
	if !known {
		return notice(line, "messages", raw, w.Errors)
	}
	s := &message.Status{Message: string(w.ID), State: state, Tag: w.Tag, Errors: failures(w.Errors)}
	if w.Kind == "group" {
		s.Group, s.To = string(w.To), v.party(w.Participant, w.User, w.Parent)
	} else {
		s.To = v.party(w.To, w.User, w.Parent)
	}
	if w.Pricing != nil {
		s.Price = &message.Price{Billable: w.Pricing.Billable, Model: w.Pricing.Model, Type: w.Pricing.Type, Category: w.Pricing.Category}
	}
	key := "status:" + string(w.ID) + ":" + w.Status
	if w.Participant != "" {
		key += ":" + string(w.Participant)
	}
	return message.Event{Key: key, Line: line, At: w.Timestamp.seconds(), Status: s}
}
