// Package suppliers is the list of the vendors that hear, think and speak, and of those whose accounts are kept besides: what the API tells
// of each, and how one knows that a key of theirs works. What this server does with a vendor is the table of cmd/parley; a test there holds the
// two to each other.
//
//	suppliers ──▶ traits: whom agents may choose     lines: whose credentials are kept, and verified
//	    └───────▶ cmd/parley: the table of those who hear, think and speak, with their settings
//
// Order matters: names are shown in it.
package suppliers

import (
	"net/http"
	"regexp"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// A Supplier is one vendor.
type Supplier struct {
	Name  string   // in settings, in credentials and in metrics
	Other []string // names that other contracts have for it
	Title string   // for people

	Hears, Thinks, Speaks bool
	Converses             bool // a speech-to-speech model, by the account of another

	Probe *Probe // nil: there are no accounts of it
}

// A Probe is how one knows that a secret works: by a GET that changes nothing and costs nothing.
type Probe struct {
	Base    string // of its API, in which {account} stands for the credential's; empty: it has none that we know
	Path    string // that is asked; {account} stands for the credential's
	Sign    func(h http.Header, account, secret string)
	Account *regexp.Regexp // of an account; nil: there is none
	Hint    string         // how an account looks
	Refusal []int          // statuses that mean no, besides 401 and 403
	Apart   bool           // it is not at the server that hears or speaks

	Application *regexp.Regexp // of an account's application; nil: there is none
	PublicKey   *regexp.Regexp // of the key that the vendor signs with; nil: there is none
	Kind        string         // how application and public key look, as Hint
	Places      bool           // it is a carrier, by whose accounts calls are placed
	Somewhere   bool           // each account has a server of its own, which its credential names
}

// basic signs by an account and its secret (RFC 7617).
func basic(h http.Header, account, secret string) {
	r := http.Request{Header: h}
	r.SetBasicAuth(account, secret)
}

func bearer(h http.Header, _, secret string) { h.Set("Authorization", "Bearer "+secret) }

// header signs by a header of its own.
func header(name string) func(http.Header, string, string) {
	return func(h http.Header, _, secret string) { h.Set(name, secret) }
}

var (
	isProject     = regexp.MustCompile(`^[0-9a-zA-Z-]{1,64}$`)
	isApplication = regexp.MustCompile(`^[0-9a-fA-F-]{8,64}$`)
)

// all is the list. Sources of probes: twilio.com/docs/iam/api/account, platform.openai.com/docs/api-reference/models/list,
// developers.deepgram.com/reference/management-api/projects/list, elevenlabs.io/docs/api-reference/user/get,
// docs.anthropic.com/en/api/models-list, developers.telnyx.com/api-reference/billing/get-user-balance-details, plivo.com/docs/account/api/account,
// developer.signalwire.com (Compatibility API, Retrieve an Account), assemblyai.com/docs/api-reference/transcripts/list,
// docs.cartesia.ai/api-reference/voices/list, learn.microsoft.com/azure/ai-services/speech-service/rest-text-to-speech, ai.google.dev/api/models,
// console.groq.com/docs/models, docs.mistral.ai/api, developers.facebook.com/docs/graph-api,
// developers.facebook.com/docs/facebook-login/guides/access-tokens#apptokens.
var all = []Supplier{
	{
		Name: "twilio", Title: "Twilio",
		Probe: &Probe{
			Base: "https://api.twilio.com", Path: "/2010-04-01/Accounts/{account}.json", Sign: basic,
			Account: regexp.MustCompile(`^AC[0-9a-zA-Z]{32}$`), Hint: "AC and 32 hex digits", Refusal: []int{http.StatusNotFound}, Places: true,
		},
	},
	{
		Name: "telnyx", Title: "Telnyx",
		Probe: &Probe{
			Base: "https://api.telnyx.com", Path: "/v2/balance", Sign: bearer,
			Account: regexp.MustCompile(`^[0-9a-zA-Z-]{1,64}$`), Hint: "the account's id, which its webhooks call AccountSid",
			Application: regexp.MustCompile(`^[0-9a-zA-Z-]{1,64}$`), PublicKey: regexp.MustCompile(`^[A-Za-z0-9+/]{43}=$`),
			Kind: "the id of a TeXML application, and the public key as Mission Control shows it: base64 of 32 bytes", Places: true,
		},
	},
	{
		Name: "plivo", Title: "Plivo",
		Probe: &Probe{
			Base: "https://api.plivo.com", Path: "/v1/Account/{account}/", Sign: basic,
			Account: regexp.MustCompile(`^[0-9A-Z]{1,64}$`), Hint: "the auth id, which is capitals and digits", Places: true,
		},
	},
	{
		Name: "signalwire", Title: "SignalWire",
		Probe: &Probe{Path: "/api/laml/2010-04-01/Accounts/{account}.json", Sign: basic, Account: isProject, Hint: "the project's id", Places: true, Somewhere: true},
	},
	{Name: "signalwire_signing", Title: "SignalWire's signatures", Probe: &Probe{Account: isProject, Hint: "the project's id"}},
	{ // asked by tokens that its key signs anew each time: there is no header that would do
		Name: "vonage", Title: "Vonage", Probe: &Probe{Account: isApplication, Hint: "the application's id", Places: true},
	},
	{Name: "vonage_signing", Title: "Vonage's signatures", Probe: &Probe{Account: isApplication, Hint: "the application's id"}},
	{Name: "local", Title: "local", Hears: true, Speaks: true},
	{Name: "openai", Title: "OpenAI", Hears: true, Thinks: true, Speaks: true, Probe: &Probe{Base: "https://api.openai.com/v1", Path: "/models", Sign: bearer}},
	{
		Name: "deepgram", Title: "Deepgram", Hears: true, Speaks: true,
		Probe: &Probe{Base: "https://api.deepgram.com", Path: "/v1/projects", Sign: func(h http.Header, _, secret string) { h.Set("Authorization", "Token "+secret) }},
	},
	{
		Name: "elevenlabs", Other: []string{"11labs"}, Title: "ElevenLabs", Hears: true, Speaks: true,
		Probe: &Probe{Base: "https://api.elevenlabs.io", Path: "/v1/user", Sign: header("xi-api-key")},
	},
	{
		Name: "anthropic", Title: "Anthropic", Thinks: true,
		Probe: &Probe{
			Base: "https://api.anthropic.com", Path: "/v1/models",
			Sign: func(h http.Header, _, secret string) {
				h.Set("x-api-key", secret)
				h.Set("anthropic-version", "2023-06-01")
			},
		},
	},
	{
		Name: "gemini", Title: "Google Gemini", Thinks: true,
		Probe: &Probe{
			Base: "https://generativelanguage.googleapis.com", Path: "/v1beta/models", Sign: header("x-goog-api-key"),
			Refusal: []int{http.StatusBadRequest}, // API_KEY_INVALID
		},
	},
	{
		Name: "cartesia", Title: "Cartesia", Hears: true, Speaks: true,
		Probe: &Probe{
			Base: "https://api.cartesia.ai", Path: "/voices?limit=1",
			Sign: func(h http.Header, _, secret string) {
				h.Set("X-API-Key", secret)
				h.Set("Cartesia-Version", "2026-03-01")
			},
		},
	},
	{Name: "openai-realtime", Title: "OpenAI Realtime", Converses: true},
	{Name: "gemini-live", Title: "Gemini Live", Converses: true},
	{Name: "rime", Title: "Rime", Speaks: true, Probe: &Probe{Base: "https://users.rime.ai"}}, // it has no question that costs nothing
	{
		Name: "azure", Title: "Azure", Speaks: true,
		Probe: &Probe{
			Base: "https://{account}.tts.speech.microsoft.com", Path: "/cognitiveservices/voices/list", Sign: header("Ocp-Apim-Subscription-Key"),
			Account: regexp.MustCompile(`^[a-z0-9]{2,40}$`), Hint: "the resource's region, such as westeurope",
		},
	},
	{
		Name: "assemblyai", Title: "AssemblyAI", Hears: true,
		Probe: &Probe{Base: "https://api.assemblyai.com", Path: "/v2/transcript?limit=1", Sign: header("Authorization"), Apart: true},
	},
	{Name: "vosk", Title: "vosk-server", Hears: true},
	{Name: "wyoming", Title: "Wyoming", Hears: true, Speaks: true},
	{Name: "groq", Title: "Groq", Probe: &Probe{Base: "https://api.groq.com/openai/v1", Path: "/models", Sign: bearer}},
	{Name: "mistral", Title: "Mistral", Probe: &Probe{Base: "https://api.mistral.ai/v1", Path: "/models", Sign: bearer}},
	{
		Name: "whatsapp", Title: "WhatsApp",
		Probe: &Probe{Base: "https://graph.facebook.com/v23.0", Path: "/me", Sign: bearer, Refusal: []int{http.StatusBadRequest}},
	},
	{
		Name: "whatsapp_app", Title: "WhatsApp's app",
		Probe: &Probe{
			Base: "https://graph.facebook.com/v23.0", Path: "/{account}",
			Sign:    func(h http.Header, account, secret string) { h.Set("Authorization", "Bearer "+account+"|"+secret) },
			Account: regexp.MustCompile(`^\d{5,30}$`), Hint: "the app's id, which is digits", Refusal: []int{http.StatusBadRequest},
		},
	},
	{Name: "custom", Probe: &Probe{Account: regexp.MustCompile(`^[^\x00-\x1f\x7f]{0,200}$`), Hint: "no control characters"}},
}

// All are all of them.
func All() []Supplier { return slices.Clone(all) }

// Of is the supplier of a name, or of one that other contracts have for it.
func Of(name string) (Supplier, bool) {
	i := slices.IndexFunc(all, func(s Supplier) bool { return s.Name == name || slices.Contains(s.Other, name) })
	if i < 0 {
		return Supplier{}, false
	}
	return all[i], true
}

// Hears says of a supplier that it is a recogniser's.
func Hears(s Supplier) bool { return s.Hears }

// Thinks says of a supplier that it is a language model's.
func Thinks(s Supplier) bool { return s.Thinks }

// Speaks says of a supplier that it is a voice's.
func Speaks(s Supplier) bool { return s.Speaks }

// Converses says of a supplier that it is a speech-to-speech model's.
func Converses(s Supplier) bool { return s.Converses }

// Places says of a supplier that it is a carrier, by whose accounts calls are placed.
func Places(s Supplier) bool { return s.Probe != nil && s.Probe.Places }

// Keeps says of a supplier that accounts of it are kept.
func Keeps(s Supplier) bool { return s.Probe != nil }

// Names are those of the suppliers that do something.
func Names(do func(Supplier) bool) (names []string) {
	for _, s := range all {
		if do(s) {
			names = append(names, s.Name)
		}
	}
	return names
}

// Spoken are Names with those that other contracts have, each behind its own.
func Spoken(do func(Supplier) bool) (names []string) {
	for _, s := range all {
		if do(s) {
			names = append(append(names, s.Name), s.Other...)
		}
	}
	return names
}

// Enum is a schema's, of names.
func Enum(names ...string) []any {
	all := make([]any, len(names))
	for i, n := range names {
		all[i] = n
	}
	return all
}

// An Account is the name of a supplier of which accounts are kept.
type Account string

// Schema implements huma.SchemaProvider.
func (Account) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Enum: Enum(Names(Keeps)...)}
}
