package whatsapp

import (
	"encoding/json"
	"strings"
	"time"

	"parley/providers/message"
)

// wireCall is one of value.calls.
type wireCall struct {
	ID         loose  `json:"id"`
	From       loose  `json:"from"`
	FromUser   loose  `json:"from_user_id"`
	FromParent loose  `json:"from_parent_user_id"`
	To         loose  `json:"to"`
	ToUser     loose  `json:"to_user_id"`
	Event      string `json:"event"`
	Timestamp  loose  `json:"timestamp"`
	Direction  string `json:"direction"`
	Deeplink   string `json:"deeplink_payload"`
	CTA        string `json:"cta_payload"`
	Tag        string `json:"biz_opaque_callback_data"`
	Session    struct {
		Type string `json:"sdp_type"`
		SDP  string `json:"sdp"`
	} `json:"session"`
	Status   string      `json:"status"`
	Began    loose       `json:"start_time"`
	Ended    loose       `json:"end_time"`
	Duration loose       `json:"duration"`
	Errors   []wireError `json:"errors"`
}

// outbound says whether we have called. Old payloads do not say; then it is whoever makes the offer that calls.
func (w *wireCall) outbound(line message.Line) bool {
	switch strings.ToUpper(w.Direction) {
	case "BUSINESS_INITIATED":
		return true
	case "USER_INITIATED":
		return false
	}
	return strings.EqualFold(w.Session.Type, "answer") || line.Number != "" && message.E164(string(w.From)) == line.Number
}

// call reads one of value.calls.
func (v *value) call(line message.Line, raw json.RawMessage) message.Event {
	var w wireCall
	if err := read(raw, &w); err != nil || w.ID == "" {
		return notice(line, "calls", raw, v.Errors)
	}
	c := &message.Call{ID: string(w.ID), Outbound: w.outbound(line), SDP: w.Session.SDP, Tag: w.Tag, Errors: failures(w.Errors)}
	if c.Payload = w.Deeplink; c.Payload == "" {
		c.Payload = w.CTA
	}
	if c.Outbound {
		c.Peer = v.party(w.To, w.ToUser, "")
	} else {
		c.Peer = v.party(w.From, w.FromUser, w.FromParent)
	}
	switch {
	case strings.EqualFold(w.Event, "connect") && c.Outbound:
		c.Step = message.CallAnswered
	case strings.EqualFold(w.Event, "connect"):
		c.Step = message.CallOffered
	case strings.EqualFold(w.Event, "terminate"):
		c.Step = message.CallEnded
		c.Completed = strings.EqualFold(w.Status, "completed")
		c.Began, c.Ended = w.Began.seconds(), w.Ended.seconds()
		c.Duration = time.Duration(w.Duration.float() * float64(time.Second))
		if len(v.Calls) == 1 {
			c.Errors = append(c.Errors, failures(v.Errors)...)
		}
	default:
		return notice(line, "calls", raw, v.Errors)
	}
	return message.Event{Key: "call:" + c.ID + ":" + string(c.Step), Line: line, At: w.Timestamp.seconds(), Call: c}
}

// callStatus reads the status of a call of ours.
func (v *value) callStatus(line message.Line, raw json.RawMessage, w *wireStatus) message.Event {
	step, known := map[string]message.CallStep{
		"RINGING": message.CallRinging, "ACCEPTED": message.CallAccepted, "REJECTED": message.CallRejected,
	}[strings.ToUpper(w.Status)]
	if !known {
		return notice(line, "calls", raw, w.Errors)
	}
	c := &message.Call{ID: string(w.ID), Step: step, Outbound: true, Peer: v.party(w.To, w.User, w.Parent), Tag: w.Tag, Errors: failures(w.Errors)}
	return message.Event{Key: "call:" + c.ID + ":" + string(step), Line: line, At: w.Timestamp.seconds(), Call: c}
}
