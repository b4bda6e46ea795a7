package providertest

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" // #nosec G505 -- Twilio's choice
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// TwilioMessages is a stand-in for Twilio's API of messages on WhatsApp, over real sockets. It knows one number of one account. Its fields must
// not change while it runs.
//
//	POST /2010-04-01/Accounts/{AC}/Messages.json ──▶ checked: who asks, parameters, lengths, window of 24 hours, rate ──▶ kept, or refused by Twilio's codes
//	GET /v2/Channels/Senders, /2010-04-01/.../Media/{ME} ──▶ the number, files
//	Says(...), Tells(...) ──▶ forms of webhooks, which Deliver signs and sends, in any order, as often as is wanted
type TwilioMessages struct {
	SID, Token string // wanted as user and password; empty SID: FakeTwilio
	From       string // E.164; empty: "+" and FakeDisplay
	Second     int    // messages a second; 0: 80
	NoWindow   bool   // anything may be said to anybody
	Now        func() time.Time

	channel
	base   string
	sent   []TwilioMessage
	files  map[string]twilioFile
	times  window
	gone   map[string]bool
	serial int
}

// FakeTwilio is the account that a stand-in has.
const FakeTwilio = "AC0123456789abcdef0123456789abcdef"

// A TwilioMessage is one that the stand-in has taken.
type TwilioMessage struct {
	SID  string
	Form url.Values
}

type twilioFile struct {
	kind    string
	content []byte
}

// StartTwilioMessages runs f on a loopback port until the test ends, and returns its base URL.
func StartTwilioMessages(t testing.TB, f *TwilioMessages) (baseURL string) {
	t.Helper()
	baseURL = startChannel(t, f.Run)
	f.lock()
	defer f.mu.Unlock()
	f.base = baseURL
	return baseURL
}

// Run serves on ln until ctx ends, then closes every connection and waits for their goroutines.
func (f *TwilioMessages) Run(ctx context.Context, ln net.Listener) error {
	f.lock()
	f.base = "http://" + ln.Addr().String()
	f.mu.Unlock()
	mux := http.NewServeMux()
	for pattern, obey := range map[string]func(*http.Request) answer{
		"POST /2010-04-01/Accounts/{account}/Messages.json":                         f.admitted(f.message),
		"GET /2010-04-01/Accounts/{account}/Messages/{message}/Media/{media}":       f.admitted(f.media),
		"GET /2010-04-01/Accounts/{account}/Messages/{message}/Media/{media}/moved": f.admitted(f.moved),
		"GET /2010-04-01/Accounts/{file}":                                           f.admitted(f.standing),
		"GET /v2/Channels/Senders":                                                  f.admitted(f.senders),
	} {
		mux.HandleFunc(pattern, f.serve(ctx, func(code int) answer { return twilioError(code, "") }, obey))
	}
	return f.run(ctx, ln, mux)
}

// lock locks what is kept, which may be before it runs.
func (f *TwilioMessages) lock() {
	f.mu.Lock()
	if f.files == nil {
		f.files, f.gone = make(map[string]twilioFile), make(map[string]bool)
		f.times = window{last: make(map[string]time.Time), pairs: make(map[string][]time.Time)}
	}
}

func (f *TwilioMessages) account() string {
	if f.SID != "" {
		return f.SID
	}
	return FakeTwilio
}

func (f *TwilioMessages) from() string {
	if f.From != "" {
		return f.From
	}
	return "+" + FakeDisplay
}

func (f *TwilioMessages) now() time.Time {
	if f.Now != nil {
		return f.Now()
	}
	return time.Now()
}

// sid names what is new. mu is held.
func (f *TwilioMessages) sid(prefix string) string {
	f.serial++
	return fmt.Sprintf("%s%032x", prefix, f.serial)
}

// Sent are the messages that it has taken.
func (f *TwilioMessages) Sent() []TwilioMessage {
	f.lock()
	defer f.mu.Unlock()
	return slices.Clone(f.sent)
}

// Wrote says that a person, by what follows whatsapp:, has written at a time.
func (f *TwilioMessages) Wrote(who string, at time.Time) {
	f.lock()
	defer f.mu.Unlock()
	f.times.last[who] = at
}

// OptOut says that a person does not want to hear of us any more.
func (f *TwilioMessages) OptOut(who string) {
	f.lock()
	defer f.mu.Unlock()
	f.gone[who] = true
}

// Put keeps a file that a person has sent, and returns its URL, once it runs.
func (f *TwilioMessages) Put(kind string, content []byte) string {
	f.lock()
	defer f.mu.Unlock()
	id := f.sid("ME")
	f.files[id] = twilioFile{kind, content}
	return f.base + "/2010-04-01/Accounts/" + f.account() + "/Messages/" + f.sid("MM") + "/Media/" + id
}

// twilioTexts are Twilio's words for codes, and the status that goes with them.
var twilioTexts = map[int]struct {
	status int
	text   string
}{
	20003: {401, "Authenticate"}, 20404: {404, "The requested resource was not found"}, 20429: {429, "Too Many Requests"}, 21211: {400, "Invalid 'To' Phone Number"},
	21212: {400, "Invalid From Number (caller ID)"}, 21602: {400, "Message body is required."}, 21603: {400, "A 'From' phone number is required."},
	21604: {400, "A 'To' phone number is required."}, 21610: {400, "Attempt to send to unsubscribed recipient"}, 21617: {400, "The concatenated message body exceeds the 1600 character limit."},
	21620: {400, "Invalid media URL(s)"}, 21655: {400, "The ContentSid is Invalid"}, 21656: {400, "The ContentVariables Parameter is invalid"},
	63007: {400, "Twilio could not find a Channel with the specified From address"},
	63016: {400, "Failed to send freeform message because you are outside the allowed window."},
}

// twilioError is a refusal.
func twilioError(code int, more string) answer {
	told := twilioTexts[code]
	if told.status == 0 {
		told.status = http.StatusBadRequest
	}
	return answer{status: told.status, body: map[string]any{
		"code": code, "message": told.text + more, "more_info": "https://www.twilio.com/docs/errors/" + strconv.Itoa(code), "status": told.status,
	}}
}

// admitted checks who asks.
func (f *TwilioMessages) admitted(obey func(*http.Request) answer) func(*http.Request) answer {
	return func(r *http.Request) answer {
		user, password, ok := r.BasicAuth()
		if !ok || user != f.account() || f.Token != "" && password != f.Token {
			return twilioError(20003, "")
		}
		if account := r.PathValue("account"); account != "" && account != f.account() {
			return twilioError(20404, "")
		}
		return obey(r)
	}
}

// twilioParameters are those that a message may have.
var twilioParameters = []string{
	"To", "From", "MessagingServiceSid", "Body", "MediaUrl", "ContentSid", "ContentVariables", "PersistentAction", "StatusCallback", "ValidityPeriod", "SendAt",
	"ScheduleType",
}

var (
	contentSID = regexp.MustCompile(`^HX[0-9a-fA-F]{32}$`)
	serviceSID = regexp.MustCompile(`^MG[0-9a-fA-F]{32}$`)
	geoAction  = regexp.MustCompile(`^geo:-?[0-9.]+,-?[0-9.]+(\|.{1,1000})?$`)
	someone    = regexp.MustCompile(`^whatsapp:(\+[0-9]{4,15}|ID\.[0-9]+)$`)
)

// message takes a message.
func (f *TwilioMessages) message(r *http.Request) answer {
	r.Body = io.NopCloser(io.LimitReader(r.Body, 1<<20))
	if err := r.ParseForm(); err != nil || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		return twilioError(21602, " (want a form)")
	}
	form := r.PostForm
	for name := range form {
		if !slices.Contains(twilioParameters, name) {
			return twilioError(21602, " (unknown parameter "+name+")")
		}
	}
	if code := f.wrong(form); code != 0 {
		return twilioError(code, "")
	}
	f.lock()
	defer f.mu.Unlock()
	now, to := f.now(), strings.TrimPrefix(form.Get("To"), "whatsapp:")
	limit := f.Second
	if limit == 0 {
		limit = 80
	}
	f.times.all = since(f.times.all, now.Add(-time.Second))
	switch {
	case len(f.times.all) >= limit:
		return twilioError(20429, "")
	case f.gone[to]:
		return twilioError(21610, "")
	case form.Get("ContentSid") == "" && !f.NoWindow && !f.times.open(to, now):
		return twilioError(63016, "")
	}
	f.times.all = append(f.times.all, now)
	sent := TwilioMessage{f.sid("MM"), form}
	f.sent = append(f.sent, sent)
	return answer{status: http.StatusCreated, body: map[string]any{
		"sid": sent.SID, "status": "queued", "to": form.Get("To"), "from": form.Get("From"), "body": form.Get("Body"), "error_code": nil, "error_message": nil,
		"num_media": strconv.Itoa(len(form["MediaUrl"])), "account_sid": f.account(), "api_version": "2010-04-01", "direction": "outbound-api",
	}}
}

// wrong is the code of what is wrong with a message's form; 0: nothing.
func (f *TwilioMessages) wrong(form url.Values) int {
	variables := map[string]string{}
	switch {
	case form.Get("To") == "":
		return 21604
	case !someone.MatchString(form.Get("To")):
		return 21211
	case form.Get("From") == "" && form.Get("MessagingServiceSid") == "":
		return 21603
	case form.Get("From") != "" && form.Get("From") != "whatsapp:"+f.from(), form.Has("MessagingServiceSid") && !serviceSID.MatchString(form.Get("MessagingServiceSid")):
		return 63007
	case form.Get("Body")+form.Get("MediaUrl")+form.Get("ContentSid") == "":
		return 21602
	case utf8.RuneCountInString(form.Get("Body")) > 1600:
		return 21617
	case form.Has("ContentSid") && !contentSID.MatchString(form.Get("ContentSid")):
		return 21655
	case form.Has("ContentVariables") && json.Unmarshal([]byte(form.Get("ContentVariables")), &variables) != nil:
		return 21656
	case form.Has("PersistentAction") && !geoAction.MatchString(form.Get("PersistentAction")):
		return 21602
	}
	for _, at := range form["MediaUrl"] {
		if u, err := url.Parse(at); err != nil || u.Host == "" || !strings.HasPrefix(u.Scheme, "http") {
			return 21620
		}
	}
	return 0
}

// media hands out a file.
func (f *TwilioMessages) media(r *http.Request) answer {
	f.lock()
	defer f.mu.Unlock()
	file, ok := f.files[r.PathValue("media")]
	if !ok {
		return twilioError(20404, "")
	}
	return answer{header: http.Header{"Content-Type": {file.kind}}, body: file.content}
}

// moved sends who asks for a file to where another server has it.
func (f *TwilioMessages) moved(r *http.Request) answer {
	return answer{status: http.StatusTemporaryRedirect, header: http.Header{"Location": {r.URL.Query().Get("to")}}, body: []byte{}}
}

// standing tells how the account stands.
func (f *TwilioMessages) standing(r *http.Request) answer {
	if r.PathValue("file") != f.account()+".json" {
		return twilioError(20404, "")
	}
	return answer{body: map[string]any{"sid": f.account(), "status": "active", "friendly_name": "Desk"}}
}

// senders tells of the number, on the second of two pages.
func (f *TwilioMessages) senders(r *http.Request) answer {
	sender := func(number, hook string) map[string]any {
		return map[string]any{"sid": "XE" + strings.Repeat("0", 32), "sender_id": "whatsapp:" + number, "status": "ONLINE", "webhook": map[string]any{
			"callback_url": hook, "callback_method": "POST", "status_callback_url": hook + "/status",
		}}
	}
	if r.URL.Query().Get("Channel") != "whatsapp" {
		return twilioError(20404, "")
	}
	if r.URL.Query().Get("Page") == "" {
		return answer{body: map[string]any{"senders": []any{sender("+15550000000", "https://other.example/x")}, "meta": map[string]any{
			"next_page_url": f.base + "/v2/Channels/Senders?Channel=whatsapp&Page=1",
		}}}
	}
	return answer{body: map[string]any{"senders": []any{sender(f.from(), "https://gw.example.net/whatsapp/twilio")}, "meta": map[string]any{"next_page_url": nil}}}
}

// Says is the form of a message that has come in. More are fields besides those that each has. The window opens with it.
func (f *TwilioMessages) Says(who WhatsAppPerson, sid, text string, more url.Values) url.Values {
	address := "whatsapp:+" + who.Number
	if who.Number == "" {
		address = "whatsapp:" + who.User
	}
	f.Wrote(strings.TrimPrefix(address, "whatsapp:"), f.now())
	form := url.Values{
		"SmsMessageSid": {sid}, "MessageSid": {sid}, "SmsSid": {sid}, "NumMedia": {"0"}, "NumSegments": {"1"}, "ReferralNumMedia": {"0"},
		"MessageType": {"text"}, "SmsStatus": {"received"}, "Body": {text}, "Forwarded": {"false"}, "FrequentlyForwarded": {"false"},
		"To": {"whatsapp:" + f.from()}, "From": {address}, "AccountSid": {f.account()}, "ApiVersion": {"2010-04-01"}, "ProfileName": {who.Name},
		"ChannelMetadata": {`{"type":"whatsapp","data":{}}`},
	}
	if who.Number != "" {
		form.Set("WaId", who.Number)
	}
	if who.User != "" {
		form.Set("ExternalUserId", "whatsapp:"+who.User)
	}
	for name, values := range more {
		form[name] = values
	}
	return form
}

// Tells is the form of a status callback; code is why the message has failed, 0 if it has not.
func (f *TwilioMessages) Tells(sid, status, to string, code int) url.Values {
	form := url.Values{
		"MessageSid": {sid}, "SmsSid": {sid}, "MessageStatus": {status}, "SmsStatus": {status}, "To": {"whatsapp:" + to}, "From": {"whatsapp:" + f.from()},
		"AccountSid": {f.account()}, "ApiVersion": {"2010-04-01"}, "ChannelToAddress": {to},
	}
	if code != 0 {
		form.Set("ErrorCode", strconv.Itoa(code))
		form.Set("ErrorMessage", twilioTexts[code].text)
	}
	return form
}

// Sign is the X-Twilio-Signature of a form that is posted to a URL.
func (f *TwilioMessages) Sign(target string, form url.Values) string {
	mac := hmac.New(sha1.New, []byte(f.Token))
	mac.Write([]byte(target))
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		values := slices.Clone(form[name])
		slices.Sort(values)
		for _, v := range slices.Compact(values) {
			mac.Write([]byte(name + v))
		}
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Post sends a webhook once, and returns the status of the answer.
func (f *TwilioMessages) Post(ctx context.Context, target string, form url.Values) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, fmt.Errorf("make webhook: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	r.Header.Set("X-Twilio-Signature", f.Sign(target, form))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, fmt.Errorf("send webhook: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode, nil
}

// Deliver sends each webhook so many times, all of them shuffled, four at once, and each until 200 is said or the context ends.
func (f *TwilioMessages) Deliver(ctx context.Context, target func() string, forms []url.Values, times int, order *rand.Rand) error {
	return deliver(ctx, forms, times, order, func(form url.Values) (int, error) { return f.Post(ctx, target(), form) })
}
