package traits

import (
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Relay is an app that answers an agent's calls, by messages shaped like those of Twilio's ConversationRelay (docs/relay.md). What its TwiML sets
// besides, agents have elsewhere: the greeting is starting_message, hints are providers.stt.keywords.
type Relay struct {
	URL        string            `json:"url" minLength:"1" maxLength:"2048" doc:"Of the app's socket: wss, on the public internet, unless the operator of the server allows its host." example:"wss://app.example.com/relay"`
	Secret     string            `json:"secret,omitempty" minLength:"1" maxLength:"100" doc:"Name of a custom credential whose base_url names the app's server: the handshake is signed with it, in X-Twilio-Signature. Left out: it is not signed." example:"RELAY_TOKEN"`
	Parameters map[string]string `json:"parameters,omitempty" doc:"Told to the app as customParameters. {{from}}, {{to}} and a task's variables have their places." example:"{\"plan\":\"gold\"}"`

	Welcome       string `json:"welcome_greeting_interruptible,omitempty" enum:"none,dtmf,speech,any" default:"any" doc:"What interrupts starting_message."`
	Interruptible string `json:"interruptible,omitempty" enum:"none,dtmf,speech,any" default:"any" doc:"What interrupts the app's words, unless their message says it."`
	Sensitivity   string `json:"interrupt_sensitivity,omitempty" enum:"low,medium,high" doc:"How readily speech interrupts. Left out: as manners say."`
	Preemptible   bool   `json:"preemptible,omitempty" doc:"Whether what the app says next takes the place of what is being heard, unless its message says it."`

	Keys    *bool `json:"dtmf_detection,omitempty" doc:"Whether the app is told of keys. Left out: it is."`
	Partial bool  `json:"partial_prompts,omitempty" doc:"Whether the app is told the caller's words while they speak, with last false."`

	Languages []RelayLanguage `json:"languages,omitempty" maxItems:"50" nullable:"false" doc:"That the app may have spoken. Left out: the agent's alone."`
	HandOver  string          `json:"hand_over,omitempty" maxLength:"200" doc:"Name of the agent that takes over when the app sends end. Left out: the call ends." example:"Front desk"`
}

// A RelayLanguage is one that an app may have spoken.
type RelayLanguage struct {
	Code  string `json:"code" maxLength:"35" pattern:"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$" patternDescription:"a language tag such as en or en-GB" doc:"A BCP 47 tag." example:"es-ES"`
	Voice string `json:"voice,omitempty" maxLength:"100" doc:"Its voice, by the vendor's name. Left out: that of voice_settings."`
}

// TransformSchema implements huma.SchemaTransformer: there are no more parameters, and none are longer, than the app is told in one message.
func (Relay) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	p := s.Properties["parameters"]
	most, longest := 50, 1000
	p.MaxProperties = &most
	if of, ok := p.AdditionalProperties.(*huma.Schema); ok {
		of.MaxLength = &longest
		of.PrecomputeMessages()
	}
	p.PrecomputeMessages()
	return s
}

// checkRelay says what the schema cannot.
func checkRelay(r *Relay) (all []Finding) {
	if r == nil {
		return nil
	}
	bad := func(reason string) { all = append(all, Finding{"settings.relay.url", reason}) }
	u, err := url.Parse(r.URL)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "wss" && u.Scheme != "ws":
		bad("want wss://host/path")
	case u.User != nil:
		bad("must not have a name and password: it is shown, and logged")
	case u.Fragment != "" || strings.Contains(r.URL, "#"):
		bad("must not have a fragment")
	}
	return all
}
