package tool

import (
	"context"
	"fmt"
	"time"

	"parley/pipeline"
)

// A Callback is a call that a caller wishes for.
type Callback struct {
	Call   string // on which it was promised
	Number string // in E.164
	At     time.Time
	Reason string // in the model's words; may be empty
}

// A Scheduler keeps promises of callbacks. What an error says goes to the model.
type Scheduler interface {
	Schedule(ctx context.Context, c Callback) error
}

// furthest is how far ahead a callback may be.
const furthest = 366 * 24 * time.Hour

// ScheduleCallback is the tool "schedule_callback". Times are the line's, unless the model names another zone. It is Firm. Without a
// scheduler it is not offered.
func ScheduleCallback(line Line, s Scheduler) pipeline.Tool {
	about := fmt.Sprintf("Promise the caller a call at another time, and write it down. It is now %s in %s.", aloud(line.now()), line.zone())
	f := func(ctx context.Context, a arguments) (string, *pipeline.Command, error) {
		c, err := line.callback(a)
		if err != nil {
			return "", nil, err
		}
		if err := s.Schedule(ctx, c); err != nil {
			return "", nil, fmt.Errorf("the callback could not be written down: %w", err)
		}
		return fmt.Sprintf("Written down: %s will be called on %s (%s). Tell the caller.", spelt(c.Number), aloud(c.At), c.At.Location()), nil, nil
	}
	if s == nil {
		f = nil
	}
	t := made("schedule_callback", about, &Schema{
		Properties: map[string]*Schema{
			"when":      {Type: "string", Description: "Day and time, as 2026-11-27T15:00, or in the caller's words: tomorrow at 3 pm, in 20 minutes."},
			"time_zone": {Type: "string", Description: "Such as Europe/London, if the caller named another than " + line.zone().String() + "."},
			"number":    {Type: "string", Description: "The number to call, with + and country code. Leave it out if the caller wants to be called on the number they call from."},
			"reason":    {Type: "string", Description: "What it is about, in one sentence.", MaxLength: at(500)},
		},
		Required: []string{"when"},
	}, f)
	t.Firm = true
	return t
}

// callback reads one.
func (l Line) callback(a arguments) (Callback, error) {
	now, c := l.now(), Callback{Call: l.Call, Number: l.From, Reason: a.text("reason")}
	if name := a.text("time_zone"); name != "" {
		zone, err := time.LoadLocation(name)
		if err != nil || name == "Local" {
			return c, fmt.Errorf("time_zone: %s is none: want a name such as Europe/London", show(name))
		}
		now = now.In(zone)
	}
	var err error
	if c.At, err = when(a.text("when"), now); err != nil {
		return c, fmt.Errorf("when: %s: %w; want it as 2026-11-27T15:00", show(a.text("when")), err)
	}
	c.At = c.At.In(now.Location())
	switch ahead := c.At.Sub(now); {
	case ahead < time.Minute:
		return c, fmt.Errorf("when: %s is not in the future: it is now %s", aloud(c.At), aloud(now))
	case ahead > furthest:
		return c, fmt.Errorf("when: %s is more than a year ahead", aloud(c.At))
	}
	if given := a.text("number"); given != "" {
		if c.Number, err = e164(given); err != nil {
			return c, fmt.Errorf("number: %w", err)
		}
	}
	if c.Number == "" {
		return c, fmt.Errorf("number: it is missing, and the caller's own is not known: ask for it")
	}
	return c, nil
}
