package floor

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A Conversation is what the servers of whole calls are told: where the vendors are, and what is said. They greet when a call begins, and
// answer when the recogniser says that the caller's turn is over. That is all: nothing interrupts them, and nothing is kept.
type Conversation struct {
	Listen   string // URL of the recogniser's socket, with its query
	Speak    string // URL of the voice's
	Key      string // of both, as Deepgram's; empty: none is shown
	Greeting string // empty: DefaultGreeting
	Answer   string // empty: DefaultAnswer
}

// What is said where nobody says otherwise.
const (
	DefaultGreeting = "Hello, how can I help you today?"
	DefaultAnswer   = "Certainly, I can do that for you. Is there anything else?"
)

// Deepgram is a conversation by way of the Deepgram at base, such as ws://127.0.0.1:9000. A model of the name flux-... tells itself when
// a turn is over (listen v2); any other is asked to after so much silence (endpointing of listen v1).
func Deepgram(base, model string, hangover time.Duration) Conversation {
	base = strings.TrimRight(base, "/")
	sound := url.Values{"encoding": {"mulaw"}, "sample_rate": {"8000"}}
	listen, path := url.Values{"model": {model}}, "/v2/listen"
	if !strings.HasPrefix(model, "flux-") {
		path = "/v1/listen"
		listen.Set("channels", "1")
		listen.Set("interim_results", "true")
		listen.Set("endpointing", strconv.FormatInt(hangover.Milliseconds(), 10))
	}
	return Conversation{
		Listen: base + path + "?" + listen.Encode() + "&" + sound.Encode(),
		Speak:  base + "/v1/speak?" + sound.Encode() + "&container=none&model=aura-2-thalia-en",
	}
}

// withDefaults fills in the words, and says what is wrong with the rest.
func (c Conversation) withDefaults() (Conversation, error) {
	if c.Greeting == "" {
		c.Greeting = DefaultGreeting
	}
	if c.Answer == "" {
		c.Answer = DefaultAnswer
	}
	var bad []error
	for field, text := range map[string]string{"Listen": c.Listen, "Speak": c.Speak} {
		if u, err := url.Parse(text); err != nil || u.Scheme != "ws" || u.Port() == "" {
			bad = append(bad, fmt.Errorf("%s is %q: want a URL such as ws://127.0.0.1:9000/v1/listen?model=nova-3", field, text))
		}
	}
	return c, errors.Join(bad...)
}

// Paths of a server of whole calls.
const (
	voicePath = "/twilio/voice" // POST: the voice webhook
	mediaPath = "/twilio/media" // GET: the stream
)

// twiml is the webhook's answer: every call is taken. host is where the caller found this server.
func twiml(host string) []byte {
	var escaped bytes.Buffer
	_ = xml.EscapeText(&escaped, []byte(host)) // a Buffer takes all
	return fmt.Appendf(nil, `%s<Response><Connect><Stream url="ws://%s%s"/></Connect></Response>`, xml.Header, &escaped, mediaPath)
}

// speakText asks the voice to say something, once it is told to flush.
func speakText(text string) []byte {
	quoted, _ := json.Marshal(text) // a string is always JSON
	return fmt.Appendf(nil, `{"type":"Speak","text":%s}`, quoted)
}

// listenBytes is how much sound the recogniser gets at a time: 80 ms, the vendor's advice.
const listenBytes = 4 * frameBytes

// What tells in a recogniser's message that a turn is over: Results of listen v1, TurnInfo of v2.
var (
	speechFinal  = []byte(`"speech_final":true`)
	fromFinalize = []byte(`"from_finalize":true`)
	endOfTurn    = []byte(`"event":"EndOfTurn"`)
	nothingSaid  = []byte(`"transcript":""`)
	flushedType  = []byte(`"type":"Flushed"`)
)

// turnOver says whether a message of the recogniser's ends a turn in which the caller said something.
func turnOver(text []byte) bool {
	over := bytes.Contains(text, speechFinal) || bytes.Contains(text, fromFinalize) || bytes.Contains(text, endOfTurn)
	return over && !bytes.Contains(text, nothingSaid)
}
