package carrier

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"parley/media/dtmf"
)

// placed is a call in progress.
type placed struct {
	Call
	http    *http.Client
	outward bool // it was placed by the REST API
	prompts map[string]Prompt
	result  *Result
	session *session // of the call's streams; nil: it has had none
	rooms   *rooms   // of its exchange; nil: it has none
	met     func(room string)
	parted  error // what was wrong with the end of the last of them, unless another followed

	callbacks sync.WaitGroup
	mu        sync.Mutex
	warnings  []string
}

// form is what every voice request carries, and extra.
func (p *placed) form(extra url.Values) url.Values {
	if other := p.speaks().form; other != nil {
		return other(p, extra)
	}
	f := url.Values{
		"AccountSid": {p.AccountSID}, "ApiVersion": {"2010-04-01"}, "CallSid": {p.result.CallSID}, "Direction": {"inbound"},
		"From": {p.From}, "Caller": {p.From}, "To": {p.To}, "Called": {p.To},
		"FromCountry": {"US"}, "ToCountry": {"US"}, "CallerCountry": {"US"}, "CalledCountry": {"US"},
		"StirVerstat": {"TN-Validation-Passed-A"},
	}
	if p.outward {
		f.Set("Direction", "outbound-api")
		f.Del("StirVerstat")
	}
	maps.Copy(f, extra)
	return f
}

// note adds a line to the timeline, at the present end of what was heard.
func (p *placed) note(who, what, text string) {
	p.result.Timeline = append(p.result.Timeline, Event{At: at(int64(len(p.result.Heard))), Who: who, What: what, Text: text})
}

// pressed notes a key of the agent's; those that follow each other closely are told together.
func (p *placed) pressed(k dtmf.Press) {
	p.result.Keys += string(k.Key)
	all := p.result.Timeline
	if n := len(all); n > 0 && all[n-1].Who == "agent" && all[n-1].What == "pressed" && k.At-time.Duration(all[n-1].At+all[n-1].For) < time.Second {
		last := &all[n-1]
		last.Text += " " + string(k.Key)
		last.For = Millis(k.At) - last.At
		return
	}
	p.result.Timeline = append(all, Event{At: Millis(k.At), Who: "agent", What: "pressed", Text: string(k.Key)})
}

// end says who ended the call; only the first counts.
func (p *placed) end(who string) {
	if p.result.Ended == "" {
		p.result.Ended = who
	}
}

// close ends what was heard and said, and tells what was wrong with the call's end.
func (p *placed) close(err error) error {
	if p.session == nil {
		return err
	}
	p.session.finish()
	if p.session = nil; err == nil && p.result.Ended == "agent" {
		err = p.parted
	}
	return err
}

// report sends the call's own status callback.
func (p *placed) report(began time.Time, err error) {
	if p.StatusCallback == "" {
		return
	}
	status := "completed"
	switch {
	case p.result.Ended == "rejected":
		status = "busy"
	case err != nil && p.result.StreamSID == "":
		status = "failed"
	}
	seconds := time.Since(began).Seconds()
	p.callback("call status", http.MethodPost, p.StatusCallback, p.form(url.Values{
		"CallStatus": {status}, "CallbackSource": {"call-progress-events"}, "SequenceNumber": {"0"},
		"CallDuration": {strconv.Itoa(int(seconds))}, "Duration": {strconv.Itoa(int(seconds/60) + 1)},
		"Timestamp": {time.Now().UTC().Format(time.RFC1123Z)},
	}))
}

// streamStatus sends a stream's status callback beside the call.
func (p *placed) streamStatus(noun *streamNoun, event, problem string) {
	if noun.statusURL == "" {
		return
	}
	form := url.Values{
		"AccountSid": {p.AccountSID}, "CallSid": {p.result.CallSID}, "StreamSid": {p.result.StreamSID},
		"StreamName": {noun.name}, "StreamEvent": {event}, "Timestamp": {time.Now().UTC().Format(time.RFC3339Nano)},
	}
	if noun.name == "" {
		form.Set("StreamName", p.result.StreamSID)
	}
	if problem != "" {
		form.Set("StreamError", problem)
	}
	p.callbacks.Go(func() { p.callback(event, noun.statusVerb, noun.statusURL, form) })
}

// callback sends a callback, whose failure is a warning: the call went as it went.
func (p *placed) callback(what, method, target string, form url.Values) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	tell := func() error {
		_, err := p.request(ctx, method, target, form)
		return err
	}
	if p.Kind == Vonage {
		tell = func() error { return p.tellVonage(ctx, target, form) }
	}
	if p.Kind == Exotel {
		tell = func() error { return p.tellExotel(ctx, target, form) }
	}
	if err := tell(); err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.warnings = append(p.warnings, fmt.Sprintf("%s callback: %v", what, err))
	}
}
