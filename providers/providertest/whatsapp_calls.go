package providertest

import (
	"cmp"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A WhatsAppCall is one that the stand-in knows of.
type WhatsAppCall struct {
	ID       string
	With     string // number or user id
	Outbound bool   // the business calls
	Offer    string
	Answer   string // what was accepted with, or pre-accepted
	State    string // "", pre_accept, accept, reject, terminate
}

// A WhatsAppAct is something that was done with a call.
type WhatsAppAct struct {
	Call, Action, SDP, Tag string
}

// Acts are all that was done with calls.
func (f *WhatsApp) Acts() []WhatsAppAct {
	f.lock()
	defer f.mu.Unlock()
	return slices.Clone(f.acts)
}

// acted keeps what was done. mu is held.
func (f *WhatsApp) acted(a WhatsAppAct) {
	f.acts = append(f.acts, a)
	if f.OnAct != nil {
		f.OnAct(a)
	}
}

// Ring has a person call the business, and returns the call's id; Hook tells of it.
func (f *WhatsApp) Ring(from, offer string) string {
	f.lock()
	defer f.mu.Unlock()
	c := &WhatsAppCall{ID: f.id("wacid.FAKE"), With: from, Offer: offer}
	f.calls[c.ID] = c
	f.may[from] = true // who calls may be called back
	return c.ID
}

// Call is one by its id; false: there is none.
func (f *WhatsApp) Call(id string) (WhatsAppCall, bool) {
	f.lock()
	defer f.mu.Unlock()
	c := f.calls[id]
	if c == nil {
		return WhatsAppCall{}, false
	}
	return *c, true
}

// Allow says that a person may be called.
func (f *WhatsApp) Allow(who string) {
	f.lock()
	defer f.mu.Unlock()
	f.may[who] = true
}

// Answers is the webhook of a call of ours that has been answered by SDP.
func (f *WhatsApp) Answers(call WhatsAppAct, to, sdp string) []byte {
	return f.Hook("calls", map[string]any{"calls": []any{map[string]any{
		"id": call.Call, "from": cmp.Or(f.Display, FakeDisplay), "to": to, "event": "connect", "direction": "BUSINESS_INITIATED",
		"timestamp": strconv.FormatInt(f.now().Unix(), 10), "session": map[string]any{"sdp_type": "answer", "sdp": sdp},
	}}})
}

// Stands is the webhook of how a call of ours stands: RINGING, ACCEPTED or REJECTED.
func (f *WhatsApp) Stands(call WhatsAppAct, to, state string) []byte {
	return f.Hook("calls", map[string]any{"statuses": []any{without(map[string]any{
		"id": call.Call, "type": "call", "status": state, "recipient_id": to, "timestamp": strconv.FormatInt(f.now().Unix(), 10),
		"biz_opaque_callback_data": call.Tag,
	})}})
}

// Ends is the webhook of a call of ours that is over, and over for the stand-in too: it was completed, or has failed.
func (f *WhatsApp) Ends(call WhatsAppAct, to, status string) []byte {
	f.lock()
	if c := f.calls[call.Call]; c != nil {
		c.State = "terminate"
	}
	f.mu.Unlock()
	return f.Hook("calls", map[string]any{"calls": []any{without(map[string]any{
		"id": call.Call, "from": cmp.Or(f.Display, FakeDisplay), "to": to, "event": "terminate", "direction": "BUSINESS_INITIATED", "status": status,
		"timestamp": strconv.FormatInt(f.now().Unix(), 10), "biz_opaque_callback_data": call.Tag,
	})}})
}

// graphCall is what may be posted to calls.
type graphCall struct {
	Product   string `json:"messaging_product"`
	Call      string `json:"call_id"`
	To        string `json:"to"`
	Recipient string `json:"recipient"`
	Action    string `json:"action"`
	Session   *struct {
		Type string `json:"sdp_type"`
		SDP  string `json:"sdp"`
	} `json:"session"`
	Tag string `json:"biz_opaque_callback_data"`
}

// onCall does something with a call.
func (f *WhatsApp) onCall(r *http.Request) answer {
	if id := r.PathValue("number"); id != f.number() {
		return noObject(id)
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	var c graphCall
	if err == nil {
		err = decode(text, &c)
	}
	if err != nil || c.Product != "whatsapp" || len(c.Tag) > 512 {
		return graphError(0, 100, "messaging_product, or an unexpected key")
	}
	f.lock()
	defer f.mu.Unlock()
	act := WhatsAppAct{Call: c.Call, Action: c.Action, Tag: c.Tag}
	if c.Session != nil {
		act.SDP = c.Session.SDP
	}
	if c.Action == "connect" {
		return f.connect(&c, act)
	}
	call := f.calls[c.Call]
	if call == nil || call.State == "terminate" || call.State == "reject" {
		return graphError(0, 100, "call_id: no such call, or it is over")
	}
	switch c.Action {
	case "pre_accept", "accept":
		if c.Session == nil || c.Session.Type != "answer" || !soundSDP(act.SDP) || call.Outbound {
			return graphError(0, 100, "SDP Validation error")
		}
		if c.Action == "accept" && call.State == "pre_accept" && call.Answer != act.SDP {
			return graphError(0, 100, "SDP Validation error: another answer than that of pre_accept")
		}
		call.Answer = act.SDP
	case "reject", "terminate":
	default:
		return graphError(0, 131009, "action")
	}
	call.State = c.Action
	f.acted(act)
	return answer{body: map[string]any{"messaging_product": "whatsapp", "success": true}}
}

// connect takes a call of the business's. mu is held.
func (f *WhatsApp) connect(c *graphCall, act WhatsAppAct) answer {
	to := c.To + c.Recipient
	switch {
	case to == "":
		return graphError(0, 131008, "to")
	case c.Session == nil || c.Session.Type != "offer" || !soundSDP(act.SDP):
		return graphError(0, 100, "SDP Validation error")
	case !f.may[to] && !f.Limits.NoConsent:
		return graphError(0, 138006, "")
	}
	for _, other := range f.calls {
		if other.With == to && other.State != "terminate" && other.State != "reject" {
			return graphError(0, 138003, "")
		}
	}
	made := &WhatsAppCall{ID: f.id("wacid.FAKE"), With: to, Outbound: true, Offer: act.SDP}
	f.calls[made.ID], act.Call = made, made.ID
	f.acted(act)
	return answer{body: map[string]any{"messaging_product": "whatsapp", "calls": []any{map[string]any{"id": made.ID}}}}
}

// soundSDP says whether SDP is what Meta takes: complete, of one bundle, Opus, and with no fingerprint but of SHA-256.
func soundSDP(sdp string) bool {
	for _, wanted := range []string{
		"v=0\r\n", "\r\nm=audio ", "UDP/TLS/RTP/SAVPF", "\r\na=candidate:", "\r\na=ice-ufrag:", "\r\na=ice-pwd:", "\r\na=fingerprint:sha-256 ",
		"\r\na=rtcp-mux", "\r\na=group:BUNDLE ", "opus/48000/2",
	} {
		if !strings.Contains(sdp, wanted) {
			return false
		}
	}
	return strings.Count(sdp, "a=fingerprint:") == strings.Count(sdp, "a=fingerprint:sha-256 ")
}

// permissions tells whether a person may be called.
func (f *WhatsApp) permissions(r *http.Request) answer {
	f.lock()
	defer f.mu.Unlock()
	who := r.URL.Query().Get("user_wa_id") + r.URL.Query().Get("recipient")
	if who == "" {
		return graphError(0, 131008, "user_wa_id")
	}
	permission := map[string]any{"status": "no_permission"}
	if f.may[who] {
		permission = map[string]any{"status": "temporary", "expiration_time": f.now().Add(7 * 24 * time.Hour).Unix()}
	}
	limit := func(period string, most, used int) map[string]any {
		return map[string]any{"time_period": period, "max_allowed": most, "current_usage": used}
	}
	return answer{body: map[string]any{"messaging_product": "whatsapp", "permission": permission, "actions": []any{
		map[string]any{"action_name": "send_call_permission_request", "can_perform_action": !f.may[who] && f.asked[who] == 0, "limits": []any{limit("PT24H", 1, f.asked[who]), limit("P7D", 2, 1)}},
		map[string]any{"action_name": "start_call", "can_perform_action": f.may[who], "limits": []any{limit("PT24H", 100, 3)}},
	}}}
}
