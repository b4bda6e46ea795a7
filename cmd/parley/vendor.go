package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"

	"parley/control/suppliers"
	"parley/control/traits"
	"parley/pipeline"
	"parley/providers"
)

// An entry is one vendor's in the table: all that the server knows of it. Adding a vendor is its package, its entry (in a
// file vendor_X.go, with its settings), and its line in control/suppliers, which is what the API tells of it.
//
//	settings, an organisation's account ──▶ account ──▶ open ──▶ opened: recogniser, model, voice
//	an agent's settings ──▶ hears, thinks, speaks: which models, voices and languages it may name
type entry struct {
	name    string
	absent  string                  // why it cannot be used, where that is not for want of a key
	found   func(*config) bool      // whether settings have what it needs; nil: whether they have its account
	account func(*config) account   // where its key and its server are; nil: it has neither
	check   func(c *config) []error // says what is wrong with its settings, as far as they are used; nil: nothing can be
	open    func(c *config, w wiring) opened

	hears  *hears  // nil: it does not
	thinks *thinks // nil: it does not
	speaks *speaks // nil: it does not
}

// hears is what is known of a recogniser.
type hears struct {
	providers.Abilities

	auto    bool                            // "auto" takes it where it is there
	there   func(c *config) bool            // whether settings have what this needs; nil: they have, if the vendor is there
	check   func(model string) error        // whether a name can be a model's; nil: any
	model   func(c *config) string          // of agents that name none
	refuses func(model, lang string) string // why it does not understand a language; nil, or empty: it may

	turns func(model string, o pipeline.Listening) bool // whether it finds the ends of turns itself; nil: it does not
}

// thinks is what is known of language models.
type thinks struct {
	providers.Abilities

	model func(c *config) string                                                                // of agents that name none
	check func(model string) error                                                              // whether a name can be one; nil: any
	tune  func(m thinker, c *config, model string, set traits.LanguageModel) pipeline.Responder // as settings want it; model is its name
}

// speaks is what is known of a voice.
type speaks struct {
	providers.Abilities

	auto       bool
	there      func(c *config) bool   // as of hears
	model      func(c *config) string // of agents that name none; nil: it has none
	named      bool                   // its models are its voices
	unmodelled string                 // why no model can be named; empty: one can
	checkModel func(model string) error
	checkVoice func(name string) error
	english    bool // it speaks nothing else
	timbre     bool // it knows of stability, similarity, style and boost
}

// refuses says why a model cannot be named; empty: it can.
func (s *speaks) refuses(model string) string {
	if s.unmodelled != "" || s.checkModel == nil {
		return s.unmodelled
	}
	if err := s.checkModel(model); err != nil {
		return err.Error()
	}
	return ""
}

// An account is where the settings of a vendor's key and server are.
type account struct {
	key, base *string
	place     *string // the vendor's name for what the key belongs to, such as a region; nil: there is none
	bearer    *bool   // the key is a token, and sent as one, which an organisation's is not; nil: it never is
	other     *string // the key by another name, which comes before it; nil: it has none
	variable  string  // of the key, where it cannot do without; else empty
	bare      bool    // a server that is named needs no key

	annexes []annex // of parts of its work, which may be at servers of their own
}

// An annex is where the settings of a server of its own are; without one its key is another for the account's server.
type annex struct{ key, base *string }

// secret is the key.
func (a account) secret() string {
	if a.other != nil {
		return cmp.Or(*a.other, *a.key)
	}
	return *a.key
}

// there says whether settings have an account.
func (a account) there() bool { return a.secret() != "" || a.bare && *a.base != "" }

// put has another account be the settings'; a server that it does not name stays, as do those of annexes. What a key was for at the account's
// server is the other account's now: it goes to no server that somebody else has named.
func (a account) put(o ownAccount) {
	for _, p := range a.annexes {
		if *p.base == "" || *p.base == *a.base {
			*p.key, *p.base = "", ""
		}
	}
	*a.key, *a.base = o.key, cmp.Or(o.base, *a.base)
	if a.other != nil {
		*a.other = ""
	}
	if a.bearer != nil {
		*a.bearer = false
	}
	if a.place != nil && o.place != "" { // the server is where that is, unless it is named
		*a.place, *a.base = o.place, o.base
	}
}

// there says whether settings have what the vendor needs.
func (e *entry) there(c *config) bool {
	if e.found != nil {
		return e.found(c)
	}
	return e.account != nil && e.account(c).there()
}

// A wiring is what a vendor is opened with besides settings.
type wiring struct {
	road road
	log  *slog.Logger
}

// A road is how a vendor is reached that not the operator has named; its zero value: as all others.
type road struct {
	http *http.Client
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// opened is a vendor at work. What is nil it does not do.
type opened struct {
	stt   func(model string) (pipeline.Transcriber, error) // with a model; empty: that of the settings
	llm   thinker
	tts   pipeline.Synthesizer
	bases map[string]string // the servers of its kinds of work (providers.STT, LLM, TTS); nil: the account's
	check func() error      // says what is wrong with how it was opened; nil: nothing can be
	close func() error      // ends what it keeps open between calls; nil: it keeps nothing
}

// A warmer can open connections ahead.
type warmer interface {
	Warm(ctx context.Context, v pipeline.Voice) error
}

// table has all vendors, in the order in which "auto" takes the first that is there.
var table = []*entry{
	&localVendor, &openAIVendor, &deepgramVendor, &elevenLabsVendor, &anthropicVendor, &geminiVendor, &cartesiaVendor, &rimeVendor, &azureVendor, &assemblyAIVendor, &voskVendor, &wyomingVendor,
}

// entryOf is a vendor's; nil: there is none of that name.
func entryOf(name string) *entry {
	i := slices.IndexFunc(table, func(e *entry) bool { return e.name == name })
	if i < 0 {
		return nil
	}
	return table[i]
}

// chosen is a vendor by its name, where "auto" and none mean the server's own.
func chosen(name, own string) string {
	if name == "" || name == traits.Auto {
		return own
	}
	if s, ok := suppliers.Of(name); ok {
		return s.Name // other contracts have other names
	}
	return name
}

// isModel says whether a vendor is one of language models.
func isModel(name string) bool { e := entryOf(name); return e != nil && e.thinks != nil }

// recognisers are the names of those that hear, as a sentence has them.
func recognisers() string { return enumeration(suppliers.Names(suppliers.Hears)) }

// enumeration is a list in a sentence.
func enumeration(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// checkVendors says what is wrong with the settings of vendors, as far as they are used.
func (c *config) checkVendors() (bad []error) {
	for _, e := range table {
		if e.account != nil && e.account(c).variable != "" && !e.there(c) {
			for flag, name := range map[string]string{"stt": c.STT, "llm": c.LLM, "tts": c.TTS} {
				if name == e.name {
					bad = append(bad, fmt.Errorf("--%s is %s: %s is not set", flag, name, e.account(c).variable))
				}
			}
		}
		if e.check != nil {
			bad = append(bad, e.check(c)...)
		}
	}
	return bad
}

// absent says why a vendor's speech cannot be used here.
func absent(name string) error {
	if e := entryOf(name); e != nil && e.absent != "" {
		return errors.New(e.absent)
	}
	return fmt.Errorf("this server has no key of %s", name)
}

// absentModel says why a vendor's language model cannot be used here; without a name, why there is none.
func absentModel(name string) error {
	switch name {
	case "openai":
		return errors.New("this server has no language model of OpenAI's, or of a compatible server: neither OPENAI_API_KEY nor OPENAI_BASE_URL is set")
	case "":
		return errors.New("this server has no language model: none of OPENAI_API_KEY, OPENAI_BASE_URL, ANTHROPIC_API_KEY and GEMINI_API_KEY is set")
	}
	return absent(name)
}

// noVoice says why a vendor's voice cannot be used here.
func noVoice(name string) error {
	if e := entryOf(name); e != nil && e.speaks == nil {
		return fmt.Errorf("%s has no voice here: %s do", name, enumeration(suppliers.Names(suppliers.Speaks)))
	}
	return absent(name)
}
