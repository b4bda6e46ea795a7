package whatsapp

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"parley/providers/message"
)

// PreAccept answers a call before it is accepted, so that ICE and DTLS are ready when it is. Accept wants the same answer.
func (n *Number) PreAccept(ctx context.Context, call, answer string) error {
	return n.onCall(ctx, call, "pre_accept", answer, "")
}

// Accept takes a call. Sound may be sent when it has returned, and must be within 20 seconds. The tag comes back when the call ends.
func (n *Number) Accept(ctx context.Context, call, answer, tag string) error {
	return n.onCall(ctx, call, "accept", answer, tag)
}

// Reject does not take a call.
func (n *Number) Reject(ctx context.Context, call string) error {
	return n.onCall(ctx, call, "reject", "", "")
}

// Terminate ends a call, also one of ours that nobody has answered yet. A call that the person has ended needs none.
func (n *Number) Terminate(ctx context.Context, call string) error {
	return n.onCall(ctx, call, "terminate", "", "")
}

// onCall does something with a call.
func (n *Number) onCall(ctx context.Context, call, action, answer, tag string) error {
	body := object{"messaging_product": "whatsapp", "call_id": call, "action": action}
	if call == "" {
		return message.Wrong("call", "is missing")
	}
	if len(tag) > 512 {
		return message.Wrong("tag", "%d bytes: want 512 at most", len(tag))
	}
	if tag != "" {
		body["biz_opaque_callback_data"] = tag
	}
	if action == "pre_accept" || action == "accept" {
		sdp, err := session("answer", answer)
		if err != nil {
			return err
		}
		body["session"] = sdp
	}
	return n.patiently(ctx, func() error { return n.did(ctx, http.MethodPost, "/"+n.ID+"/calls", body) })
}

// Connect calls a person, who must have allowed it, and returns the call's id. The answer to the offer comes by webhook.
func (n *Number) Connect(ctx context.Context, to message.Party, offer, tag string) (string, error) {
	body := object{"messaging_product": "whatsapp", "action": "connect"}
	switch number := message.E164(to.Number); {
	case number != "":
		body["to"] = strings.TrimPrefix(number, "+")
	case to.User != "":
		body["recipient"] = to.User
	default:
		return "", message.Wrong("to", "want a number or a user id")
	}
	if len(tag) > 512 {
		return "", message.Wrong("tag", "%d bytes: want 512 at most", len(tag))
	}
	if tag != "" {
		body["biz_opaque_callback_data"] = tag
	}
	var err error
	if body["session"], err = session("offer", offer); err != nil {
		return "", err
	}
	var told struct {
		Calls []struct {
			ID loose `json:"id"`
		} `json:"calls"`
	}
	if err := n.ask(ctx, http.MethodPost, "/"+n.ID+"/calls", body, &told); err != nil {
		return "", err
	}
	if len(told.Calls) == 0 || told.Calls[0].ID == "" {
		return "", &message.Error{Reason: message.Garbled, Status: http.StatusOK, Message: "the answer names no call"}
	}
	return string(told.Calls[0].ID), nil
}

// session is SDP as Meta takes it: with no other fingerprints than those of SHA-256.
func session(kind, sdp string) (object, error) {
	var kept strings.Builder
	for line := range strings.Lines(sdp) {
		if !strings.HasPrefix(line, "a=fingerprint:") || strings.HasPrefix(strings.ToLower(line), "a=fingerprint:sha-256 ") {
			kept.WriteString(line)
		}
	}
	sdp = kept.String()
	if !strings.HasPrefix(sdp, "v=0") || !strings.Contains(sdp, "\na=fingerprint:sha-256 ") || !strings.Contains(sdp, "\na=candidate:") {
		return nil, message.Wrong(kind, "want SDP with all its candidates and a fingerprint of SHA-256")
	}
	return object{"sdp_type": kind, "sdp": sdp}, nil
}

// An Allowance says whether a person may be called, and asked whether they may.
type Allowance struct {
	Status  string    // no_permission, temporary, permanent, or what Meta may come to say
	Expires time.Time // zero: it does not
	MayCall bool
	MayAsk  bool
	Limits  []Limit
}

// A Limit is how often something may be done.
type Limit struct {
	Action  string // start_call, send_call_permission_request
	Period  string // ISO 8601, such as PT24H
	Used    int
	Allowed int
	Until   time.Time // zero: the limit is not reached
}

// Allowance asks whether a person may be called.
func (n *Number) Allowance(ctx context.Context, who message.Party) (Allowance, error) {
	query := url.Values{}
	switch number := message.E164(who.Number); {
	case number != "":
		query.Set("user_wa_id", strings.TrimPrefix(number, "+"))
	case who.User != "":
		query.Set("recipient", who.User)
	default:
		return Allowance{}, message.Wrong("who", "want a number or a user id")
	}
	var told struct {
		Permission struct {
			Status  string `json:"status"`
			Expires loose  `json:"expiration_time"`
		} `json:"permission"`
		Actions []struct {
			Name   string `json:"action_name"`
			Can    bool   `json:"can_perform_action"`
			Limits []struct {
				Period  string `json:"time_period"`
				Allowed loose  `json:"max_allowed"`
				Used    loose  `json:"current_usage"`
				Until   loose  `json:"limit_expiration_time"`
			} `json:"limits"`
		} `json:"actions"`
	}
	err := n.patiently(ctx, func() error {
		return n.ask(ctx, http.MethodGet, "/"+n.ID+"/call_permissions?"+query.Encode(), nil, &told)
	})
	if err != nil {
		return Allowance{}, err
	}
	a := Allowance{Status: strings.ToLower(told.Permission.Status), Expires: told.Permission.Expires.seconds()}
	for _, action := range told.Actions {
		switch action.Name {
		case "start_call":
			a.MayCall = action.Can
		case "send_call_permission_request":
			a.MayAsk = action.Can
		}
		for _, l := range action.Limits {
			a.Limits = append(a.Limits, Limit{action.Name, l.Period, int(l.Used.float()), int(l.Allowed.float()), l.Until.seconds()})
		}
	}
	return a, nil
}
