package sip

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"parley/media"
)

// floor is the shortest that a session may last (RFC 4028, section 4).
const floor = 90 * time.Second

// A sessionTimer is by when a session must have been refreshed, and by whom (RFC 4028). The zero value never is.
type sessionTimer struct {
	lasts  time.Duration // 0: for ever
	ours   bool          // we refresh
	caller bool          // we have placed the call: whoever refreshes is uac or uas accordingly
	timer  *time.Timer
}

// negotiate is what an INVITE or UPDATE asks for, within limits. A session that is too short is refused. The time begins with the answer: until
// then that of before goes on.
func (t sessionTimer) negotiate(req *gosip.Request, most time.Duration) (sessionTimer, verdict) {
	supports := has(req, "Supported", "timer") || has(req, "Require", "timer")
	asked, refresher := expires(req)
	if asked > 0 && asked < floor && supports {
		return t, verdict{422, []header{{"Min-SE", seconds(floor)}}}
	}
	least := floor
	if n, err := strconv.Atoi(value(req, "Min-SE")); err == nil {
		least = max(least, time.Duration(n)*time.Second)
	}
	t.lasts = most
	if asked > 0 {
		t.lasts = max(min(asked, most), min(least, asked), floor)
	}
	switch {
	case refresher == "uas", !supports: // who asks is the client of its own request, whoever placed the call
		t.ours = true
	default:
		t.ours = refresher == "" && asked == 0
	}
	return t, verdict{}
}

// agree is what the answer to our INVITE or UPDATE says. An answer that says nothing leaves it to us.
func (t *sessionTimer) agree(res *gosip.Response, asked time.Duration) {
	said, refresher := expires(res)
	t.lasts, t.ours = asked, true
	if said > 0 {
		t.lasts, t.ours = max(said, floor), refresher != "uas"
	}
	t.begin()
}

// begin starts the time anew.
func (t *sessionTimer) begin() {
	t.stop()
	if t.lasts <= 0 {
		return
	}
	wait := t.lasts / 2
	if !t.ours {
		wait = t.lasts - min(32*time.Second, t.lasts/3)
	}
	t.timer = time.NewTimer(wait)
}

func (t *sessionTimer) stop() {
	if t.timer != nil {
		t.timer.Stop()
		t.timer = nil
	}
}

// again makes the timer ring once more, after a while.
func (t *sessionTimer) again(after time.Duration) {
	t.stop()
	t.timer = time.NewTimer(after)
}

// due rings when it is time to refresh, or too late.
func (t *sessionTimer) due() <-chan time.Time {
	if t.timer == nil {
		return nil
	}
	return t.timer.C
}

// headers are those of an answer (RFC 4028, section 9).
func (t *sessionTimer) headers() []header {
	if t.lasts <= 0 {
		return nil
	}
	if t.ours {
		return []header{{"Session-Expires", seconds(t.lasts) + ";refresher=uas"}}
	}
	return []header{{"Require", "timer"}, {"Session-Expires", seconds(t.lasts) + ";refresher=uac"}}
}

// asks are the headers of a request of ours.
func asks(lasts time.Duration, refresher string) []header {
	text := seconds(lasts)
	if refresher != "" {
		text += ";refresher=" + refresher
	}
	return []header{{"Session-Expires", text}, {"Min-SE", seconds(floor)}}
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// expires reads Session-Expires; 0: there is none.
func expires(m gosip.Message) (lasts time.Duration, refresher string) {
	text := value(m, "Session-Expires")
	number, params, _ := strings.Cut(text, ";")
	n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 31)
	if err != nil {
		return 0, ""
	}
	for p := range strings.SplitSeq(params, ";") {
		if name, is, _ := strings.Cut(p, "="); strings.EqualFold(strings.TrimSpace(name), "refresher") {
			refresher = strings.ToLower(strings.TrimSpace(is))
		}
	}
	return time.Duration(n) * time.Second, refresher
}

// timed refreshes the session, or ends the call of a far end that has not.
func (l *Leg) timed() {
	l.timer.stop()
	if !l.timer.ours {
		l.log.Info("the far end has not refreshed the session")
		_ = l.Hangup(media.CauseCarrier)
		return
	}
	if l.changes.asking || l.changes.answering {
		l.timer.again(glare(l.timer.caller))
		return
	}
	l.refresh()
}

// glare is how long to wait before what crossed the far end's own is tried again (RFC 3261, section 14.1).
func glare(caller bool) time.Duration {
	if caller {
		return 2100*time.Millisecond + rand.N(1900*time.Millisecond)
	}
	return rand.N(2 * time.Second)
}
