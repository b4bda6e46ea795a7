package sip

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// allowed are the methods that we understand, for Allow.
const allowed = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY"

// supported are the extensions that we understand, for Supported, and which a request may require.
const supported = "100rel, norefersub, replaces, timer"

// reasonOf are the words of statuses of SIP's own (RFC 3261, section 21, and those that came later); others are HTTP's.
func reasonOf(status int) string {
	switch status {
	case 100:
		return "Trying"
	case 180:
		return "Ringing"
	case 183:
		return "Session Progress"
	case 407:
		return "Proxy Authentication Required"
	case 420:
		return "Bad Extension"
	case 421:
		return "Extension Required"
	case 422:
		return "Session Interval Too Small"
	case 423:
		return "Interval Too Brief"
	case 429:
		return "Provide Referrer Identity"
	case 480:
		return "Temporarily Unavailable"
	case 481:
		return "Call/Transaction Does Not Exist"
	case 482:
		return "Loop Detected"
	case 483:
		return "Too Many Hops"
	case 486:
		return "Busy Here"
	case 487:
		return "Request Terminated"
	case 488:
		return "Not Acceptable Here"
	case 489:
		return "Bad Event"
	case 491:
		return "Request Pending"
	case 504:
		return "Server Time-out"
	case 513:
		return "Message Too Large"
	case 600:
		return "Busy Everywhere"
	case 603:
		return "Decline"
	}
	if text := http.StatusText(status); text != "" {
		return text
	}
	return "Refused"
}

// A header is one of a message that we make: its value is ours, and holds nothing of the far end's that was not checked.
type header struct{ name, value string }

// verdict is an answer without a body.
type verdict struct {
	status  int
	headers []header
}

// retryLater is what those are told who come while we are full, in seconds.
const retryLater = 10

// busy refuses for now.
func busy(status, seconds int) verdict {
	return verdict{status, []header{{"Retry-After", strconv.Itoa(seconds)}}}
}

// refuse answers a request with a status, and what belongs to it.
func (a *Agent) refuse(req *gosip.Request, tx *gosip.ServerTx, status int, more ...header) {
	switch status {
	case gosip.StatusMethodNotAllowed:
		more = append(more, header{"Allow", allowed})
	case gosip.StatusUnsupportedMediaType:
		more = append(more, header{"Accept", "application/sdp"})
	}
	a.answer(req, tx, verdict{status, more})
}

// answer sends an answer without a body.
func (a *Agent) answer(req *gosip.Request, tx *gosip.ServerTx, v verdict) {
	a.respond(tx, reply(req, v.status, v.headers...))
}

// reply makes an answer. Its To has a tag of its own, unless the caller sets another.
func reply(req *gosip.Request, status int, more ...header) *gosip.Response {
	res := gosip.NewResponseFromRequest(req, status, reasonOf(status), nil)
	for _, h := range more {
		res.AppendHeader(gosip.NewHeader(h.name, h.value))
	}
	return res
}

// respond sends an answer, and counts it. cancelled: it comes too late, as sipgo has answered 487 to a CANCEL.
func (a *Agent) respond(tx *gosip.ServerTx, res *gosip.Response) (cancelled bool) {
	err := tx.Respond(res)
	if err != nil {
		a.log.Debug("an answer is not sent", "status", res.StatusCode, "error", err)
	}
	if errors.Is(err, gosip.ErrTransactionCanceled) {
		return true
	}
	if seq := res.CSeq(); seq != nil && res.StatusCode >= 200 {
		a.Stats.count(In, string(seq.MethodName), res.StatusCode)
	}
	return false
}

// requires are the extensions that a request insists on and we do not understand.
func requires(req *gosip.Request) (unknown []string) {
	for _, h := range req.GetHeaders("Require") {
		for _, tag := range splitList(h.Value()) {
			if !lists(supported, tag) {
				unknown = append(unknown, tag)
			}
		}
	}
	return unknown
}

// lists says whether a list of tokens has one, in letters of either size.
func lists(list, token string) bool {
	for _, one := range strings.Split(list, ",") {
		if strings.EqualFold(strings.TrimSpace(one), token) {
			return true
		}
	}
	return false
}

// has says whether any of a message's headers of a name lists a token.
func has(m gosip.Message, name, token string) bool {
	for _, h := range headers(m, name) {
		if lists(h.Value(), token) {
			return true
		}
	}
	return false
}

// value is a header's, or empty.
func value(m gosip.Message, name string) string {
	if hs := headers(m, name); len(hs) > 0 {
		return strings.TrimSpace(hs[0].Value())
	}
	return ""
}

// headers are a message's of a name, or of its compact form (RFC 3261, section 7.3.3; RFC 3515, 3892, 4028 and 6665).
func headers(m gosip.Message, name string) []gosip.Header {
	if hs := m.GetHeaders(name); len(hs) > 0 {
		return hs
	}
	switch name {
	case "Supported":
		return m.GetHeaders("k")
	case "Session-Expires":
		return m.GetHeaders("x")
	case "Event":
		return m.GetHeaders("o")
	case "Refer-To":
		return m.GetHeaders("r")
	case "Referred-By":
		return m.GetHeaders("b")
	}
	return nil
}
