package twilio

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"parley/providers/callapi"
	"parley/providers/message"
)

// ParseMessage reads a webhook of messages whose signature is good (stream.Signed): a message that has come in, or how far one of ours has come.
// Query is that of the webhook's URL, which brings the tag of a message of ours back.
func ParseMessage(query, form url.Values) ([]message.Event, error) {
	id := cmp.Or(form.Get("MessageSid"), form.Get("SmsMessageSid"), form.Get("SmsSid"))
	if id == "" {
		return nil, fmt.Errorf("read webhook: MessageSid is missing")
	}
	if form.Has("MessageStatus") {
		return status(id, query, form), nil
	}
	events := []message.Event{incoming(id, form)}
	files, _ := strconv.Atoi(form.Get("NumMedia")) // 0 where there are none
	for i := 1; i < min(files, 10); i++ {          // WhatsApp sends one each; what else comes follows the first
		more := message.Event{Line: events[0].Line, Message: &message.Incoming{ID: id + "/" + strconv.Itoa(i), From: events[0].Message.From}}
		more.Key = "message:" + more.Message.ID
		file(more.Message, form, i)
		events = append(events, more)
	}
	return events, nil
}

// address is who or what stands behind whatsapp: a number, or a user id.
func address(s string) message.Party {
	s = strings.TrimPrefix(s, "whatsapp:")
	if number := message.E164(s); number != "" {
		return message.Party{Number: number}
	}
	return message.Party{User: s}
}

// incoming is a message that has come in, with its first file.
func incoming(id string, form url.Values) message.Event {
	from := address(form.Get("From"))
	from.Number = cmp.Or(from.Number, message.E164(form.Get("WaId")))
	from.User = cmp.Or(from.User, strings.TrimPrefix(form.Get("ExternalUserId"), "whatsapp:"))
	from.Name, from.Handle = form.Get("ProfileName"), form.Get("ProfileUsername")
	m := &message.Incoming{ID: id, From: from, Kind: message.Text, Type: form.Get("MessageType"), Text: form.Get("Body"), Quote: quote(form), Referral: referral(form)}
	files, _ := strconv.Atoi(form.Get("NumMedia")) // 0 where there are none
	latitude, wrong := strconv.ParseFloat(form.Get("Latitude"), 64)
	longitude, wrong2 := strconv.ParseFloat(form.Get("Longitude"), 64)
	switch {
	case files > 0:
		file(m, form, 0)
	case wrong == nil && wrong2 == nil:
		m.Kind = message.Location
		m.Place = &message.Place{Latitude: latitude, Longitude: longitude, Name: form.Get("Label"), Address: form.Get("Address")}
		m.Text = cmp.Or(m.Text, form.Get("Label"), form.Get("Address"))
	case form.Get("ListId") != "":
		m.Kind = message.Chosen
		m.Choice = &message.Choice{ID: form.Get("ListId"), Title: cmp.Or(form.Get("ListTitle"), m.Text), Description: form.Get("ListDescription"), List: true}
		m.Text = cmp.Or(m.Text, m.Choice.Title)
	case form.Has("ButtonPayload"), form.Has("ButtonText"):
		m.Kind = message.Chosen
		m.Choice = &message.Choice{ID: form.Get("ButtonPayload"), Title: cmp.Or(form.Get("ButtonText"), m.Text), Template: m.Type == "button"}
		m.Text = cmp.Or(m.Text, m.Choice.Title)
	case m.Text == "":
		m.Kind = message.Unknown
	}
	line := message.Line{Account: form.Get("AccountSid"), Number: address(form.Get("To")).Number}
	return message.Event{Key: "message:" + id, Line: line, Message: m}
}

// file puts the nth file into a message.
func file(m *message.Incoming, form url.Values, n int) {
	kind, at := form.Get("MediaContentType"+strconv.Itoa(n)), form.Get("MediaUrl"+strconv.Itoa(n))
	m.Media = &message.Media{URL: at, Type: kind, Caption: m.Text, Voice: strings.HasPrefix(kind, "audio/ogg")}
	switch sort, _, _ := strings.Cut(kind, "/"); {
	case kind == "image/webp":
		m.Kind = message.Sticker
	case sort == "image":
		m.Kind = message.Image
	case sort == "audio":
		m.Kind = message.Audio
	case sort == "video":
		m.Kind = message.Video
	default:
		m.Kind, m.Media.Filename = message.Document, m.Text // which Twilio tells as the body
	}
}

// quote is what a message stands on; nil: nothing.
func quote(form url.Values) *message.Quote {
	q := message.Quote{
		Message: form.Get("OriginalRepliedMessageSid"), Author: address(form.Get("OriginalRepliedMessageSender")).Number,
		Often: form.Get("FrequentlyForwarded") == "true",
	}
	q.Forwarded = q.Often || form.Get("Forwarded") == "true"
	if q == (message.Quote{}) {
		return nil
	}
	return &q
}

// referral is the advertisement that led here; nil: none.
func referral(form url.Values) *message.Referral {
	get := func(name string) string { return form.Get("Referral" + name) }
	r := message.Referral{
		URL: get("SourceUrl"), Source: get("SourceId"), Type: get("SourceType"), Headline: get("Headline"), Body: get("Body"), MediaURL: get("MediaUrl"),
		Click: get("CtwaClid"),
	}
	if r == (message.Referral{}) {
		return nil
	}
	return &r
}

// states are Twilio's words for them.
var states = map[string]message.State{
	"accepted": message.Accepted, "scheduled": message.Accepted, "queued": message.Accepted, "sending": message.Accepted, "sent": message.Sent,
	"delivered": message.Delivered, "read": message.Read, "failed": message.Failed, "undelivered": message.Failed, "canceled": message.Failed,
	"partially_delivered": message.Delivered,
}

// status is how far a message of ours has come. A state that nobody knows is a Notice.
func status(id string, query, form url.Values) []message.Event {
	word := form.Get("MessageStatus")
	if strings.EqualFold(form.Get("EventType"), "READ") {
		word = "read"
	}
	from := address(form.Get("From"))
	e := message.Event{
		Key: "status:" + id + ":" + word, Line: message.Line{Account: form.Get("AccountSid"), Number: from.Number},
	}
	state, known := states[word]
	if !known {
		e.Notice = &message.Notice{Field: "status " + word}
		return []message.Event{e}
	}
	s := &message.Status{Message: id, State: state, To: address(form.Get("To")), Tag: query.Get(TagParam)}
	if code, err := strconv.Atoi(form.Get("ErrorCode")); err == nil && code != 0 {
		why := problem(&callapi.Failure{Code: code, Message: cmp.Or(form.Get("ErrorMessage"), form.Get("ChannelStatusMessage"))})
		s.Errors = []*message.Error{why}
	}
	e.Status = s
	return []message.Event{e}
}
