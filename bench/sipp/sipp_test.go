package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestScenarios: there are enough of them in both roles, each is XML and waits for something, and no two look alike.
func TestScenarios(t *testing.T) {
	t.Parallel()
	all, err := scenarios()
	if err != nil {
		t.Fatal(err)
	}
	roles, titles := map[string]int{}, map[string]string{}
	for _, s := range all {
		roles[s.role]++
		if other := titles[s.title]; other != "" {
			t.Errorf("%s and %s have one title", s.name, other)
		}
		titles[s.title] = s.name
		if _, ok := settingsOf[s.server]; !ok {
			t.Errorf("%s: there is no server %q", s.name, s.server)
		}
		d := xml.NewDecoder(bytes.NewReader(s.xml))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Errorf("%s: %v in\n%s", s.name, err, s.xml)
				break
			}
		}
	}
	if len(all) < 60 || roles[callee] < 30 || roles[caller] < 30 {
		t.Errorf("there are %v scenarios: want 60, and 30 of each role", roles)
	}
}

// TestWords: what scenarios may not say is refused, and names what is wrong.
func TestWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ role, text, want string }{
		"no title":       {callee, `{{hear 200}}`, "no title"},
		"waits for none": {callee, `{{title "x"}}{{ask "BYE" 1}}`, "waits for nothing"},
		"no outcome":     {caller, `{{title "x"}}{{take "INVITE"}}`, "no outcome"},
		"option":         {callee, `{{title "x"}}{{ask "BYE" 1 "often"}}{{hear 200}}`, `"often"`},
		"order":          {caller, `{{title "x"}}{{outcome "busy" 486}}{{order "rings=2s"}}{{take "INVITE"}}`, `"rings=2s"`},
		"check":          {callee, `{{title "x"}}{{hear 200 "Contact"}}`, `"Contact"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := (&scenario{name: name, role: c.role}).render(c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestMessages: a header takes the place of the usual one, and a body says how long it is.
func TestMessages(t *testing.T) {
	t.Parallel()
	s := &scenario{name: "x", role: callee}
	if err := s.render(`{{title "x"}}{{ask "INVITE" 7 sdp "Max-Forwards: 0" "branch=b"}}{{hear 200 "$tag To: tag=(.*)" "!Body: <x>"}}`); err != nil {
		t.Fatal(err)
	}
	for want, times := range map[string]int{
		"Max-Forwards: 0": 1, "Max-Forwards: 70": 0, "Content-Length: [len]": 1, "CSeq: 7 INVITE": 1, "branch=z9hG4bK[pid]x[call_number]xb": 1, "Content-Type: application/sdp": 1,
		`assign_to="c0,tag"`: 1, `check_it_inverse="true"`: 1, "&lt;x&gt;": 1, "m=audio [media_port] RTP/AVP 0 101": 1,
	} {
		if got := strings.Count(string(s.xml), want); got != times {
			t.Errorf("%q is there %d times, want %d, in\n%s", want, got, times, s.xml)
		}
	}
}

// TestFlags: a wrong one is told, and so is a pattern that no scenario has.
func TestFlags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-j", "0"}, {"-run", "("}, {"-often"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%v is taken", args)
		}
	}
	all, err := scenarios()
	if err != nil {
		t.Fatal(err)
	}
	s, err := parse([]string{"-run", "caller/digest/tcp$"})
	if err != nil {
		t.Fatal(err)
	}
	if got := plan(all, s.only); len(got) != 1 || got[0].String() != "caller/digest/tcp" {
		t.Errorf("planned are %v", got)
	}
	if got := plan(all, s.only)[:0]; table(io.Discard, got) != 0 {
		t.Error("nothing fails")
	}
}
