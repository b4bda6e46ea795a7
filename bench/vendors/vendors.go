// Package vendors runs stand-ins for the vendors in a process of their own, so that a test or a bench measures its calls and not them.
//
//	bench ──Start──▶ exe args (the same program, or parley bench vendors)
//	  ▲                 │ one line of JSON: the addresses; then one for each line that it is told: reset, report
//	  └─────────────────┘
//	calls ───────────▶ fake OpenAI (chat completions), fake Deepgram (listen v1, listen v2 as Flux, speak), fake ElevenLabs (voice)
//
// Whoever started the process ends it with Close; should the starter die, the process sees the end of its standard input and goes too.
//
// A thousand calls send 12,500 messages of sound a second to the recogniser, and get 10,000 of the voice while all agents speak. Neither
// costs more than its system call and its goroutine's turn: nothing is allocated for them but gorilla's reader of a message (8 bytes),
// sound is framed once for all sockets, one wheel keeps all voices' time. ElevenLabs' voice, which is JSON, costs more: its messages are
// made once but for the id of their context, which is written into each.
package vendors

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/providers/providertest"
)

// Addresses are where the vendors listen.
type Addresses struct {
	Deepgram   string `json:"deepgram"`   // base URL, ws://127.0.0.1:port
	ElevenLabs string `json:"elevenlabs"` // base URL, http://127.0.0.1:port
	OpenAI     string `json:"openai"`     // base URL, http://127.0.0.1:port/v1
}

// mocks are the vendors of a process.
type mocks struct {
	deepgram   *providertest.Deepgram
	elevenlabs *providertest.ElevenLabs
	openai     *providertest.OpenAI
	stamps     *stamps
	since      mark // the last reset
}

// newMocks makes vendors that behave as options say.
func newMocks(o Options) (*mocks, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	dice := newDrawer(o.Seed)
	m := &mocks{stamps: newStamps()}
	m.deepgram = &providertest.Deepgram{
		Key: o.Key, Transcripts: o.Transcripts, Hangover: o.Hangover, Pace: o.Pace, Piece: o.Piece,
		Hooks: providertest.DeepgramHooks{
			Delay: dice.of(o.Delays.Final, o.Final), FirstAudio: dice.of(o.Delays.FirstAudio, o.FirstAudio), Paced: m.stamps.paced,
		},
	}
	m.elevenlabs = &providertest.ElevenLabs{
		Key: o.Key, Pace: o.Pace, Piece: o.Piece,
		Hooks: providertest.ElevenLabsHooks{FirstAudio: m.deepgram.Hooks.FirstAudio, Paced: m.stamps.paced},
	}
	if o.Stamps {
		m.deepgram.Hooks.Heard, m.deepgram.Hooks.Begins, m.elevenlabs.Hooks.Begins = m.stamps.heard, m.stamps.begins, m.stamps.begins
	}
	if o.Speech {
		voice, err := recorded()
		if err != nil {
			return nil, err
		}
		m.deepgram.Hooks.Voice, m.elevenlabs.Hooks.Voice = voice, voice
	}
	m.openai = &providertest.OpenAI{
		Key:    o.Key,
		Answer: answers(o.answer(), dice.of(o.Delays.FirstToken, o.FirstToken), dice.of(o.Delays.TokenGap, o.TokenGap)),
	}
	return m, m.reset()
}

// answers is a model that always says text, whose events are made once.
func answers(text string, first, gap func() time.Duration) func(providertest.OpenAIRequest) providertest.OpenAIAnswer {
	said := providertest.OpenAISay(text)
	return func(providertest.OpenAIRequest) providertest.OpenAIAnswer {
		steps := make([]providertest.OpenAIStep, len(said.Steps))
		copy(steps, said.Steps)
		for i := range steps {
			if steps[i].After = gap(); i == 0 {
				steps[i].After = first()
			}
		}
		return providertest.OpenAIAnswer{Steps: steps}
	}
}

// Run serves on loopback ports until ctx ends. Once it listens it writes its Addresses to stdout as one line of JSON.
func Run(ctx context.Context, o Options, stdout io.Writer) error {
	m, err := newMocks(o)
	if err != nil {
		return err
	}
	return m.run(ctx, stdout, func() {})
}

// run serves; ready is called when the addresses are written.
func (m *mocks) run(ctx context.Context, stdout io.Writer, ready func()) error {
	doors, err := listen(ctx, "Deepgram", "ElevenLabs", "OpenAI")
	if err != nil {
		return err
	}
	deepgram, elevenlabs, openai := doors[0], doors[1], doors[2]
	vendors, ctx := errgroup.WithContext(ctx)
	vendors.Go(func() error { return m.deepgram.Run(ctx, deepgram) })
	vendors.Go(func() error { return m.elevenlabs.Run(ctx, elevenlabs) })
	vendors.Go(func() error { return m.openai.Run(ctx, openai) })
	vendors.Go(func() error {
		at := Addresses{
			Deepgram: "ws://" + deepgram.Addr().String(), ElevenLabs: "http://" + elevenlabs.Addr().String(), OpenAI: "http://" + openai.Addr().String() + "/v1",
		}
		if err := json.NewEncoder(stdout).Encode(at); err != nil {
			return fmt.Errorf("print addresses: %w", err)
		}
		ready()
		return nil
	})
	return vendors.Wait()
}

// listen opens a port for each vendor, or none.
func listen(ctx context.Context, vendors ...string) (doors []net.Listener, err error) {
	var local net.ListenConfig
	for _, vendor := range vendors {
		door, err := local.Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			err = fmt.Errorf("listen for %s: %w", vendor, err)
			for _, d := range doors {
				err = errors.Join(err, d.Close())
			}
			return nil, err
		}
		doors = append(doors, door)
	}
	return doors, nil
}

// Asked says whether this process was started by Start, and as what. A TestMain asks it first, and then calls Serve.
func Asked(getenv func(string) string) (o Options, asked bool, err error) {
	s := getenv(Environ)
	if s == "" {
		return o, false, nil
	}
	o, err = read(s)
	return o, true, err
}

// Serve is Run until stdin ends, which it does when the starter closes it or dies. Each line of stdin is answered with one of JSON:
// "report" with a Report, "reset", from which on the next Report counts, with an empty one, all else with an error.
func Serve(ctx context.Context, o Options, stdin io.Reader, stdout io.Writer) error {
	m, err := newMocks(o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ready := make(chan struct{})
	go func() { // it ends with stdin, and so does the process
		cancel(m.obey(stdin, stdout, ready))
	}()
	err = m.run(ctx, stdout, func() { close(ready) })
	if cause := context.Cause(ctx); err == nil && cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	return err
}

// obey does what it is told line by line, once the addresses are written.
func (m *mocks) obey(stdin io.Reader, stdout io.Writer, ready <-chan struct{}) error {
	lines := bufio.NewScanner(stdin)
	for lines.Scan() {
		<-ready
		if err := json.NewEncoder(stdout).Encode(m.told(strings.TrimSpace(lines.Text()))); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
	return nil
}

// An answer is what a line was answered with.
type answer struct {
	Error  string  `json:"error,omitempty"`
	Report *Report `json:"report,omitempty"`
}

func (m *mocks) told(line string) answer {
	switch line {
	case "reset":
		if err := m.reset(); err != nil {
			return answer{Error: err.Error()}
		}
		return answer{}
	case "report":
		r, err := m.report()
		if err != nil {
			return answer{Error: err.Error()}
		}
		return answer{Report: &r}
	}
	return answer{Error: fmt.Sprintf("%q is none of reset and report", line)}
}
