package dialer

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"parley/store"
)

// Rules say how an organisation may dial. The zero value of a field means the server's own setting.
type Rules struct {
	MaxCalls       int      `json:"max_calls,omitempty" minimum:"0" maximum:"10000" doc:"Outbound calls at once, over all nodes; 0: the server's setting." example:"20"`
	CallsPerSecond float64  `json:"calls_per_second,omitempty" minimum:"0" maximum:"1000" doc:"Outbound calls begun in a second, over all nodes; 0: the server's setting." example:"1"`
	Windows        []Window `json:"windows,omitempty" nullable:"false" maxItems:"50" doc:"When numbers may be called, in their own time zone; none: always. Of a number that may be in several zones, all must be within a window."`
	Zone           string   `json:"zone,omitempty" maxLength:"64" doc:"The time zone of numbers whose own is not known; empty: UTC." example:"Europe/London"`
	Allow          []string `json:"allow,omitempty" nullable:"false" maxItems:"200" doc:"Beginnings of numbers that may be called although they are premium or satellite numbers." example:"[\"+88165\"]"`
	Deny           []string `json:"deny,omitempty" nullable:"false" maxItems:"200" doc:"Beginnings of numbers that are never called." example:"[\"+7\"]"`
	Retry          Retry    `json:"retry,omitzero" doc:"Whether numbers that were busy, or did not answer, are called again."`
	RingSeconds    int      `json:"ring_seconds,omitempty" minimum:"0" maximum:"600" doc:"How long a number is rung; 0: the server's setting." example:"45"`
}

// A Window is a time of day on some days, by the callee's clock.
type Window struct {
	Days []string `json:"days,omitempty" nullable:"false" maxItems:"7" enum:"mon,tue,wed,thu,fri,sat,sun" doc:"The days; none: every day." example:"[\"mon\",\"tue\"]"`
	From string   `json:"from" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$" patternDescription:"a time such as 09:00" example:"09:00"`
	To   string   `json:"to" pattern:"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$" patternDescription:"a time such as 20:30, or 24:00" doc:"Later than from." example:"20:00"`
}

// Retry says how often a task's number is called again, by itself. Each time is an execution of its own.
type Retry struct {
	Busy        int `json:"busy,omitempty" minimum:"0" maximum:"20" doc:"How often, after it was busy; 0: never."`
	NoAnswer    int `json:"no_answer,omitempty" minimum:"0" maximum:"20" doc:"How often, after nobody answered; 0: never."`
	WaitSeconds int `json:"wait_seconds,omitempty" minimum:"0" maximum:"604800" doc:"After how long; 0: 300."`
}

// The defaults of rules.
const (
	defaultMaxCalls = 20
	defaultRate     = 1 // Twilio's own limit for an account, unless it has been raised
	defaultRing     = 45
	defaultWait     = 300
)

func (r Rules) orDefaults() Rules {
	return r.or(Rules{MaxCalls: defaultMaxCalls, CallsPerSecond: defaultRate, RingSeconds: defaultRing})
}

// or fills what is not set.
func (r Rules) or(base Rules) Rules {
	r.MaxCalls, r.CallsPerSecond = cmp.Or(r.MaxCalls, base.MaxCalls), cmp.Or(r.CallsPerSecond, base.CallsPerSecond)
	r.Zone, r.RingSeconds = cmp.Or(r.Zone, base.Zone), cmp.Or(r.RingSeconds, base.RingSeconds)
	if r.Windows == nil {
		r.Windows = base.Windows
	}
	if r.Allow == nil {
		r.Allow = base.Allow
	}
	if r.Deny == nil {
		r.Deny = base.Deny
	}
	if r.Retry == (Retry{}) {
		r.Retry = base.Retry
	}
	return r
}

// every is the time between two calls.
func (r Rules) every() time.Duration { return time.Duration(float64(time.Second) / r.CallsPerSecond) }

// Check names every field that is wrong.
func (r Rules) Check() map[string]string {
	bad := map[string]string{}
	if _, err := time.LoadLocation(r.Zone); err != nil || r.Zone == "Local" {
		bad["zone"] = "is no time zone, such as Europe/London"
	}
	for i, w := range r.Windows {
		name := fmt.Sprintf("windows[%d]", i)
		from, ok := clock(w.From)
		if !ok {
			bad[name+".from"] = "is no time such as 09:00"
		}
		to, ok2 := clock(w.To)
		if !ok2 {
			bad[name+".to"] = "is no time such as 20:00"
		}
		if ok && ok2 && from >= to {
			bad[name] = "from is not before to"
		}
		for _, d := range w.Days {
			if !slices.Contains(days[:], d) {
				bad[name+".days"] = "are mon, tue, wed, thu, fri, sat or sun"
			}
		}
	}
	for name, prefixes := range map[string][]string{"allow": r.Allow, "deny": r.Deny} {
		for i, p := range prefixes {
			if !prefix.MatchString(p) {
				bad[fmt.Sprintf("%s[%d]", name, i)] = "is no beginning of a number, such as +4490"
			}
		}
	}
	return bad
}

var prefix = regexp.MustCompile(`^\+[1-9][0-9]{0,14}$`)

// days by time.Weekday.
var days = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// clock reads a time of day as minutes.
func clock(s string) (minutes int, ok bool) {
	if s == "24:00" {
		return 24 * 60, true
	}
	t, err := time.Parse("15:04", s)
	return t.Hour()*60 + t.Minute(), err == nil && len(s) == 5
}

// open says whether a moment is within a window.
func (w Window) open(at time.Time) bool {
	from, _ := clock(w.From)
	to, _ := clock(w.To)
	m := at.Hour()*60 + at.Minute()
	return m >= from && m < to && (len(w.Days) == 0 || slices.Contains(w.Days, days[at.Weekday()]))
}

// opens is the next moment, from now on, at which all zones are within a window; zero: there is none in the next eight days. Openings are
// on whole minutes of some zone's clock.
func (r Rules) opens(zones []*time.Location, now time.Time) time.Time {
	if len(r.Windows) == 0 || r.allOpen(zones, now) {
		return now
	}
	var starts []time.Time
	for _, z := range zones {
		local := now.In(z)
		for _, w := range r.Windows {
			from, _ := clock(w.From)
			for day := range 9 {
				if s := time.Date(local.Year(), local.Month(), local.Day()+day, from/60, from%60, 0, 0, z); s.After(now) {
					starts = append(starts, s)
				}
			}
		}
	}
	slices.SortFunc(starts, time.Time.Compare)
	for _, s := range starts {
		if r.allOpen(zones, s) {
			return s
		}
	}
	return time.Time{}
}

func (r Rules) allOpen(zones []*time.Location, at time.Time) bool {
	for _, z := range zones {
		if !slices.ContainsFunc(r.Windows, func(w Window) bool { return w.open(at.In(z)) }) {
			return false
		}
	}
	return true
}

// times is how often a number is tried once more after calls that ended so.
func (r Retry) times(cause string) int {
	switch cause {
	case store.CauseBusy:
		return r.Busy
	case store.CauseNoAnswer:
		return r.NoAnswer
	}
	return 0
}

// again is when a number is tried once more, of which the last call ended so; zero: it is not.
func (r Retry) again(cause string, retries int, now time.Time) time.Time {
	if retries >= r.times(cause) {
		return time.Time{}
	}
	return now.Add(time.Duration(cmp.Or(r.WaitSeconds, defaultWait)) * time.Second)
}

// rules are an organisation's, with the server's where it has none.
func (d *Dialer) rules(ctx context.Context, org string) (Rules, error) {
	own, err := d.OwnRules(ctx, org)
	return own.or(d.o.Rules), err
}

// OwnRules are what an organisation has set itself.
func (d *Dialer) OwnRules(ctx context.Context, org string) (Rules, error) {
	text, err := d.o.Store.DialRules(ctx, org)
	if err != nil {
		return Rules{}, fmt.Errorf("read rules: %w", err)
	}
	return parseRules(text)
}

func parseRules(text string) (r Rules, err error) {
	if text == "" {
		return r, nil
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return r, fmt.Errorf("read rules: %w", err)
	}
	return r, nil
}

// SetRules replaces an organisation's rules, which Check has found well.
func (d *Dialer) SetRules(ctx context.Context, org string, r Rules) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write rules: %w", err)
	}
	_, err = d.o.Store.UpdateDialRules(ctx, org, func(string) (string, error) { return string(text), nil })
	return err
}

// Effective are the rules that hold for an organisation.
func (d *Dialer) Effective(ctx context.Context, org string) (Rules, error) { return d.rules(ctx, org) }

// begins says whether a number begins with one of some prefixes, and with which.
func begins(number string, prefixes []string) (string, bool) {
	for _, p := range prefixes {
		if strings.HasPrefix(number, p) {
			return p, true
		}
	}
	return "", false
}
