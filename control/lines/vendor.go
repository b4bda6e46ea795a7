package lines

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// The vendors whose credentials this server itself works with; the others are kept for those parts of it that ask for them by name.
const (
	Twilio     = "twilio"
	OpenAI     = "openai"
	Deepgram   = "deepgram"
	ElevenLabs = "elevenlabs"
	Anthropic  = "anthropic"
	Gemini     = "gemini"

	WhatsApp    = "whatsapp"     // Meta: an access token
	WhatsAppApp = "whatsapp_app" // Meta: an app's secret, which signs webhooks

	Custom = "custom" // whoever names it: agents' tools
)

// A vendor is how one knows that a secret works: by a GET that changes nothing and costs nothing.
type vendor struct {
	name    string
	base    string // of its API; empty: it has none that we know
	path    string // that is asked; {account} stands for the credential's
	sign    func(h http.Header, account, secret string)
	account *regexp.Regexp // of an account; nil: there is none
	hint    string         // how an account looks
	refusal []int          // statuses that mean no, besides 401 and 403
}

func bearer(h http.Header, _, secret string) { h.Set("Authorization", "Bearer "+secret) }

// header signs by a header of its own.
func header(name string) func(http.Header, string, string) {
	return func(h http.Header, _, secret string) { h.Set(name, secret) }
}

// vendors is the table of all. Sources: twilio.com/docs/iam/api/account, platform.openai.com/docs/api-reference/models/list,
// developers.deepgram.com/reference/management-api/projects/list, elevenlabs.io/docs/api-reference/user/get,
// docs.anthropic.com/en/api/models-list, ai.google.dev/api/models, console.groq.com/docs/models, docs.mistral.ai/api,
// developers.facebook.com/docs/graph-api, developers.facebook.com/docs/facebook-login/guides/access-tokens#apptokens.
var vendors = []vendor{
	{
		name: Twilio, base: "https://api.twilio.com", path: "/2010-04-01/Accounts/{account}.json",
		sign: func(h http.Header, account, secret string) {
			r := http.Request{Header: h}
			r.SetBasicAuth(account, secret)
		},
		account: regexp.MustCompile(`^AC[0-9a-zA-Z]{32}$`), hint: "AC and 32 hex digits", refusal: []int{http.StatusNotFound},
	},
	{name: OpenAI, base: "https://api.openai.com/v1", path: "/models", sign: bearer},
	{name: Deepgram, base: "https://api.deepgram.com", path: "/v1/projects", sign: func(h http.Header, _, secret string) { h.Set("Authorization", "Token "+secret) }},
	{name: ElevenLabs, base: "https://api.elevenlabs.io", path: "/v1/user", sign: header("xi-api-key")},
	{
		name: Anthropic, base: "https://api.anthropic.com", path: "/v1/models",
		sign: func(h http.Header, _, secret string) {
			h.Set("x-api-key", secret)
			h.Set("anthropic-version", "2023-06-01")
		},
	},
	{
		name: Gemini, base: "https://generativelanguage.googleapis.com", path: "/v1beta/models", sign: header("x-goog-api-key"),
		refusal: []int{http.StatusBadRequest}, // API_KEY_INVALID
	},
	{name: "groq", base: "https://api.groq.com/openai/v1", path: "/models", sign: bearer},
	{name: "mistral", base: "https://api.mistral.ai/v1", path: "/models", sign: bearer},
	{name: WhatsApp, base: "https://graph.facebook.com/v23.0", path: "/me", sign: bearer, refusal: []int{http.StatusBadRequest}},
	{
		name: WhatsAppApp, base: "https://graph.facebook.com/v23.0", path: "/{account}",
		sign:    func(h http.Header, account, secret string) { h.Set("Authorization", "Bearer "+account+"|"+secret) },
		account: regexp.MustCompile(`^\d{5,30}$`), hint: "the app's id, which is digits", refusal: []int{http.StatusBadRequest},
	},
	{name: Custom, account: regexp.MustCompile(`^[^\x00-\x1f\x7f]{0,200}$`), hint: "no control characters"},
}

// Vendors are the names of all vendors.
func Vendors() (names []string) {
	for _, v := range vendors {
		names = append(names, v.name)
	}
	return names
}

func vendorOf(name string) (vendor, bool) {
	i := slices.IndexFunc(vendors, func(v vendor) bool { return v.name == name })
	if i < 0 {
		return vendor{}, false
	}
	return vendors[i], true
}

// target is the URL that says whether an account's secret works, at a server.
func (v vendor) target(base, account string) string {
	base = strings.TrimRight(base, "/")
	for socket, plain := range map[string]string{"wss://": "https://", "ws://": "http://"} {
		if rest, ok := strings.CutPrefix(base, socket); ok {
			base = plain + rest
		}
	}
	if v.name == OpenAI && !versioned.MatchString(base) { // as providers/openai has it
		base += "/v1"
	}
	return base + strings.ReplaceAll(v.path, "{account}", account)
}

var versioned = regexp.MustCompile(`/v\d+[a-z0-9]*(/|$)`)
