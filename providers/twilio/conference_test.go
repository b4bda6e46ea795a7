package twilio_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"parley/media"
	"parley/pipeline"
	"parley/providers/twilio"
)

// A reply is what is answered to one request.
type reply struct {
	status int
	body   string
}

// Replies of Twilio's.
var (
	taken   = reply{200, `{"sid":"CA7","status":"in-progress"}`}
	over    = reply{200, `{"sid":"CA7","status":"completed"}`}
	tooMany = reply{429, `{"code":20429,"message":"Too Many Requests","status":429}`}
	refuses = reply{400, `{"code":21218,"message":"Invalid Twiml","status":400}`}
	notLive = reply{400, `{"code":21220,"message":"Call is not in-progress","status":400}`}
	broken  = reply{502, `<html>`}
	noRoom  = reply{200, `{"conferences":[]}`}
	waits   = reply{200, `{"conferences":[{"status":"init"}]}`}
	talks   = reply{200, `{"conferences":[{"status":"in-progress"}]}`}
)

// isSeat is the whole document that a call is given.
var isSeat = regexp.MustCompile(`^<Response><Dial><Conference startConferenceOnEnter="(true|false)" endConferenceOnExit="true" beep="false" maxParticipants="2" waitUrl="">(parley-[A-Z2-7]{26})</Conference></Dial></Response>$`)

// answering is a carrier without sockets, so that waits for it take no time.
type answering http.HandlerFunc

func (f answering) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	f(w, r)
	return w.Result(), nil
}

// TestConfer: the other one waits in a room of its own before the caller is touched; whoever would be alone there is hung up on; nothing is asked for twice
// that may have been done.
func TestConfer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		replies []reply
		asked   string // other waits, caller enters, list, look, drop a call
		refused bool
		gone    bool
	}{
		"both come":                               {[]reply{taken, taken, taken}, "waits B, enters A, look B", false, false},
		"they have hung up before":                {[]reply{notLive}, "waits B", true, true},
		"they are refused":                        {[]reply{refuses}, "waits B", true, false},
		"they are refused, being too many":        {[]reply{tooMany, tooMany, tooMany, tooMany}, "waits B, waits B, waits B, waits B", true, false},
		"they come the second time":               {[]reply{tooMany, taken, taken, taken}, "waits B, waits B, enters A, look B", false, false},
		"they come, and the answer is lost":       {[]reply{broken, noRoom, waits, taken, taken}, "waits B, list, list, enters A, look B", false, false},
		"nobody knows whether they come":          {[]reply{broken, noRoom, broken, noRoom, noRoom, noRoom, taken}, "waits B, list, list, list, list, list, drop B", true, true},
		"the caller is refused":                   {[]reply{taken, refuses, taken}, "waits B, enters A, drop B", true, true},
		"the caller is refused for long":          {[]reply{taken, tooMany, tooMany, tooMany, tooMany, over}, "waits B, enters A, enters A, enters A, enters A, drop B", true, true},
		"the caller has hung up":                  {[]reply{taken, notLive, taken}, "waits B, enters A, drop B", true, true},
		"the caller comes, and the answer's lost": {[]reply{taken, broken, waits, talks, taken}, "waits B, enters A, list, list, look B", false, false},
		"the caller does not come":                {[]reply{taken, broken, waits, waits, waits, waits, waits, taken}, "waits B, enters A, list, list, list, list, list, drop B", true, true},
		"they cannot be hung up on":               {[]reply{taken, refuses, broken}, "waits B, enters A, drop B", true, true},
		"they have left before the caller came":   {[]reply{taken, taken, over, taken}, "waits B, enters A, look B, drop A", true, true},
		"it is not known whether they have left":  {[]reply{taken, taken, broken}, "waits B, enters A, look B", false, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			var asked, rooms []string
			carrier := answering(func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				call := strings.TrimSuffix(r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:], ".json")
				seat := isSeat.FindStringSubmatch(r.PostForm.Get("Twiml"))
				switch {
				case seat != nil && len(r.PostForm) == 1:
					rooms = append(rooms, seat[2])
					asked = append(asked, map[string]string{"true": "enters ", "false": "waits "}[seat[1]]+call)
				case r.Method == http.MethodPost && r.PostForm.Encode() == "Status=completed":
					asked = append(asked, "drop "+call)
				case r.Method == http.MethodGet && call == "Conferences":
					rooms = append(rooms, r.URL.Query().Get("FriendlyName"))
					asked = append(asked, "list")
				case r.Method == http.MethodGet:
					asked = append(asked, "look "+call)
				default:
					t.Errorf("%s: %s %s: %v", name, r.Method, r.URL, r.PostForm)
				}
				if len(asked) > len(c.replies) {
					t.Errorf("%s: asked again", name)
					return
				}
				answer := c.replies[len(asked)-1]
				w.WriteHeader(answer.status)
				_, _ = w.Write([]byte(answer.body))
			})
			a := &twilio.Account{SID: "AC1", Token: "token", Client: &http.Client{Transport: carrier}}
			err := a.Confer(t.Context(), "A", "B")
			if got := strings.Join(asked, ", "); got != c.asked || (err != nil) != c.refused || errors.Is(err, media.ErrOtherGone) != c.gone {
				t.Errorf("%s: asked %s: %v; want %s", name, got, err, c.asked)
			}
			if len(slices.Compact(rooms)) != 1 {
				t.Errorf("%s: the rooms are %v", name, rooms)
			}
		})
	}
}

// TestConferElsewhere: who takes no documents is asked for nothing, and a refusal is told as the carrier has it.
func TestConferElsewhere(t *testing.T) {
	t.Parallel()
	a, form := serve(t, 400, `{"code":21218,"message":"Invalid Twiml"}`)
	var no *pipeline.Refusal
	if err := a.Confer(t.Context(), "A", "B"); !errors.As(err, &no) || no.Code != 21218 {
		t.Errorf("refused: %v", err)
	}
	*form, a.Compatible = nil, true
	if err := a.Confer(t.Context(), "A", "B"); !errors.Is(err, media.ErrNoTransfer) || *form != nil {
		t.Errorf("elsewhere: %v, sent %v", err, *form)
	}
}
