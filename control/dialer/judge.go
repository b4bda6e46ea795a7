package dialer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"

	"parley/pipeline"
	"parley/store"
)

// An Unfit is why a task cannot be executed, now or at all.
type Unfit struct {
	Message string
	Fields  map[string]string // what is wrong, by the task's fields
	Open    time.Time         // when the number may be called; zero: waiting is of no use
}

func (u *Unfit) Error() string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(u.Fields)) {
		all = append(all, name+" "+u.Fields[name])
	}
	if len(all) == 0 {
		return u.Message
	}
	return u.Message + ": " + strings.Join(all, "; ")
}

// Why an agent calls nobody.
const (
	disabled   = "the agent is disabled"
	numberless = "there is no number to call from: the organisation needs a phone number"
)

// A verdict is what a task that is fit is executed with.
type verdict struct {
	agent   store.Agent
	from    string
	account string
}

// choose judges a task, and chooses the account for its call: that stays, whatever is chosen by the time that it is placed. Its error is an
// *Unfit or ErrNoCarrier if there is none.
func (d *Dialer) choose(ctx context.Context, t store.Task, rules Rules, now time.Time) (verdict, error) {
	if t.Bot != "" && d.o.Accounts == nil {
		return verdict{}, ErrNoCarrier
	}
	if t.Bot != "" {
		v, err := d.judge(ctx, t, rules, now)
		v.account = store.ChatAccount + t.Bot
		return v, err
	}
	account, err := d.account(t.Org, d.caller(t))
	if err != nil {
		return verdict{}, err
	}
	v, err := d.judge(ctx, t, rules, now)
	v.account = account
	return v, err
}

// caller is the number that a task's call comes from.
func (d *Dialer) caller(t store.Task) string { return cmp.Or(t.From, d.o.Caller(t.Org, t.Agent)) }

// from is the number from which a task calls. Its error is an *Unfit if it has none.
func (d *Dialer) from(ctx context.Context, t store.Task) (string, error) {
	switch {
	case t.Bot != "" && d.o.Chat == nil:
		return "", &Unfit{Message: "this server calls nobody on messaging channels"}
	case t.Bot != "":
		return d.o.Chat(ctx, t.Org, t.Bot)
	}
	from := d.caller(t)
	if from == "" {
		return "", &Unfit{Message: numberless}
	}
	return from, nil
}

// judge says whether a task may be executed: its error is an *Unfit if not.
func (d *Dialer) judge(ctx context.Context, t store.Task, rules Rules, now time.Time) (verdict, error) {
	var v verdict
	agent, err := d.o.Store.Agent(ctx, t.Org, t.Agent)
	if errors.Is(err, store.ErrNotFound) {
		return v, &Unfit{Message: "the task's agent is gone"}
	}
	if err != nil {
		return v, fmt.Errorf("read agent: %w", err)
	}
	v.agent = agent
	if v.from, err = d.from(ctx, t); err != nil {
		return v, err
	}
	if !agent.Enabled {
		return v, &Unfit{Message: disabled}
	}
	if bad := missing(t, agent, v.from); len(bad) > 0 {
		return v, &Unfit{Message: "context_data lacks what the words of the call need", Fields: bad}
	}
	if why := forbidden(t.To, rules); why != "" {
		return v, &Unfit{Message: "the number may not be called", Fields: map[string]string{"to_number": why}}
	}
	barred, err := d.o.Store.IsBarred(ctx, t.Org, t.To)
	if err != nil {
		return v, fmt.Errorf("look up do-not-call list: %w", err)
	}
	if barred {
		return v, &Unfit{Message: "the number may not be called", Fields: map[string]string{"to_number": "is on the do-not-call list"}}
	}
	return v, window(t.To, rules, now)
}

// window refuses a number whose time is not within the organisation's windows.
func window(number string, rules Rules, now time.Time) error {
	if len(rules.Windows) == 0 {
		return nil
	}
	switch open := rules.opens(zones(number, rules.Zone), now); {
	case open.IsZero():
		return &Unfit{Message: "the number's time zones are never within the calling windows together"}
	case open.After(now):
		return &Unfit{Message: "it is outside of the calling windows, which open at " + open.UTC().Format(time.RFC3339), Open: open}
	}
	return nil
}

// missing are the places of the call's words that nothing fills, by the field of context_data that would.
func missing(t store.Task, agent store.Agent, from string) map[string]string {
	bad := map[string]string{}
	slots := Slots(t, from)
	for _, text := range []struct{ what, text string }{{"the agent's system_prompt", agent.SystemPrompt}, {"the starting_message", opening(t, agent)}} {
		_, lacks := pipeline.Fill(text.text, slots)
		for _, name := range lacks {
			if name == "{{" {
				bad[text.what] = "has a {{ that is not closed"
			} else {
				bad["context_data."+name] = "is missing: " + text.what + " needs it"
			}
		}
	}
	return bad
}

// opening is what the call begins with.
func opening(t store.Task, agent store.Agent) string {
	if t.StartingMessage != "" {
		return t.StartingMessage
	}
	return agent.StartingMessage
}

// Slots are what a task puts into the places of its words: its context, and the numbers as from and to. Of nested objects, names are
// joined by dots; lists are read out with commas; what is null is missing.
func Slots(t store.Task, from string) map[string]string {
	slots := map[string]string{}
	var tree map[string]any
	dec := json.NewDecoder(strings.NewReader(t.Context))
	dec.UseNumber()
	if dec.Decode(&tree) == nil {
		flatten(slots, "", tree)
	}
	slots["from"], slots["to"] = from, t.To
	return slots
}

func flatten(slots map[string]string, prefix string, tree map[string]any) {
	for name, value := range tree {
		if inner, ok := value.(map[string]any); ok {
			flatten(slots, prefix+name+".", inner)
			continue
		}
		if text, ok := spoken(value); ok {
			slots[prefix+name] = text
		}
	}
}

// spoken is a value as words; false if it has none.
func spoken(value any) (string, bool) {
	switch v := value.(type) {
	case nil, map[string]any:
		return "", false
	case string:
		return v, v != ""
	case []any:
		var all []string
		for _, one := range v {
			if text, ok := spoken(one); ok {
				all = append(all, text)
			}
		}
		return strings.Join(all, ", "), len(all) > 0
	default:
		return fmt.Sprint(v), true
	}
}

// costly are the beginnings of numbers that are denied unless an organisation allows them: satellite networks and such like, which charge
// as they please (ITU-T E.164, country codes 870, 878, 881 to 883, 888, 979), and premium numbers whose whole range is known.
var costly = map[string]string{
	"+870": "satellite", "+881": "satellite", "+882": "international network", "+883": "international network",
	"+878": "personal", "+888": "international network", "+979": "premium", "+1900": "premium", "+449": "premium", "+4470": "personal",
}

// forbidden says why a number is not called; empty: it may be.
func forbidden(number string, rules Rules) string {
	if p, ok := begins(number, rules.Deny); ok {
		return "begins with " + p + ", which the organisation denies"
	}
	if _, ok := begins(number, rules.Allow); ok {
		return ""
	}
	for p, kind := range costly {
		if strings.HasPrefix(number, p) {
			return "is a " + kind + " number (" + p + "): these are denied unless the organisation allows their beginning"
		}
	}
	if n, err := phonenumbers.Parse(number, ""); err == nil && phonenumbers.GetNumberType(n) == phonenumbers.PREMIUM_RATE {
		return "is a premium number: these are denied unless the organisation allows their beginning"
	}
	return ""
}

// zones are the time zones that a number may be in.
func zones(number, otherwise string) (all []*time.Location) {
	if n, err := phonenumbers.Parse(number, ""); err == nil {
		names, _ := phonenumbers.GetTimezonesForNumber(n) // an error has no names
		for _, name := range names {
			if z, err := time.LoadLocation(name); err == nil && name != "Etc/Unknown" {
				all = append(all, z)
			}
		}
	}
	if len(all) == 0 {
		z, err := time.LoadLocation(otherwise)
		if err != nil {
			z = time.UTC
		}
		all = append(all, z)
	}
	return all
}

// A Vetting says beforehand why numbers would not be called by an agent, as its words and the organisation's rules stand now.
type Vetting struct {
	agent store.Agent
	rules Rules
	from  string
}

// Vet makes the vetting of an agent; store.ErrNotFound if there is none.
func (d *Dialer) Vet(ctx context.Context, org, agent string) (*Vetting, error) {
	a, err := d.o.Store.Agent(ctx, org, agent)
	if err != nil {
		return nil, fmt.Errorf("read agent: %w", err)
	}
	rules, err := d.rules(ctx, org)
	if err != nil {
		return nil, err
	}
	return &Vetting{agent: a, rules: rules, from: d.o.Caller(org, agent)}, nil
}

// Ready says why the agent would call nobody at all; empty: it would.
func (v *Vetting) Ready() string {
	switch {
	case !v.agent.Enabled:
		return disabled
	case v.from == "":
		return numberless
	}
	return ""
}

// Missing are the places of the call's words that a task does not fill, by the field of context_data that would.
func (v *Vetting) Missing(t store.Task) map[string]string {
	return missing(t, v.agent, cmp.Or(v.from, "the caller's number")) // there will be one, or no call
}

// Forbidden says why a number may not be called; empty: it may. The do-not-call list is not looked at.
func (v *Vetting) Forbidden(number string) string { return forbidden(number, v.rules) }
