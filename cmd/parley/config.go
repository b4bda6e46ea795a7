package main

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"

	"parley/control/bus"
	"parley/control/envelope"
	"parley/control/price"
	"parley/control/webhook"
	"parley/media/stream"
	"parley/pipeline"
	"parley/providers/httptool"
)

// config is every setting of a server. Each field is a flag (its name in kebab case), an environment variable (var) and a key of
// the file (the flag's name with _ for -). `parley serve --help` shows them all; .env.example lists the variables.
type config struct {
	HTTPAddr  string `help:"Address to listen on for carriers, health and metrics." default:":8080" var:"PARLEY_HTTP_ADDR"`
	PublicURL string `help:"URL under which carriers reach this server, such as https://voice.example.com. Empty: what each request says." var:"PARLEY_PUBLIC_URL"`

	place

	APIKey        string `name:"api-key" help:"Key of the API, taken as it is, with all scopes. Empty: one is made and printed when the database is first used." var:"PARLEY_API_KEY"`
	OwnerEmail    string `help:"Email of the owner that is made when the database is first used." default:"owner@localhost" var:"PARLEY_OWNER_EMAIL"`
	OwnerPassword string `help:"Password of that owner, 12 characters or more. Empty: one is made and printed." var:"PARLEY_OWNER_PASSWORD"`

	secrets
	CredentialsAllow []string `help:"Hosts (also with :port), addresses and networks that organisations' credentials may name as their server although they are private or without TLS; separated by commas." placeholder:"HOST" var:"PARLEY_CREDENTIALS_ALLOW"`

	NATSURL string `name:"nats-url" help:"NATS, by which nodes that share a Postgres reach one another at once: nats://user:password@host:4222, or several with commas between. Empty: they ask by the database." placeholder:"URL" var:"NATS_URL"`

	RateLimit      int      `help:"Requests to the API that a key may make a minute, over all nodes." default:"1000" var:"PARLEY_RATE_LIMIT"`
	LiveReaders    int      `help:"Most sockets that watch one call on this node." default:"100" var:"PARLEY_LIVE_READERS"`
	LiveOrgReaders int      `help:"Most sockets that watch calls of one organisation on this node." default:"1000" var:"PARLEY_LIVE_ORG_READERS"`
	TrustedProxies []string `help:"Networks of proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8; separated by commas." placeholder:"CIDR" var:"PARLEY_TRUSTED_PROXIES"`

	LogLevel  string `help:"debug (with transcripts), info, warn or error." default:"info" enum:"debug,info,warn,error" var:"PARLEY_LOG_LEVEL"`
	LogFormat string `help:"text or json." default:"text" enum:"text,json" var:"PARLEY_LOG_FORMAT"`

	telemetry
	debugging

	Resumptions int `help:"How often a call by Twilio whose line to this server was lost, be it that its node died, is connected again and goes on; up to 20. 0: it ends." default:"3" var:"PARLEY_RESUMPTIONS"`

	KeyTones bool `help:"Hear the caller's keys in the sound of their tones, for carriers that tell of them in no other way; where they do, each would count twice." default:"false" var:"PARLEY_KEY_TONES"`
	browsers

	EchoTail time.Duration `help:"How much echo of the agent's own voice is taken out of what the caller's line returns, such as 200ms for speakerphones; up to 500ms. 0: none is." default:"0s" var:"PARLEY_ECHO_TAIL"`

	HoldMusic string `help:"WAV file, 5 minutes at most, that callers hear while somebody is called for them; of stereo the left. Empty: two soft notes every four seconds." type:"path" var:"PARLEY_HOLD_MUSIC"`

	telephony

	capacity
	Record bool `help:"Record calls in stereo under the data directory." default:"true" negatable:"" var:"PARLEY_RECORD"`

	storage

	TwilioAccountSID string `help:"Twilio account; empty: any account with the right signature." var:"TWILIO_ACCOUNT_SID"`
	TwilioAuthToken  string `help:"Twilio auth token, which signs webhooks. Empty: a random one is made in the data directory." var:"TWILIO_AUTH_TOKEN"`
	TwilioDetect     string `name:"twilio-machine-detection" help:"Twilio's own detection of who answers the calls of tasks, which it charges for: none, start (it tells as soon as it knows), end (of a machine when its greeting is over). Agents detect it themselves where manners.answering is on; this comes beside that." enum:"none,start,end" default:"none" var:"TWILIO_MACHINE_DETECTION"`
	TwilioBaseURL    string `name:"twilio-base-url" help:"Server of Twilio's REST API, which places calls: they are placed where account, auth token and --public-url are set." default:"https://api.twilio.com" var:"TWILIO_BASE_URL"`

	TelnyxPublicKey string `name:"telnyx-public-key" help:"Public key of the Telnyx account (Mission Control, Keys & Credentials), which signs webhooks, in base64. Empty: only calls by organisations' own accounts at Telnyx are taken." var:"TELNYX_PUBLIC_KEY"`
	dialling

	ownPBX
	contactCentre
	binarySockets
	textSockets

	messaging

	CallerID  string        `help:"Number that calls are placed from where the organisation has none." placeholder:"+E164" var:"PARLEY_CALLER_ID"`
	DialCalls int           `help:"Calls that an organisation may have placed at once, over all nodes, where it has no rule of its own." default:"20" var:"PARLEY_DIAL_CALLS"`
	DialRate  float64       `help:"Calls that an organisation may place in a second, over all nodes, where it has no rule of its own." default:"1" var:"PARLEY_DIAL_RATE"`
	DialRing  time.Duration `help:"How long a number is rung, where the organisation has no rule of its own; whole seconds, 1s to 10m." default:"45s" var:"PARLEY_DIAL_RING"`

	WebhookAllow []string `help:"Where webhooks are sent although the address is not public: networks, addresses and names of hosts, separated by commas. Whoever may plan tasks reaches these." placeholder:"CIDR|HOST" var:"PARLEY_WEBHOOK_ALLOW"`
	WebhookLog   int      `name:"webhook-log-days" help:"How long what was sent stays in the log of webhooks, in days; 1 to 3650." default:"30" var:"PARLEY_WEBHOOK_LOG_DAYS"`

	STT string `help:"Recogniser: auto (the first with a key of ${hear_first}; else local), ${hear}." default:"auto" enum:"auto,${hear}" var:"PARLEY_STT"`
	LLM string `help:"Who answers: auto (the first with a key of ${think}, of openai also with a base URL alone; else flow), flow, ${think}." default:"auto" enum:"auto,flow,${think}" var:"PARLEY_LLM"`
	TTS string `help:"Voice: auto (the one that hears, if it speaks; else the first with a key of ${speak_first}; else local), ${speak}." default:"auto" enum:"auto,${speak}" var:"PARLEY_TTS"`

	fallbacks

	Ear string `help:"Speech detector: local (neural where installed) or energy." default:"local" enum:"local,energy" var:"PARLEY_EAR"`

	SpeechDir     string `help:"Directory of the local speech models. Empty: parley/speech in the user's cache directory." type:"path" var:"PARLEY_SPEECH_DIR"`
	STTModel      string `help:"Local recogniser's model: tiny, or base (better, twice the CPU)." default:"tiny" enum:"tiny,base" var:"PARLEY_STT_MODEL"`
	SpeechWorkers int    `help:"Threads for local speech. 0: cores less one, at least one." default:"0" var:"PARLEY_SPEECH_WORKERS"`
	Snap          bool   `help:"Correct short answers to the words that the flow expects." default:"true" negatable:"" var:"PARLEY_SNAP"`

	Prices string `help:"YAML file of what vendors charge, which comes before the list that parley prices prints. Empty: that list." type:"path" var:"PARLEY_PRICES"`

	openAI
	openAIModels
	openAISpeech
	anthropicSettings
	geminiSettings
	conversants

	embeddings
	KnowledgeBudget time.Duration `help:"How long an answer may wait until the agent's documents are searched; then it does without; up to 5s. 0: documents are not searched on calls." default:"150ms" var:"PARLEY_KNOWLEDGE_BUDGET"`
	KnowledgeTokens int           `help:"How much of the model's context passages of documents may take, in tokens; 100 to 20000." default:"1000" var:"PARLEY_KNOWLEDGE_TOKENS"`

	deepgramSettings
	elevenLabsSettings
	cartesiaSettings
	rimeSettings
	azureSettings
	assemblyAISettings
	voskSettings
	wyomingSettings

	Flow   string `help:"YAML file of a scripted dialog, instead of the built-in receptionist." type:"path" var:"PARLEY_FLOW"`
	Prompt string `help:"Instructions for the language model, of the default agent that is made when the database is first used; later: parley agents set." default:"${prompt}" var:"PARLEY_PROMPT"`
	Lang   string `help:"Language of the agent (BCP 47)." default:"en-US" var:"PARLEY_LANG"`

	Tools      string `help:"YAML file of what the language model can do besides talking: docs/tools.yaml shows every setting. Empty: end calls, and wait." type:"path" var:"PARLEY_TOOLS"`
	SecretsDir string `help:"Directory whose files are the secrets of tools, by their names; a variable PARLEY_SECRET_NAME comes before it." type:"path" var:"PARLEY_SECRETS_DIR"`

	AgentSecrets []string `help:"Secrets that the tools of agents may name, of those that PARLEY_SECRET_NAME and --secrets-dir have; separated by commas. Whoever may change an agent can send them anywhere, unlike custom credentials of organisations. Empty: none." placeholder:"NAME" var:"PARLEY_AGENT_SECRETS"`
	AgentHosts   []string `help:"Private hosts (also with :port), addresses and networks that the tools of agents may ask, as their allow names them, and on which the apps that answer for them (settings.relay) may be; separated by commas. Empty: none." placeholder:"HOST" var:"PARLEY_AGENT_HOSTS"`

	Manners   string         `help:"YAML file of how agents behave in conversation: docs/manners.yaml shows every setting with its default. The settings that follow come before it." type:"path" var:"PARLEY_MANNERS"`
	Hangover  *time.Duration `help:"Silence that ends the caller's turn, where words do not say more; 100ms to 5s; default 500ms." var:"PARLEY_HANGOVER"`
	BargeIn   *time.Duration `help:"Speech that interrupts the agent even without words; 20ms to 5s; default 300ms." var:"PARLEY_BARGE_IN"`
	Silence   *time.Duration `help:"Silence before the caller is asked again; 1s to 10m; default 8s." var:"PARLEY_SILENCE"`
	Reprompts *int           `help:"How often a silent caller is asked again before goodbye; 0 to 10; default 2." var:"PARLEY_REPROMPTS"`
	WordsWait *time.Duration `help:"Longest wait for the recogniser after the caller's turn, before the agent apologises; raise it where the machine is slow; 500ms to 1m; default 4s." var:"PARLEY_WORDS_WAIT"`
	MaxLength *time.Duration `help:"Longest call; 1s to 24h; default 1h." var:"PARLEY_MAX_LENGTH"`

	manners pipeline.Manners    // of all these, once checked
	getenv  func(string) string // for the secrets of tools alone, whose names are not known before
}

// check says all that is wrong with settings that each by itself can be read, and reads the file of manners.
func (c *config) check() error {
	var bad []error
	if c.SpeechWorkers < 0 {
		bad = append(bad, fmt.Errorf("--speech-workers is %d: want 0 or more", c.SpeechWorkers))
	}
	bad = append(bad, c.capacity.check()...)
	bad = append(bad, c.telephony.check()...)
	bad = append(bad, c.browsers.check()...)
	bad = append(bad, c.ownPBX.check()...)
	bad = append(bad, c.contactCentre.check()...)
	bad = append(bad, c.binarySockets.check()...)
	if _, err := stream.ParseTelnyxKey(c.TelnyxPublicKey); c.TelnyxPublicKey != "" && err != nil {
		bad = append(bad, fmt.Errorf("--telnyx-public-key: %w", err))
	}
	bad = append(bad, c.textSockets.check()...)
	if u, err := url.Parse(c.PublicURL); c.PublicURL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		bad = append(bad, fmt.Errorf("--public-url is %q: want a URL such as https://voice.example.com", c.PublicURL))
	}
	if c.Resumptions < 0 || c.Resumptions > 20 {
		bad = append(bad, fmt.Errorf("--resumptions is %d: want 0 to 20", c.Resumptions))
	}
	if c.EchoTail < 0 || c.EchoTail > 500*time.Millisecond {
		bad = append(bad, fmt.Errorf("--echo-tail is %v: want 0 to 500ms", c.EchoTail))
	}
	bad = append(bad, c.secrets.check()...)
	if _, err := httptool.NewGate(c.CredentialsAllow); err != nil {
		bad = append(bad, fmt.Errorf("--credentials-allow: %w", err))
	}
	for name, n := range map[string]int{"rate-limit": c.RateLimit, "live-readers": c.LiveReaders, "live-org-readers": c.LiveOrgReaders} {
		if n < 1 {
			bad = append(bad, fmt.Errorf("--%s is %d: want 1 or more", name, n))
		}
	}
	if _, err := bus.Servers(c.NATSURL); c.NATSURL != "" && err != nil {
		bad = append(bad, fmt.Errorf("--nats-url: %w", err)) // it may hold a password
	}
	if _, err := c.proxies(); err != nil {
		bad = append(bad, err)
	}
	if c.KnowledgeBudget < 0 || c.KnowledgeBudget > 5*time.Second {
		bad = append(bad, fmt.Errorf("--knowledge-budget is %v: want 0 to 5s", c.KnowledgeBudget))
	}
	if c.KnowledgeTokens < 100 || c.KnowledgeTokens > 20_000 {
		bad = append(bad, fmt.Errorf("--knowledge-tokens is %d: want 100 to 20000", c.KnowledgeTokens))
	}
	if c.CallerID != "" && !envelope.E164(c.CallerID) {
		bad = append(bad, fmt.Errorf("--caller-id is %q: want a number such as +15550100002", c.CallerID))
	}
	if c.DialCalls < 1 || c.DialCalls > 10_000 {
		bad = append(bad, fmt.Errorf("--dial-calls is %d: want 1 to 10000", c.DialCalls))
	}
	if c.DialRate < 0.001 || c.DialRate > 1000 {
		bad = append(bad, fmt.Errorf("--dial-rate is %v: want 0.001 to 1000", c.DialRate))
	}
	if c.DialRing < time.Second || c.DialRing > 10*time.Minute {
		bad = append(bad, fmt.Errorf("--dial-ring is %v: want 1s to 10m", c.DialRing))
	}
	if _, err := webhook.ParseAllow(c.WebhookAllow); err != nil {
		bad = append(bad, fmt.Errorf("--webhook-allow: %w", err))
	}
	if c.WebhookLog < 1 || c.WebhookLog > 3650 {
		bad = append(bad, fmt.Errorf("--webhook-log-days is %d: want 1 to 3650", c.WebhookLog))
	}
	bad = append(bad, c.storage.check()...)
	bad = append(bad, c.telemetry.check()...)
	bad = append(bad, c.debugging.check()...)
	bad = append(bad, c.checkVendors()...)
	if _, err := price.Load(c.Prices); err != nil {
		bad = append(bad, fmt.Errorf("--prices: %w", err))
	}
	bad = append(bad, c.fallbacks.check()...)
	slices.SortFunc(bad, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	var err error
	c.manners, err = c.behaviour()
	return errors.Join(append(bad, err)...)
}

// proxies are the networks of --trusted-proxies; an address is a network of one.
func (c *config) proxies() (all []netip.Prefix, err error) {
	for _, text := range c.TrustedProxies {
		text = strings.TrimSpace(text)
		p, err := netip.ParsePrefix(text)
		if a, aerr := netip.ParseAddr(text); aerr == nil {
			p, err = a.Prefix(a.BitLen())
		}
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxies has %q: want networks such as 10.0.0.0/8", text)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}

// settings resolves flags from the environment and the file, and remembers where each came from. It is the only reader of both.
type settings struct {
	getenv func(string) string
	path   string
	file   map[string]setting
	from   map[string]string // flag name -> source
	known  map[string]bool   // file keys that some command has
}

type setting struct {
	value string
	line  int
}

// loadSettings reads the file that args or PARLEY_CONFIG name, if any.
func loadSettings(args []string, getenv func(string) string) (*settings, error) {
	s := &settings{getenv: getenv, path: getenv("PARLEY_CONFIG"), from: map[string]string{}, known: map[string]bool{}}
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, "--config="); ok {
			s.path = v
		} else if a == "--config" && i+1 < len(args) {
			s.path = args[i+1]
		}
	}
	if s.path == "" {
		return s, nil
	}
	text, err := os.ReadFile(s.path)
	if err != nil {
		return nil, fmt.Errorf("read --config: %w", err)
	}
	s.file, err = parseSettings(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.path, err)
	}
	return s, nil
}

// parseSettings reads a flat YAML mapping of scalars.
func parseSettings(text []byte) (map[string]setting, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: want a mapping of settings", root.Line)
	}
	file := make(map[string]setting)
	for i := 0; i < len(root.Content); i += 2 {
		k, v := root.Content[i], root.Content[i+1]
		if v.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("line %d: %s: want a single value", v.Line, k.Value)
		}
		if _, dup := file[k.Value]; dup {
			return nil, fmt.Errorf("line %d: %s: set twice", k.Line, k.Value)
		}
		file[k.Value] = setting{value: v.Value, line: k.Line}
	}
	return file, nil
}

// Validate refuses keys of the file that no command has.
func (s *settings) Validate(app *kong.Application) error {
	collect(app.Node, s.known)
	var bad []string
	for k, v := range s.file {
		if !s.known[k] {
			bad = append(bad, fmt.Sprintf("line %d: %s: unknown setting", v.line, k))
		}
	}
	if len(bad) == 0 {
		return nil
	}
	slices.Sort(bad)
	return fmt.Errorf("%s: %s", s.path, strings.Join(bad, "; "))
}

func collect(n *kong.Node, known map[string]bool) {
	for _, f := range n.Flags {
		known[fileKey(f)] = true
	}
	for _, c := range n.Children {
		collect(c, known)
	}
}

func fileKey(f *kong.Flag) string { return strings.ReplaceAll(f.Name, "-", "_") }

// name shows each flag's variable in its help.
func (s *settings) name(k *kong.Kong) error {
	return kong.Visit(k.Model, func(n kong.Visitable, next kong.Next) error {
		if f, ok := n.(*kong.Flag); ok {
			if v := f.Tag.Get("var"); v != "" && !strings.HasSuffix(f.Help, "]") {
				f.Help += " [" + v + "]"
			}
		}
		return next(nil)
	})
}

// Resolve gives a flag that the command line did not set its value.
func (s *settings) Resolve(_ *kong.Context, _ *kong.Path, f *kong.Flag) (any, error) {
	if v := f.Tag.Get("var"); v != "" {
		if text := s.getenv(v); text != "" {
			s.from[f.Name] = v
			return s.value(f, text), nil
		}
	}
	if v, ok := s.file[fileKey(f)]; ok {
		s.from[f.Name] = fmt.Sprintf("%s line %d", s.path, v.line)
		return s.value(f, v.value), nil
	}
	return nil, nil
}

// value keeps kong from reading a switch's text as true.
func (s *settings) value(f *kong.Flag, text string) any {
	if f.Target.Kind() == reflect.Bool {
		switch strings.ToLower(text) {
		case "true", "1", "yes", "on":
			return true
		case "false", "0", "no", "off":
			return false
		}
	}
	return text
}

// explain adds to a parser's error the place that the bad value came from.
func (s *settings) explain(err error) error {
	for flag, source := range s.from {
		if strings.Contains(err.Error(), "--"+flag) {
			return fmt.Errorf("%w (from %s)", err, source)
		}
	}
	return err
}
