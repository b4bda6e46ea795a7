package providertest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// A WhatsApp is a stand-in for Meta's Graph API as far as WhatsApp goes, over real sockets. It knows one number of one account. Its fields must not
// change while it runs.
//
//	POST /v23.0/{number}/messages, media, calls ──▶ checked: token, members, lengths, window of 24 hours, rates ──▶ kept, or refused by Meta's codes
//	GET /v23.0/{number}, /{account}/subscribed_apps, /debug_token, /{media} ──▶ how all stands
//	Hook(...) ──▶ the bodies of webhooks, which Deliver signs and sends, in any order, as often as is wanted
type WhatsApp struct {
	Token   string // wanted as bearer token; empty: any
	Secret  string // of the app: signs webhooks
	Number  string // phone_number_id; empty: FakeNumber
	Display string // its digits; empty: FakeDisplay
	Account string // empty: FakeAccount
	Limits  WhatsAppLimits
	Now     func() time.Time  // nil: time.Now
	OnAct   func(WhatsAppAct) // told of all that is done with calls, by any goroutine; it must not block. nil: nobody is

	channel
	base   string // set when it runs
	sent   []WhatsAppMessage
	reads  []WhatsAppRead
	calls  map[string]*WhatsAppCall
	acts   []WhatsAppAct
	files  map[string]*WhatsAppFile
	times  window
	gone   map[string]bool // people who do not want to hear of us
	may    map[string]bool // whom we may call
	asked  map[string]int  // how often we have asked whether we may
	deaf   bool            // no app is subscribed
	serial int
}

// WhatsAppLimits are the rates that the stand-in allows. Zeros mean the value given here.
type WhatsAppLimits struct {
	Second    int           // messages a second: 80
	Pair      int           // messages to one person within PairTime: 45
	PairTime  time.Duration // 6 s
	URL       time.Duration // for which a file's URL is good: 5 minutes
	NoWindow  bool          // anything may be said to anybody
	NoConsent bool          // anybody may be called
}

// The number that a stand-in has.
const (
	FakeNumber  = "106540352242922"
	FakeDisplay = "15550783881"
	FakeAccount = "102290129340398"
)

// A WhatsAppMessage is one that the stand-in has taken.
type WhatsAppMessage struct {
	ID   string
	To   string // number or user id
	Type string
	Body map[string]any // as it was sent
}

// Text is the body of a text; "": it is none.
func (m WhatsAppMessage) Text() string {
	text, _ := m.Body["text"].(map[string]any)
	body, _ := text["body"].(string)
	return body
}

// A WhatsAppRead is a read mark.
type WhatsAppRead struct {
	Message string
	Typing  bool
}

// A WhatsAppFile is one that is kept.
type WhatsAppFile struct {
	ID, Type string
	Content  []byte
	Uploaded bool // by us

	token   string // of its URL
	expires time.Time
}

// StartWhatsApp runs f on a loopback port until the test ends, and returns the base URL of the API.
func StartWhatsApp(t testing.TB, f *WhatsApp) (baseURL string) {
	t.Helper()
	return startChannel(t, f.Run) + "/v23.0"
}

// Run serves on ln until ctx ends, then closes every connection and waits for their goroutines.
func (f *WhatsApp) Run(ctx context.Context, ln net.Listener) error {
	f.lock()
	f.base = "http://" + ln.Addr().String()
	f.mu.Unlock()
	mux := http.NewServeMux()
	for pattern, obey := range map[string]func(*http.Request) answer{
		"POST /v23.0/{number}/messages":                  f.message,
		"POST /v23.0/{number}/media":                     f.upload,
		"POST /v23.0/{number}/calls":                     f.onCall,
		"GET /v23.0/{number}/call_permissions":           f.permissions,
		"GET /v23.0/{number}/settings":                   f.settings,
		"GET /v23.0/{account}/subscribed_apps":           f.subscribed,
		"POST /v23.0/{account}/subscribed_apps":          f.subscribe,
		"GET /v23.0/debug_token":                         f.ticket,
		"GET /v23.0/{id}":                                f.object,
		"DELETE /v23.0/{id}":                             f.forget,
		"GET /whatsapp_business/attachments/{$}":         f.download,
		"GET /whatsapp_business/attachments/moved/{mid}": f.moved,
	} {
		mux.HandleFunc(pattern, f.serve(ctx, func(code int) answer { return graphError(0, code, "") }, f.admitted(obey)))
	}
	return f.run(ctx, ln, mux)
}

// lock locks what is kept, which may be before it runs.
func (f *WhatsApp) lock() {
	f.mu.Lock()
	if f.calls == nil {
		f.calls, f.files = make(map[string]*WhatsAppCall), make(map[string]*WhatsAppFile)
		f.gone, f.may, f.asked = make(map[string]bool), make(map[string]bool), make(map[string]int)
		f.times = window{last: make(map[string]time.Time), pairs: make(map[string][]time.Time)}
	}
}

func (f *WhatsApp) number() string  { return cmp.Or(f.Number, FakeNumber) }
func (f *WhatsApp) account() string { return cmp.Or(f.Account, FakeAccount) }
func (f *WhatsApp) now() time.Time {
	if f.Now != nil {
		return f.Now()
	}
	return time.Now()
}

// Sent are the messages that it has taken.
func (f *WhatsApp) Sent() []WhatsAppMessage {
	f.lock()
	defer f.mu.Unlock()
	return slices.Clone(f.sent)
}

// Reads are the read marks that it has taken.
func (f *WhatsApp) Reads() []WhatsAppRead {
	f.lock()
	defer f.mu.Unlock()
	return slices.Clone(f.reads)
}

// Wrote says that a person, by number without a plus sign or user id, has written at a time.
func (f *WhatsApp) Wrote(who string, at time.Time) {
	f.lock()
	defer f.mu.Unlock()
	f.times.last[who] = at
}

// OptOut says that a person does not want to hear of us any more.
func (f *WhatsApp) OptOut(who string) {
	f.lock()
	defer f.mu.Unlock()
	f.gone[who] = true
}

// Unsubscribe takes the app's subscription away.
func (f *WhatsApp) Unsubscribe() {
	f.lock()
	defer f.mu.Unlock()
	f.deaf = true
}

// graphTexts are Meta's words for codes, and the status that goes with them.
var graphTexts = map[int]struct {
	status int
	title  string
}{
	4: {400, "Application request limit reached"}, 100: {400, "Invalid parameter"}, 190: {401, "Invalid OAuth access token."},
	200: {403, "Permissions error"}, 368: {403, "Temporarily blocked for policies violations"}, 80007: {400, "Rate limit issues"},
	130429: {429, "Rate limit hit"}, 130472: {400, "User's number is part of an experiment"}, 131000: {500, "Something went wrong"},
	131005: {403, "Access denied"}, 131008: {400, "Required parameter is missing"}, 131009: {400, "Parameter value is not valid"},
	131016: {500, "Service unavailable"}, 131021: {400, "Recipient cannot be sender"}, 131026: {400, "Message undeliverable"},
	131030: {400, "Recipient phone number not in allowed list"}, 131031: {403, "Account has been locked"},
	131042: {400, "Business eligibility payment issue"}, 131045: {500, "Incorrect certificate"}, 131047: {400, "Re-engagement message"},
	131048: {400, "Spam rate limit hit"}, 131049: {400, "This message was not delivered to maintain healthy ecosystem engagement."},
	131050: {400, "User has stopped marketing messages"}, 131051: {400, "Unsupported message type"}, 131052: {400, "Media download error"},
	131053: {400, "Media upload error"}, 131055: {400, "Method not allowed"}, 131056: {400, "(Business Account, Consumer Account) pair rate limit hit"},
	131057: {500, "Account in maintenance mode"}, 132000: {400, "Number of parameters does not match the expected number of params"},
	132001: {404, "Template name does not exist in the translation"}, 132015: {400, "Template is paused"}, 133010: {400, "Phone number not registered"},
	138000: {401, "Calling not enabled"}, 138001: {400, "Receiver uncallable"}, 138003: {400, "Duplicate call"}, 138006: {401, "No approved call permission"},
	138009: {400, "Call permission request limit reached"},
	138012: {400, "Business-initiated calls limit reached"},
}

// graphError is a refusal. Status 0 is that of the code.
func graphError(status, code int, details string) answer {
	text := graphTexts[code]
	if status == 0 {
		status = cmp.Or(text.status, http.StatusBadRequest)
	}
	e := map[string]any{"message": fmt.Sprintf("(#%d) %s", code, text.title), "type": "OAuthException", "code": code, "fbtrace_id": "AfakeTrace"}
	if details != "" {
		e["error_data"] = map[string]any{"messaging_product": "whatsapp", "details": details}
	}
	return answer{status: status, body: map[string]any{"error": e}}
}

// noObject is what Graph says of an id that it has not, or that the token may not see.
func noObject(id string) answer {
	return graphError(http.StatusBadRequest, 100, fmt.Sprintf("Unsupported request. Object with ID '%s' does not exist", id))
}

// admitted checks the token.
func (f *WhatsApp) admitted(obey func(*http.Request) answer) func(*http.Request) answer {
	return func(r *http.Request) answer {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || f.Token != "" && given != f.Token {
			return graphError(0, 190, "")
		}
		return obey(r)
	}
}

// subscribed tells who is told of the account's events.
func (f *WhatsApp) subscribed(r *http.Request) answer {
	f.lock()
	defer f.mu.Unlock()
	if id := r.PathValue("account"); id != f.account() {
		return noObject(id)
	}
	all := []any{}
	if !f.deaf {
		all = append(all, map[string]any{"whatsapp_business_api_data": map[string]any{
			"id": "67084223840", "name": "Desk", "link": "https://www.facebook.com/games/?app_id=67084223840",
		}})
	}
	return answer{body: map[string]any{"data": all}}
}

// subscribe has our app told.
func (f *WhatsApp) subscribe(r *http.Request) answer {
	f.lock()
	defer f.mu.Unlock()
	if id := r.PathValue("account"); id != f.account() {
		return noObject(id)
	}
	f.deaf = false
	return success()
}

func success() answer { return answer{body: map[string]any{"success": true}} }

// ticket tells what the token is good for.
func (f *WhatsApp) ticket(r *http.Request) answer {
	if r.URL.Query().Get("input_token") == "" {
		return graphError(0, 100, "input_token is missing")
	}
	valid := f.Token == "" || r.URL.Query().Get("input_token") == f.Token
	return answer{body: map[string]any{"data": map[string]any{
		"app_id": "67084223840", "type": "SYSTEM_USER", "is_valid": valid, "expires_at": 0,
		"scopes": []string{"whatsapp_business_management", "whatsapp_business_messaging"},
	}}}
}

// settings tells whether calls are taken.
func (f *WhatsApp) settings(r *http.Request) answer {
	if id := r.PathValue("number"); id != f.number() {
		return noObject(id)
	}
	return answer{body: map[string]any{"calling": map[string]any{
		"status": "ENABLED", "call_icon_visibility": "DEFAULT", "srtp_key_exchange_protocol": "DTLS", "sip": map[string]any{"status": "DISABLED"},
	}}}
}

// object tells of the number, or of a file.
func (f *WhatsApp) object(r *http.Request) answer {
	id := r.PathValue("id")
	if id != f.number() {
		return f.located(r, id)
	}
	all := map[string]any{
		"id": id, "display_phone_number": "+1 555-078-3881", "verified_name": "Desk", "quality_rating": "GREEN", "code_verification_status": "VERIFIED",
		"status": "CONNECTED", "platform_type": "CLOUD_API", "webhook_configuration": map[string]any{"application": "https://gw.example.net/whatsapp/meta"},
	}
	if wanted := r.URL.Query().Get("fields"); wanted != "" {
		fields := strings.Split(wanted, ",")
		maps.DeleteFunc(all, func(k string, _ any) bool { return k != "id" && !slices.Contains(fields, k) })
	}
	return answer{body: all}
}

// id names what is new.
func (f *WhatsApp) id(prefix string) string {
	f.serial++
	return fmt.Sprintf("%s%016d", prefix, f.serial)
}

// decode reads JSON whose members must all be known, as Meta says which one is not.
func decode(text []byte, into any) error {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	return d.Decode(into)
}
