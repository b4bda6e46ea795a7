// Package recall finds what was said with somebody before, within what their organisation and the agent allow.
//
//	organisation's memory, agent's settings ──traits.MemoryOf──▶ may it? ──▶ store.Memories ──▶ summaries, or the last words ──▶ pipeline/memory's note
//
// Who is at the other end is known by a phone number, or by the id that a channel has for them. What names nobody, such as a withheld number, finds
// nothing. The rows that are read are those of the conversations themselves: what is deleted there is remembered no more.
package recall

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"

	"parley/control/envelope"
	"parley/control/report"
	"parley/control/traits"
	"parley/pipeline/memory"
	"parley/store"
)

// Rows are what a Desk reads.
type Rows interface {
	store.Memories
	Peers(ctx context.Context, org, conversation string) ([]string, error)
}

// A Desk recalls. It may be used by any goroutine.
type Desk struct {
	Rows         Rows
	Organisation func(org string) string // its Memory, without asking the database
}

// A Search is what an agent may look for, of somebody.
type Search struct {
	traits.Memory

	Org    string
	Names  []string // of the other end
	Except string   // the conversation that goes on
}

// Search is what an agent may look for of somebody of these names; false: nothing, or nobody is named.
func (d *Desk) Search(a store.Agent, except string, names ...string) (Search, bool) {
	if d == nil {
		return Search{}, false
	}
	m, ok := traits.MemoryOf(d.Organisation(a.Org), a.Settings)
	names = slices.DeleteFunc(slices.Clone(names), nameless)
	return Search{m, a.Org, names, except}, ok && len(names) > 0
}

// withheld are the numbers that carriers show instead of one that is not told: they spell ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN, UNAVAILABLE.
var withheld = []string{"+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253"}

// nameless says of a name that it is nobody's.
func nameless(name string) bool {
	return name == "" || strings.HasPrefix(name, "group ") || slices.Contains(withheld, name)
}

// Called are the names of the other end of a call: its number, or the id that its channel has for it. A name that is no number, of a channel
// that lets callers choose it, is none.
func Called(kind, other string) []string {
	if envelope.E164(other) || kind == string(store.WhatsApp) {
		return []string{other}
	}
	return nil
}

// Recall finds what was said, the latest first.
func (d *Desk) Recall(ctx context.Context, s Search) ([]memory.Past, error) {
	ask := store.Remembering{
		Names: s.Names, Since: time.Now().AddDate(0, 0, -s.Days), Except: s.Except, Most: s.Conversations, Messages: s.Messages,
	}
	for _, c := range s.Channels {
		ask.Channels = append(ask.Channels, store.Channel(c))
	}
	found, err := d.Rows.Remember(ctx, s.Org, ask)
	if err != nil {
		return nil, fmt.Errorf("recall: %w", err)
	}
	all := make([]memory.Past, len(found))
	for i, c := range found {
		all[i] = past(c)
	}
	return all, nil
}

// Thread is what the writer of an answer in a conversation is told of others; empty: nothing.
func (d *Desk) Thread(ctx context.Context, a store.Agent, c store.Conversation) (note string, ids []string, err error) {
	names := []string{c.External}
	if c.Channel == store.Voice {
		names = Called("", c.External)
	}
	s, ok := d.Search(a, c.ID, names...)
	if !ok {
		return "", nil, nil
	}
	if c.Channel != store.Voice {
		peers, err := d.Rows.Peers(ctx, c.Org, c.ID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return "", nil, fmt.Errorf("recall: %w", err)
		}
		s, _ = d.Search(a, c.ID, append(names, peers...)...)
	}
	all, err := d.Recall(ctx, s)
	if err != nil {
		return "", nil, err
	}
	note, ids = memory.Note(all, s.Clock(), 0)
	return note, ids, nil
}

// Clock is the time zone of the other end: that of its number, if there is one alone, or else the settings'.
func (s Search) Clock() *time.Location {
	for _, name := range s.Names {
		n, err := phonenumbers.Parse(name, "")
		if err != nil {
			continue
		}
		zones, err := phonenumbers.GetTimezonesForNumber(n)
		if err != nil || len(zones) != 1 {
			continue
		}
		if z, err := time.LoadLocation(zones[0]); err == nil && zones[0] != "Etc/Unknown" {
			return z
		}
	}
	return s.Zone()
}

// past is a conversation as models are told of it: by the summary that a model or a vendor has made of it, or else in its own words.
func past(c store.Remembered) memory.Past {
	p := memory.Past{ID: c.ID, Channel: "WhatsApp chat", At: c.Updated}
	if c.Channel != store.Voice {
		for _, m := range c.Written {
			if m.Status != store.MessageFailed {
				p.Lines = append(p.Lines, memory.Line{Agent: m.Role == "assistant", Text: wording(m)})
			}
		}
		return p
	}
	p.Channel, p.At = "phone call", c.Created
	var told report.Report
	if c.Report != "" && json.Unmarshal([]byte(c.Report), &told) == nil && told.MadeBy != report.ByRules {
		p.Summary = told.Summary
	}
	for _, m := range c.Spoken {
		p.Lines = append(p.Lines, memory.Line{Agent: m.Role == "assistant", Text: m.Text})
	}
	return p
}

// wording is a message in words: of one that has none, its type.
func wording(m store.ThreadMessage) string {
	if m.Content == "" {
		return "(" + m.Type + ")"
	}
	return m.Content
}
