package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"parley/control/document"
	"parley/pipeline"
	"parley/providers/chat"
	"parley/providers/local"
	"parley/store/sql"
)

// doctorCmd checks what serve needs, with the same settings.
type doctorCmd struct {
	config

	Carrier string `help:"Look at what a carrier's calls need to come in, and at nothing else: twilio, telnyx, plivo, signalwire, vonage, exotel, genesys, asterisk-websocket, audiosocket, freeswitch or sip. The server has to run." placeholder:"NAME"`
}

// A finding is one line of the doctor's report.
type finding struct {
	what, says, fix string // fix is empty when all is well
	fatal           bool   // serve would not start, or no call would work
}

// Run prints every finding, and fails if one of them would keep calls from working.
func (c *doctorCmd) Run(ctx context.Context, con console) error {
	c.getenv = con.getenv
	if c.Carrier != "" {
		findings, err := c.carrier(ctx)
		if err != nil {
			return err
		}
		return tell(con.out, findings)
	}
	findings := []finding{c.settings(), c.dataDir(), c.database(ctx), c.nodes(ctx), c.recordings(ctx), c.collector(ctx), c.address(ctx), c.turn(ctx), c.room(), c.publicURL(), c.token(), c.flow(), c.tools()}
	v, err := newVendors(&c.config, tally{}, slog.New(slog.DiscardHandler))
	if err != nil {
		findings = append(findings, finding{what: "providers", says: err.Error(), fix: "correct that setting", fatal: true})
		return tell(con.out, findings)
	}
	defer func() { _ = v.close() }() // nobody speaks any more
	if v.engine != nil {
		findings = append(findings, speech(ctx, v.engine)...)
	}
	findings = append(findings, c.voice(ctx, v)...)
	findings = append(findings, c.organisations(ctx, v)...)
	return tell(con.out, append(append(findings, c.model(ctx, v)...), c.documents(ctx, v)))
}

func tell(w io.Writer, findings []finding) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	bad := 0
	for _, f := range findings {
		state := "ok"
		switch {
		case f.fatal:
			state = "FAIL"
			bad++
		case f.fix != "":
			state = "note"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\n", state, f.what, f.says)
		if f.fix != "" {
			fmt.Fprintf(tw, "\t\t-> %s\n", f.fix)
		}
	}
	if err := tw.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d checks failed", bad, len(findings))
	}
	return nil
}

func (c *doctorCmd) dataDir() finding {
	f := finding{what: "data directory", says: c.DataDir}
	probe := filepath.Join(c.DataDir, ".doctor")
	err := os.MkdirAll(c.DataDir, 0o700)
	if err == nil {
		err = errors.Join(os.WriteFile(probe, nil, 0o600), os.Remove(probe))
	}
	if err != nil {
		f.says, f.fix, f.fatal = err.Error(), "set PARLEY_DATA_DIR to a directory that this user may write", true
	}
	return f
}

// database asks whether the database is there; it changes nothing in it.
func (c *doctorCmd) database(ctx context.Context) finding {
	f := finding{what: "database", says: "SQLite, " + strings.TrimPrefix(c.url(), "sqlite:")}
	if !strings.HasPrefix(c.url(), "sqlite:") {
		f.says = "Postgres, which answers" // its URL may hold a password
	} else if _, err := os.Stat(strings.TrimPrefix(c.url(), "sqlite:")); errors.Is(err, os.ErrNotExist) {
		f.says += ", which serve will make"
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	s, err := sql.Open(ctx, sql.Options{URL: c.url()})
	if err == nil {
		err = errors.Join(s.Ping(ctx), s.Close())
	}
	if err != nil {
		f.says, f.fix, f.fatal = err.Error(), "start the database, or correct DATABASE_URL", true
	}
	return f
}

func (c *doctorCmd) address(ctx context.Context) finding {
	f := finding{what: "address", says: c.HTTPAddr + " is free"}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.HTTPAddr)
	if err != nil {
		f.says, f.fix = err.Error(), "a server runs there already, or set PARLEY_HTTP_ADDR"
		return f
	}
	_ = ln.Close()
	return f
}

// turn is whether the relay's address is free, over UDP and TCP.
func (c *doctorCmd) turn(ctx context.Context) finding {
	if c.TURN == "" {
		return finding{what: "TURN", says: "none: browsers without UDP need PARLEY_WEBRTC_TCP or PARLEY_TURN"}
	}
	f := finding{what: "TURN", says: c.TURN + " is free, over UDP and TCP"}
	var listen net.ListenConfig
	udp, err := listen.ListenPacket(ctx, "udp", c.TURN)
	if err == nil {
		_ = udp.Close()
		var tcp net.Listener
		if tcp, err = listen.Listen(ctx, "tcp", c.TURN); err == nil {
			_ = tcp.Close()
		}
	}
	if err != nil {
		f.says, f.fix = err.Error(), "a server runs there already, or set PARLEY_TURN"
	}
	return f
}

// settings are those that can be read, and yet are wrong.
func (c *doctorCmd) settings() finding {
	f := finding{what: "settings", says: "sound"}
	if err := c.check(); err != nil {
		f.says, f.fix, f.fatal = strings.ReplaceAll(err.Error(), "\n", "; "), "parley serve --help has units and bounds", true
	}
	return f
}

func (c *doctorCmd) publicURL() finding {
	f := finding{what: "public URL", says: c.PublicURL}
	switch {
	case c.PublicURL == "":
		f.says, f.fix = "not set: fine for `parley call` on this machine", "carriers need PARLEY_PUBLIC_URL=https://your.host"
	case !strings.HasPrefix(c.PublicURL, "https:"):
		f.fix = "Twilio streams only to https (wss) URLs"
	}
	return f
}

func (c *doctorCmd) token() finding {
	f := finding{what: "Twilio token", says: "set"}
	if c.TwilioAuthToken == "" {
		f.says, f.fix = "not set: a made one in "+filepath.Join(c.DataDir, tokenFile)+" serves `parley call`", "for Twilio's calls set TWILIO_AUTH_TOKEN"
	}
	return f
}

// speech loads the local models and says how good the speech is that they give.
func speech(ctx context.Context, engine *local.Engine) []finding {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() { _ = engine.Run(ctx) }) // what it could not load, Status tells
	defer func() { cancel(); running.Wait() }()
	select {
	case <-engine.Ready():
	case <-ctx.Done():
		return []finding{{what: "local speech", says: "models did not load within a minute", fix: "make setup", fatal: true}}
	}
	return speechFindings(engine.Status())
}

func speechFindings(s local.Report) []finding {
	var out []finding
	for _, part := range []struct {
		what string
		local.Part
	}{{"local ear", s.Ear}, {"local recogniser", s.Recogniser}, {"local endpointing", s.Endpoint}, {"local voice", s.Voice}} {
		f := finding{what: part.what, says: part.Level, fix: part.Fix}
		if part.Why != "" {
			f.says += ": " + part.Why
		}
		out = append(out, f)
	}
	return out
}

// voicePatience is how long the doctor waits for a vendor's voice to begin.
const voicePatience = 10 * time.Second

// voice has a vendor's voice say a word, as nothing less shows that it would. The local one has a line of its own.
func (c *doctorCmd) voice(ctx context.Context, v *vendors) []finding {
	if v.speaks == "local" {
		return nil
	}
	f := finding{what: "voice", says: v.speaks}
	ctx, cancel := context.WithTimeoutCause(ctx, voicePatience, fmt.Errorf("no sound within %v", voicePatience))
	defer cancel()
	took, err := firstSound(ctx, v.speakers[v.speaks].known.Synthesizer, pipeline.Voice{Rate: narrowband, Lang: v.lang})
	switch {
	case err == nil:
		f.says += fmt.Sprintf(" begins to speak after %v", took.Round(time.Millisecond))
	case v.engine != nil:
		f.says, f.fix = err.Error(), "check its key and its settings; until then the local voice speaks instead"
	default:
		f.says, f.fix, f.fatal = err.Error(), "check its key and its settings", true
	}
	return []finding{f}
}

// firstSound is how long a voice takes to begin.
func firstSound(ctx context.Context, s pipeline.Synthesizer, v pipeline.Voice) (time.Duration, error) {
	began := time.Now()
	word := func(yield func(string, error) bool) { yield("Hello.", nil) }
	for sp, err := range s.Speak(ctx, word, v) {
		if err != nil {
			return 0, err
		}
		if len(sp.PCM) > 0 {
			return time.Since(began), nil
		}
	}
	return 0, errors.New("no sound came")
}

// model asks the language models' servers whether they are there. Only the one that is used by itself has to be.
func (c *doctorCmd) model(ctx context.Context, v *vendors) (all []finding) {
	if v.mind == "" {
		return []finding{{what: "language model", says: "none: the scripted dialog answers"}}
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for _, e := range table {
		m, ok := v.models[e.name]
		if !ok {
			continue
		}
		f := finding{what: "language model", says: e.thinks.model(&c.config) + " at " + cmp.Or(*e.account(&c.config).base, "api."+e.name+".com")}
		if err := m.Warm(ctx); err != nil {
			f.says, f.fix, f.fatal = err.Error(), mending(e.name, err), e.name == v.thinks
		}
		m.Close()
		all = append(all, f)
	}
	return all
}

// mending is what to do about a language model that does not answer.
func mending(vendor string, err error) string {
	key, base := strings.ToUpper(vendor)+"_API_KEY", strings.ToUpper(vendor)+"_BASE_URL"
	if e := chat.AsError(err); e != nil && e.Kind() == chat.Auth {
		return "check " + key + ": it is refused"
	}
	return "check " + key + " and " + base
}

// documents says whether all kinds can be read, and how they are searched.
func (c *doctorCmd) documents(ctx context.Context, v *vendors) finding {
	f := finding{what: "knowledge", says: "documents are searched by their words"}
	if err := document.CanReadPDF(); err != nil {
		f.fix = err.Error()
	}
	if v.embedder == nil {
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	defer v.embedder.Close()
	f.says += " and by vectors of " + c.EmbeddingsModel
	if _, err := v.embedder.Embed(ctx, []string{"hello"}); err != nil {
		f.says, f.fix = err.Error(), "check PARLEY_EMBEDDINGS_MODEL, _BASE_URL and _API_KEY; until then documents are searched by their words alone"
	}
	return f
}

// tools are what the model can do.
func (c *doctorCmd) tools() finding {
	f := finding{what: "tools"}
	b, err := newToolbox(&c.config, slog.New(slog.DiscardHandler))
	if err != nil {
		f.says, f.fix, f.fatal = strings.ReplaceAll(err.Error(), "\n", "; "), "correct the file that PARLEY_TOOLS names; docs/tools.yaml shows every setting", true
		return f
	}
	defer b.close()
	f.says, f.fix = strings.Join(b.offered(), ", "), strings.Join(b.missing(), "; ")
	return f
}

func (c *doctorCmd) flow() finding {
	f := finding{what: "scripted dialog", says: "the built-in receptionist"}
	if c.Flow != "" {
		f.says = c.Flow
	}
	if _, err := loadFlow(c.Flow); err != nil {
		f.says, f.fix, f.fatal = err.Error(), "correct the file that PARLEY_FLOW names", true
	}
	return f
}
