package campaign

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"parley/control/envelope"
	"parley/store"
)

// readAll reads a file to its end, or to where it cannot be read on.
func readAll(file io.Reader, column string) (rows []contact, names []string, err error) {
	r, err := newReader(file, column)
	if err != nil {
		return nil, nil, err
	}
	for {
		c, err := r.next()
		if errors.Is(err, io.EOF) {
			return rows, r.names, nil
		}
		if err != nil {
			return rows, r.names, err
		}
		rows = append(rows, c)
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	row := func(line int, number, context string) contact {
		return contact{line: line, number: number, context: context, bad: map[string]string{}}
	}
	for name, tc := range map[string]struct {
		file, column string
		want         []contact
	}{
		"commas":              {"phone,name\n+442071234567,Zoë\n", "", []contact{row(2, "+442071234567", `{"name":"Zoë"}`)}},
		"semicolons, CRLF":    {"name;phone\r\na,b;+442071234567\r\n", "", []contact{row(2, "+442071234567", `{"name":"a,b"}`)}},
		"tabs, no last break": {"phone\tname\n+442071234567\tx;y", "", []contact{row(2, "+442071234567", `{"name":"x;y"}`)}},
		"byte order mark":     {"\uFEFFphone\n+442071234567\n", "", []contact{row(2, "+442071234567", `{}`)}},
		"quotes and breaks": {"\"phone\",note\n\n+442071234567,\"a\n\"\"b\"\"\"\n+442071234568,<c>\n", "",
			[]contact{row(3, "+442071234567", `{"note":"a\n\"b\""}`), row(5, "+442071234568", `{"note":"<c>"}`)}},
		"to_number goes first": {"phone,to_number\nx,+442071234567\n", "", []contact{row(2, "+442071234567", `{"phone":"x"}`)}},
		"a column by name":     {"to_number,Tel.\nx,+442071234567\n", "Tel.", []contact{row(2, "+442071234567", `{"to_number":"x"}`)}},
		"numbers as people write them": {"phone\n'+44 (20) 7123-4567\n0044.20.7123.4567\n+44\u00a02071234567\n", "",
			[]contact{row(2, "+442071234567", "{}"), row(3, "+442071234567", "{}"), row(4, "+442071234567", "{}")}},
		"no rows": {"phone", "", nil},
	} {
		got, _, err := readAll(strings.NewReader(tc.file), tc.column)
		if d := cmp.Diff(tc.want, got, cmp.AllowUnexported(contact{})); d != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, d)
		}
	}
}

func TestReaderRefuses(t *testing.T) {
	t.Parallel()
	wide := strings.Repeat("a,", maxColumns) + "phone\n"
	for name, tc := range map[string]struct {
		file, field string
		rows        int // before
	}{
		"nothing":                   {"", "file", 0},
		"UTF-16":                    {"\xff\xfep\x00", "file", 0},
		"no number":                 {"name,mobile\n", "header", 0},
		"names":                     {"phone,,first name," + strings.Repeat("x", maxName+1) + ",a,a\n", "header", 0},
		"columns":                   {wide, "header", 0},
		"a quote in the header":     {"phone,\"na\"me\n", "header", 0},
		"a quote that never closes": {"phone,name\n+442071234567,a\n+442071234567,\"b\n+442071234567,c\n", "file", 1},
		"a row without an end":      {"phone,name\n+442071234567,a\n+442071234567,\"" + strings.Repeat("long\n", maxLine/4), "file", 1},
	} {
		rows, _, err := readAll(strings.NewReader(tc.file), "")
		var bad *fileError
		if !errors.As(err, &bad) || bad.field != tc.field || len(rows) != tc.rows {
			t.Errorf("%s: %d rows, %v", name, len(rows), err)
		}
	}
	_, _, err := readAll(strings.NewReader("phone,,first name,a,a\n"), "mobile")
	for _, says := range []string{"column 2", `"first name"`, `two columns are called "a"`, "mobile"} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q is not said: %v", says, err)
		}
	}
	rows, _, err := readAll(strings.NewReader("phone,name\n1,a\n+442071234567\n+442071234567,\xff\n+442071234567,a\"b\n+442071234567,ok\n"), "")
	var fields []string
	for _, r := range rows {
		for f := range r.bad {
			fields = append(fields, fmt.Sprint(r.line, " ", f))
		}
	}
	if want := []string{"2 to_number", "3 row", "4 name", "5 row"}; err != nil || !slices.Equal(fields, want) || len(rows) != 5 {
		t.Errorf("%v: %v, want %v", err, fields, want)
	}
}

// TestReaderStopsAtABrokenLine: an error of the file's is the reader's, and half a row is none.
func TestReaderStopsAtABrokenLine(t *testing.T) {
	t.Parallel()
	cut := errors.New("cut")
	rows, _, err := readAll(io.MultiReader(strings.NewReader("phone,name\n+442071234567,a\n+4420712345"), failing{cut}), "")
	if len(rows) != 1 || !errors.Is(err, cut) {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// FuzzReader: whatever the bytes, what comes out is a contact that can be kept, or a reason; and what csv.Writer wrote is read again.
func FuzzReader(f *testing.F) {
	f.Add("phone,name\n+442071234567,Zoë\n", "")
	f.Add("\uFEFFname;phone\r\n\"a\r\nb\";+44 20 7123 4567\r\n", "phone")
	f.Add("phone\n\"\n\"\"\n", "")
	f.Add("a\tto_number\n=1+1\t0044207123456\n\xff\t1\n", "to_number")
	f.Fuzz(func(t *testing.T, file, column string) {
		rows, names, err := readAll(strings.NewReader(file), column)
		last := 1
		for _, r := range rows {
			if r.line < last {
				t.Fatalf("line %d after line %d", r.line, last)
			}
			last = r.line
			if len(r.bad) > 0 {
				continue
			}
			var context map[string]string
			if !envelope.E164(r.number) || !utf8.ValidString(r.context) || json.Unmarshal([]byte(r.context), &context) != nil || len(context) != len(names)-1 {
				t.Fatalf("row %+v of the columns %q", r, names)
			}
		}
		var bad *fileError
		if err != nil && !errors.As(err, &bad) {
			t.Fatalf("error %v", err)
		}
		value := strings.ToValidUTF8(strings.ReplaceAll(strings.ReplaceAll(file, "\x00", ""), "\r", ""), "")
		if len(value) > 1000 {
			return
		}
		var b strings.Builder
		w := csv.NewWriter(&b)
		_ = w.WriteAll([][]string{{"phone", "value"}, {"+442071234567", value}})
		again, _, err := readAll(strings.NewReader(b.String()), "")
		var context map[string]string
		if err != nil || len(again) != 1 || json.Unmarshal([]byte(again[0].context), &context) != nil || context["value"] != value {
			t.Fatalf("%q came back as %+v (%v)", value, again, err)
		}
	})
}

func TestHarmless(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"": "", "Zoë": "Zoë", "=1+1": "'=1+1", "+442071234567": "+442071234567", "+1+cmd": "'+1+cmd", "-2": "'-2", "@a": "'@a", "\tx": "'\tx",
		"＝1": "'＝1", "a=b": "a=b",
	} {
		if got := harmless(cell); got != want {
			t.Errorf("%q: %q, want %q", cell, got, want)
		}
	}
}

// TestRate: by the calls of the last ten minutes, or since the campaign started, or, if there are many, the last 500.
func TestRate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 5, 6, 0, 0, time.UTC)
	ends := func(n int, every time.Duration) (all []store.CampaignEnd) {
		for i := range n {
			all = append(all, store.CampaignEnd{Ended: now.Add(-time.Duration(i) * every)})
		}
		return all
	}
	for name, tc := range map[string]struct {
		started time.Duration // ago
		status  store.CampaignStatus
		ends    []store.CampaignEnd
		want    float64
	}{
		"none":        {time.Hour, store.CampaignRunning, nil, 0},
		"long":        {time.Hour, store.CampaignRunning, ends(100, 30*time.Second), 2.1}, // 21 within ten minutes
		"just begun":  {time.Minute, store.CampaignRunning, ends(6, 10*time.Second), 6},
		"many":        {time.Hour, store.CampaignRunning, ends(500, 100*time.Millisecond), 601.2},
		"paused":      {time.Hour, store.CampaignPaused, ends(6, 10*time.Second), 0},
		"at a stroke": {0, store.CampaignRunning, ends(2, 0), 120},
	} {
		if got := rate(store.Campaign{Status: tc.status, Started: now.Add(-tc.started)}, tc.ends, now); got != tc.want {
			t.Errorf("%s: %v calls a minute, want %v", name, got, tc.want)
		}
	}
}

func TestContextOf(t *testing.T) {
	t.Parallel()
	got, err := contextOf(store.Task{Context: `{"b":"x","a":12345678901234567,"list":["y",{"z":null}],"none":null}`})
	want := []known{{"b", "x"}, {"a", "12345678901234567"}, {"list", `["y",{"z":null}]`}, {"none", ""}}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(known{})); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
	if got, err := contextOf(store.Task{}); len(got) != 0 || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := contextOf(store.Task{ID: "t", Context: "x"}); err == nil {
		t.Error("what is no JSON is read")
	}
}
