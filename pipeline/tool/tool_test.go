package tool_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
	. "parley/pipeline/tool"
)

// backend is what all tools lean on: it keeps what it was given, or else is slow, wrong or rude.
type backend struct {
	mood string // slow, wrong, rude; empty: good
	got  []any
}

var errBackend = errors.New("the calendar is closed")

func (b *backend) take(ctx context.Context, v any) error {
	switch b.mood {
	case "slow":
		<-ctx.Done()
		return context.Cause(ctx)
	case "wrong":
		return errBackend
	case "rude":
		panic("rude")
	}
	b.got = append(b.got, v)
	return nil
}

func (b *backend) Schedule(ctx context.Context, c Callback) error { return b.take(ctx, c) }
func (b *backend) Send(ctx context.Context, m Message) error      { return b.take(ctx, m) }
func (b *backend) Channels() []string                             { return []string{"sms", "email"} }

// here is a call on a Sunday in 2000, where the bubbles' time begins.
var here = Line{Call: "CA1", From: "+442071234567"}

func booking() Form {
	return Form{Name: "booking", Purpose: "Book a table.", Fields: []Field{
		{Name: "name"}, {Name: "people", Kind: Number, Min: 1, Max: 12}, {Name: "day", Kind: Date}, {Name: "at", Kind: Time},
		{Name: "phone", Kind: Phone, Optional: true}, {Name: "room", Kind: OneOf, Options: []string{"Main hall", "Garden"}, Optional: true},
	}}
}

// all are the tools, each with the same backend; anybody may be written to and called in the United Kingdom.
func all(b *backend) map[string]pipeline.Tool {
	tools := Offered(
		EndCall(), PressKeys(), WaitFor(), Collect(here, booking()), ScheduleCallback(here, b), SendMessage(here, b, true),
		TransferTo(Destinations{Named: []Destination{{Name: "Billing", To: "+442071110000", When: "for invoices"}}, Prefixes: []string{"+44"}}, Ways{Blind: true}),
		HandOver([]Colleague{{"Second", "for complaints"}}),
	)
	named := make(map[string]pipeline.Tool)
	for _, t := range tools {
		named[t.Name] = t
	}
	return named
}

func TestOffered(t *testing.T) {
	t.Parallel()
	if got := len(all(&backend{})); got != 8 {
		t.Errorf("%d tools are offered, want 8", got)
	}
	var none []string
	for _, tool := range Offered(
		Collect(here, Form{}), ScheduleCallback(here, nil), SendMessage(here, nil, true), SendMessage(Line{}, &backend{}, false),
		TransferTo(Destinations{Prefixes: []string{"+"}}, Ways{}), TransferTo(Destinations{}, Ways{Blind: true}), HandOver(nil),
	) {
		none = append(none, tool.Name)
	}
	if len(none) > 0 {
		t.Errorf("%q are offered without what they need", none)
	}
	if got := Offered(WaitFor(), WaitFor()); len(got) != 1 {
		t.Errorf("one name is offered %d times", len(got))
	}
	for name, tool := range all(&backend{}) {
		s, err := ParseSchema(tool.Parameters)
		if err != nil || !s.Closed || tool.Description == "" {
			t.Errorf("%s: %v, %s", name, err, tool.Parameters)
		}
		if firm := map[string]bool{"collect_booking": true, "schedule_callback": true, "send_message": true}[name]; tool.Firm != firm {
			t.Errorf("%s is firm: %v", name, tool.Firm)
		}
	}
}

// What each tool makes of its arguments: a command, what a backend is given, a result, or an error.
func TestTools(t *testing.T) {
	t.Parallel()
	type result struct {
		do   pipeline.Command
		got  string // what the backend was given
		says string // is in the result, or after ! in the error
	}
	friday := time.Date(2000, 1, 7, 15, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		tool, args string
		want       result
	}{
		"goodbye":                      {"end_call", `{"farewell":" Bye. "}`, result{do: pipeline.Command{Kind: pipeline.HangUp, Text: "Bye."}, says: "ending"}},
		"goodbye without a word":       {"end_call", ``, result{do: pipeline.Command{Kind: pipeline.HangUp}, says: "ending"}},
		"goodbye for nothing":          {"end_call", `null`, result{do: pipeline.Command{Kind: pipeline.HangUp}, says: "ending"}},
		"goodbye in other words":       {"end_call", `{"goodbye":"Bye."}`, result{says: "!goodbye: there is no such argument: want farewell"}},
		"goodbye that breaks off":      {"end_call", `{"farewell":"By`, result{says: "!no JSON"}},
		"goodbye as a list":            {"end_call", `["Bye."]`, result{says: `!want an object, got ["Bye."]`}},
		"goodbye in broken words":      {"end_call", `"{\"farewell\":Bye}"`, result{says: `!the arguments: want an object, got "{\"farewell\":Bye}"`}},
		"two goodbyes":                 {"end_call", `{} {}`, result{says: "!more than one"}},
		"keys":                         {"press_keys", `{"keys":"1 w,2a#"}`, result{do: pipeline.Command{Kind: pipeline.Press, Keys: "1wp2A#"}, says: "pressed"}},
		"keys as a number":             {"press_keys", `{"keys":12}`, result{do: pipeline.Command{Kind: pipeline.Press, Keys: "12"}, says: "pressed"}},
		"keys that are none":           {"press_keys", `{"keys":"one"}`, result{says: "!'o' is no key"}},
		"no keys":                      {"press_keys", `{}`, result{says: "!keys: it is missing"}},
		"wait":                         {"wait", `{"seconds":60}`, result{do: pipeline.Command{Kind: pipeline.Wait, For: time.Minute}, says: "take their time"}},
		"wait in words":                {"wait", `{"seconds":"90"}`, result{do: pipeline.Command{Kind: pipeline.Wait, For: 90 * time.Second}, says: "waiting"}},
		"wait for nothing":             {"wait", `{"seconds":0}`, result{says: "!seconds: want a whole number from 5 to 1800, got 0"}},
		"wait for part of a second":    {"wait", `{"seconds":7.5}`, result{says: "!want a whole number"}},
		"wait for ever":                {"wait", `{"seconds":1e99}`, result{says: "!want a whole number"}},
		"transfer":                     {"transfer", `{"destination":"billing","say":"One moment."}`, result{do: pipeline.Command{Kind: pipeline.Transfer, To: "+442071110000", Text: "One moment."}, says: "connected to billing"}},
		"transfer to a number":         {"transfer", `{"destination":"+44 20 7000 0000"}`, result{do: pipeline.Command{Kind: pipeline.Transfer, To: "+442070000000"}, says: "connected"}},
		"transfer to a dear number":    {"transfer", `{"destination":"+8835100000000"}`, result{says: "!must not be called: want a number that begins with +44"}},
		"transfer to nobody":           {"transfer", `{"destination":"the boss"}`, result{says: "!want one of Billing"}},
		"transfer without a place":     {"transfer", `{"say":"One moment."}`, result{says: "!destination: it is missing (The name"}},
		"hand over":                    {"hand_over", `{"agent":"second"}`, result{do: pipeline.Command{Kind: pipeline.Change, Agent: "Second", Ask: true}, says: "Second takes over"}},
		"hand over to nobody":          {"hand_over", `{"agent":"third"}`, result{says: `!want one of Second, got "third"`}},
		"callback":                     {"schedule_callback", `{"when":"2000-01-07T15:00","reason":"a table"}`, result{got: fmt.Sprint(Callback{"CA1", "+442071234567", friday, "a table"}), says: "Friday 7 January 2000 at 3:00 PM (UTC)"}},
		"callback in words":            {"schedule_callback", `{"when":"next friday at 3 pm"}`, result{got: fmt.Sprint(Callback{"CA1", "+442071234567", friday, ""}), says: "plus 4 4 2, 0 7 1, 2 3 4, 5 6 7"}},
		"callback to another number":   {"schedule_callback", `{"when":"2000-01-07 15:00","number":"0044 (20) 7000-0000"}`, result{got: fmt.Sprint(Callback{"CA1", "+442070000000", friday, ""}), says: "Written down"}},
		"callback elsewhere":           {"schedule_callback", `{"when":"2000-01-07T16:00","time_zone":"Europe/Paris"}`, result{got: fmt.Sprint(Callback{"CA1", "+442071234567", friday.In(paris(t)), ""}), says: "at 4:00 PM (Europe/Paris)"}},
		"callback in no zone":          {"schedule_callback", `{"when":"2000-01-07T16:00","time_zone":"Atlantis"}`, result{says: `!time_zone: "Atlantis" is none`}},
		"callback in the past":         {"schedule_callback", `{"when":"1999-12-31T15:00"}`, result{says: "!not in the future: it is now Saturday 1 January 2000"}},
		"callback in ages":             {"schedule_callback", `{"when":"2003-12-31T15:00"}`, result{says: "!more than a year ahead"}},
		"callback some time":           {"schedule_callback", `{"when":"when it suits"}`, result{says: `!"when" is not understood; want it as`}},
		"callback to a short number":   {"schedule_callback", `{"when":"in 2 hours","number":"999"}`, result{says: "!number: want a phone number with + and country code"}},
		"message":                      {"send_message", `{"channel":"sms","text":"We are at 1 High Street."}`, result{got: "{CA1 sms +442071234567 We are at 1 High Street.}", says: "sent to +442071234567"}},
		"message to another":           {"send_message", `{"channel":"SMS","text":"Hi.","to":"+15550100"}`, result{got: "{CA1 sms +15550100 Hi.}", says: "sent to +15550100"}},
		"message by email":             {"send_message", `{"channel":"email","text":"Hi.","to":"ana at Example dot com"}`, result{got: "{CA1 email ana@example.com Hi.}", says: "sent to ana@example.com"}},
		"message by email to a number": {"send_message", `{"channel":"email","text":"Hi.","to":"+15550100"}`, result{says: "!to: want an email address"}},
		"message by pigeon":            {"send_message", `{"channel":"pigeon","text":"Hi."}`, result{says: `!want one of sms, email, got "pigeon"`}},
		"message of nothing":           {"send_message", `{"channel":"sms","text":" "}`, result{says: "!text: it is missing"}},
		"message of too much":          {"send_message", `{"channel":"sms","text":"` + strings.Repeat("a", 1601) + `"}`, result{says: "!text: want 1 to 1600 characters, got 1601"}},
		"all wrong":                    {"send_message", `{"channel":3,"text":[],"from":"me"}`, result{says: "!channel: want one of sms, email, got 3; from: there is no such argument: want channel, text, to; text: want text, got []"}},
		"far too much":                 {"wait", `{"seconds":5` + strings.Repeat(" ", 70000) + `}`, result{says: "!have 70013 bytes"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := &backend{}
				says, do, err := all(b)[c.tool].Run(t.Context(), json.RawMessage(c.args))
				got := result{says: c.want.says}
				if do != nil && err == nil {
					got.do = *do
				}
				for _, v := range b.got {
					got.got += fmt.Sprint(v)
				}
				if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(result{})); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				if fault, bad := strings.CutPrefix(c.want.says, "!"); bad != (err != nil) || bad && !strings.Contains(err.Error(), fault) || !bad && !strings.Contains(says, fault) {
					t.Errorf("%q, %v: want %q", says, err, c.want.says)
				}
			})
		})
	}
}

func paris(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// Backends that are slow and wrong: the model is told, in words.
func TestBadBackends(t *testing.T) {
	t.Parallel()
	for tool, args := range map[string]string{
		"schedule_callback": `{"when":"in 2 hours"}`,
		"send_message":      `{"channel":"sms","text":"Hi."}`,
	} {
		for mood, want := range map[string]string{"slow": context.DeadlineExceeded.Error(), "wrong": errBackend.Error()} {
			t.Run(tool+" "+mood, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					defer cancel()
					result, do, err := all(&backend{mood: mood})[tool].Run(ctx, json.RawMessage(args))
					if err == nil || !strings.Contains(err.Error(), want) || result != "" || do != nil {
						t.Errorf("%q %v: %v, want %q", result, do, err, want)
					}
				})
			})
		}
	}
}

// A form is filled piece by piece; what each step says.
func TestCollect(t *testing.T) {
	t.Parallel()
	type step struct{ args, says string }
	booked := func(name, phone, room string) map[string]string {
		return map[string]string{
			"booking.name": name, "booking.people": "4", "booking.day": "2000-01-02", "booking.at": "19:30", "booking.phone": phone, "booking.room": room,
		}
	}
	kept := booked("Ana", "", "")
	for name, c := range map[string]struct {
		steps []step
		want  []map[string]string // as the call is told to collect it
	}{
		"piece by piece": {[]step{
			{`{}`, "Still missing: name, people, day, at."},
			{`{"name":"Ana"}`, "Still missing: people, day, at. Ask for the next one only."},
			{`{"people":4,"day":"tomorrow"}`, "Still missing: at."},
			{`{"at":"half past seven in the evening"}`, "Read this back to the caller and ask whether it is right: name: Ana; people: 4; day: Sunday 2 January 2000; at: 7:30 PM."},
			{`{"confirmed":true}`, "Recorded."},
			{`{"confirmed":true}`, "recorded already"},
		}, []map[string]string{kept}},
		"all at once": {[]step{
			{`{"name":"Ana","people":"four","day":"2000-01-02","at":"19:30","confirmed":true}`, "Not recorded yet: the caller has to agree to exactly these values first."},
			{`{"confirmed":"yes"}`, "Recorded."},
		}, []map[string]string{kept}},
		"wrong values": {[]step{
			{`{"name":"Ana","people":40,"day":"one day","at":"three"}`, "Wrong: people: \"40\" cannot be taken: want a number from 1 to 12. Wrong: day: \"one day\" cannot be taken: want a date such as 2026-11-27: \"day\" is not understood. " +
				"Wrong: at: \"three\" cannot be taken: want a time such as 15:30: it is not clear whether morning or afternoon is meant"},
			{`{"confirmed":true}`, "Not recorded yet. Wrong: people"},
			{`{"people":4,"day":"tomorrow","at":"19:30"}`, "Read this back"},
			{`{"confirmed":true}`, "Recorded."},
		}, []map[string]string{kept}},
		"changed at the last moment": {[]step{
			{`{"name":"Bob","people":4,"day":"tomorrow","at":"19:30"}`, "name: Bob"},
			{`{"name":"Ana","confirmed":true}`, "Not recorded yet: the caller has to agree"},
			{`{"name":"Ana","confirmed":true}`, "Recorded."},
		}, []map[string]string{kept}},
		"changed after it was recorded": {[]step{
			{`{"name":"Bob","people":4,"day":"tomorrow","at":"19:30"}`, "name: Bob"},
			{`{"confirmed":true}`, "Recorded."},
			{`{"name":"Ana"}`, "name: Ana"},
			{`{"confirmed":true}`, "Recorded."},
		}, []map[string]string{booked("Bob", "", ""), kept}},
		"what is optional, and taken back": {[]step{
			{`{"name":"Ana","people":4,"day":"tomorrow","at":"19:30","phone":"12","room":"garden"}`, "Wrong: phone"},
			{`{"phone":"020 7946 0000","room":null}`, "phone: 0 2 0, 7 9 4, 6 0 0, 0 0; room: Garden"},
			{`{"confirmed":true}`, "Recorded."},
			{`{"phone":"","room":""}`, "at: 7:30 PM. When"},
			{`{"confirmed":true}`, "Recorded."},
		}, []map[string]string{booked("Ana", "02079460000", "Garden"), kept}},
		"nobody asked": {[]step{{`{"confirmed":true}`, "Not recorded yet. Still missing"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tool := all(&backend{})["collect_booking"]
				var got []map[string]string
				for i, s := range c.steps {
					says, do, err := tool.Run(t.Context(), json.RawMessage(s.args))
					if err != nil || !strings.Contains(says, s.says) {
						t.Errorf("step %d: %q, %v: want %q", i+1, says, err, s.says)
					}
					if do != nil && do.Kind == pipeline.Collect && do.Check() == nil {
						got = append(got, do.Slots)
					}
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		})
	}
}

// A form without a name has its fields' names in the record; nothing is nothing to be recorded.
func TestCollectWithoutName(t *testing.T) {
	t.Parallel()
	tool := Collect(here, Form{Fields: []Field{{Name: "name", Optional: true}}})
	for i, s := range []struct{ args, says, slot string }{
		{`{"confirmed":true}`, "Nothing has been given.", ""}, {`{"name":"Ana"}`, "name: Ana", ""}, {`{"confirmed":true}`, "Recorded.", "Ana"},
	} {
		says, do, err := tool.Run(t.Context(), json.RawMessage(s.args))
		if err != nil || !strings.Contains(says, s.says) || (do != nil) != (s.slot != "") || do != nil && do.Slots["name"] != s.slot {
			t.Errorf("step %d: %q %v %v", i+1, says, do, err)
		}
	}
	if tool.Name != "collect" {
		t.Errorf("it is called %q", tool.Name)
	}
}

// TestModes: how somebody is called is their destination's, as far as the call can do it.
func TestModes(t *testing.T) {
	t.Parallel()
	d := Destinations{
		Named: []Destination{{Name: "Desk", To: "+441"}, {Name: "Boss", To: "+442", Mode: Warm}, {Name: "Post", To: "+443", Mode: Blind}, {Name: "Duty", To: "+444", Mode: Attended}}, Prefixes: []string{"+44"},
		Mode: Bridge, Join: pipeline.Join{Ring: 20 * time.Second, Stay: pipeline.Listen}, Question: "Press 1, please.",
	}
	offered := func(w Ways) map[string]pipeline.Tool {
		named := map[string]pipeline.Tool{}
		for _, tool := range Offered(TransferTo(d, w)) {
			named[tool.Name] = tool
		}
		return named
	}
	warm := pipeline.Join{Ring: 20 * time.Second, Stay: pipeline.Listen, Brief: "John, about an invoice. Press 1, please.", Confirm: true}
	attended := warm
	attended.Attended = true
	for _, c := range []struct {
		ways Ways
		args string
		want pipeline.Command
		no   string // the error's part
	}{
		{Ways{true, true}, `{"destination":"desk"}`, pipeline.Command{Kind: pipeline.Bridge, To: "+441", Join: d.Join}, ""},
		{Ways{true, true}, `{"destination":"boss","say":"One moment.","brief":"John, about an invoice."}`, pipeline.Command{Kind: pipeline.Bridge, To: "+442", Text: "One moment.", Join: warm}, ""},
		{Ways{true, true}, `{"destination":"duty","brief":"John, about an invoice."}`, pipeline.Command{Kind: pipeline.Bridge, To: "+444", Join: attended}, ""},
		{Ways{Blind: true}, `{"destination":"duty"}`, pipeline.Command{}, "no destination"},
		{Ways{true, true}, `{"destination":"post"}`, pipeline.Command{Kind: pipeline.Transfer, To: "+443"}, ""},
		{Ways{true, true}, `{"destination":"+442071234567"}`, pipeline.Command{Kind: pipeline.Bridge, To: "+442071234567", Join: d.Join}, ""},
		{Ways{Blind: true}, `{"destination":"desk"}`, pipeline.Command{Kind: pipeline.Transfer, To: "+441"}, ""},
		{Ways{Blind: true}, `{"destination":"boss"}`, pipeline.Command{}, "no destination"},
		{Ways{Join: true}, `{"destination":"post"}`, pipeline.Command{}, "no destination"},
	} {
		_, do, err := offered(c.ways)["transfer"].Run(t.Context(), json.RawMessage(c.args))
		switch {
		case c.no != "":
			if err == nil || !strings.Contains(err.Error(), c.no) {
				t.Errorf("%+v %s: %v, want %q", c.ways, c.args, err, c.no)
			}
		case err != nil:
			t.Errorf("%+v %s: %v", c.ways, c.args, err)
		default:
			if diff := cmp.Diff(c.want, *do); diff != "" {
				t.Errorf("%+v %s, -want +got:\n%s", c.ways, c.args, diff)
			}
		}
	}
	if got := offered(Ways{}); len(got) > 0 {
		t.Error("transfer is offered where it cannot be done")
	}
}
