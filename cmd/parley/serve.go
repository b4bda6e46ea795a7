package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/control/admission"
	"parley/control/health"
	"parley/control/lines"
	"parley/control/metrics"
	"parley/control/price"
	"parley/control/recall"
	"parley/control/tracing"
	"parley/control/traits"
	"parley/media"
	"parley/media/echo"
	"parley/media/pace"
	"parley/media/stream"
	"parley/media/webrtc"
	webrelay "parley/media/webrtc/relay"
	"parley/pipeline"
	"parley/providers/callapi"
	"parley/store"
)

// serveCmd answers calls until it is told to stop.
type serveCmd struct {
	config
}

// Run listens first, then loads models: a call that comes early waits for them. The first SIGINT or SIGTERM drains: new calls are
// politely refused, calls in progress finish. The second, or the end of the drain time, hangs them up.
func (c *serveCmd) Run(ctx context.Context, con console) error {
	log := newLogger(c.LogLevel, c.LogFormat, con.err)
	c.getenv = con.getenv
	stop, again, done := interrupts(ctx)
	defer done()
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.HTTPAddr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	s, err := newServer(stop, &c.config, log)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	s.greet(con.out, ln.Addr())
	return s.run(stop, again, ln)
}

// newLogger writes to stderr, so that stdout stays for people.
func newLogger(level, format string, w io.Writer) *slog.Logger {
	var l slog.Level
	_ = l.UnmarshalText([]byte(level)) // the flag's enum has checked it
	o := &slog.HandlerOptions{Level: l}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// server ties one process together.
type server struct {
	cfg      *config
	log      *slog.Logger
	vendors  *vendors
	company  *company
	players  *players
	keypads  *keypads
	wheels   pace.Wheels
	board    *pipeline.Switchboard
	twilio   *stream.Twilio
	doors    []door          // those whose calls come by sockets: Twilio, and others
	sip      *switchroom     // nil: nothing comes by SIP
	pbx      *pbxPort        // nil: nothing comes by AudioSocket
	browsers *webrtc.Server  // nil: they cannot call
	chats    *chatCalls      // on WhatsApp; nil: they are not taken
	relay    *webrelay.Relay // for them; nil: none
	pages    pages
	visitors visitors
	quality  *lineQuality
	resuming resuming
	bills    *bills
	house    map[string]restAccount // the server's own accounts at carriers, by their kind
	exotel   *ordering              // what Exotel was asked for; nil: it is not
	guests   guests                 // who is being called for callers
	music    music                  // that callers hear meanwhile
	office   *office
	metrics  *metrics.Metrics
	health   *health.Board   // how vendors do
	traces   *tracing.Tracer // nil: none are made
	window   *window         // nil: the runtime is not to be looked into

	gate        *admission.Gate
	processors  *admission.Processors
	punctuality media.Punctuality
	draining    atomic.Bool
}

func newServer(ctx context.Context, c *config, log *slog.Logger) (*server, error) {
	if err := c.check(); err != nil {
		return nil, usageError{err}
	}
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make --data-dir: %w", err)
	}
	token := c.TwilioAuthToken
	if token == "" {
		var err error
		if token, err = keep(c.DataDir, tokenFile, func() string { return randomHex(16) }); err != nil {
			return nil, err
		}
	}
	if c.OTLPEndpoint != "" {
		log = slog.New(tracing.Logs(log.Handler()))
	}
	tools, err := newToolbox(c, log)
	if err != nil {
		return nil, err
	}
	prices, err := price.Load(c.Prices)
	if err != nil {
		return nil, usageError{err}
	}
	counts, board := newMetrics(), &health.Board{}
	v, err := newVendors(c, counted(counts, board, prices), log)
	if err != nil {
		return nil, err
	}
	s := &server{
		cfg: c, log: log, metrics: counts, health: board, vendors: v, company: &company{cfg: c, vendors: v, tools: tools, log: log}, keypads: &keypads{log: log}, guests: guests{log: log}, bills: &bills{prices: prices},
		wheels: pace.PerProcessor(func(v any, stack []byte) { log.Error("a beat panicked", "panic", v, "stack", string(stack)) }),
	}
	if s.traces, err = c.tracer(ctx, log); err == nil {
		s.window, err = c.openWindow(ctx, log)
	}
	if err != nil {
		s.closeTraces()
		return nil, errors.Join(err, v.close())
	}
	if s.music, err = c.music(); err != nil {
		s.closeTraces()
		return nil, errors.Join(usageError{err}, s.window.close(), v.close())
	}
	s.open(token)
	s.house = c.restHouse(log)
	if a := s.house[exotelKind]; a != nil {
		s.exotel = &ordering{restAccount: a}
		s.house[exotelKind] = s.exotel
	}
	counts.Registry.MustRegister(admissionCollector{s, time.Now()}, sipCollector{s})
	s.quality = newLineQuality(counts.Registry)
	counts.Registry.MustRegister(traceCounters(s.traces)...)
	phone := line{board: s.board, leg: c.diallingKind(s.house), accepting: s.accepting, admit: s.dialled, release: s.gate.Forget, draining: s.draining.Load, relays: s.relays, cost: s.bills.settle, giveUp: s.giveUp, letGo: s.letGo}
	if phone.leg != "" {
		phone.carrier = s.house[phone.leg]
	}
	if len(c.SIPListen) > 0 {
		phone.trunk, phone.trunkState = s.trunkCarrier, s.trunkState
	}
	s.resuming.deliver = func(e pipeline.Event) { s.office.watch(e) }
	if s.office, err = newOffice(ctx, c, s.company, phone, observe{counts.Request, counts.Webhook, counts.Asked, counts.Taped, counts.Dialling(), counts.Chatting(), board}, log); err != nil {
		s.closeTraces()
		return nil, errors.Join(err, s.window.close(), v.close())
	}
	if err := errors.Join(s.listenBrowsers(ctx), s.listenChats(ctx), s.listenTelnyx(), s.listenText(), s.listenBinary(), s.listenGenesys(), s.listenAudioSocket(ctx)); err != nil {
		s.closeTraces()
		return nil, errors.Join(err, s.pbx.close(), s.office.close(), s.window.close(), v.close())
	}
	s.players = s.office.accounts.players(v)
	s.company.players, s.company.lender = s.players, s.office.accounts
	s.company.recall = &recall.Desk{Rows: s.office.store, Organisation: s.office.directory.Memory}
	if s.sip, err = s.openSwitchroom(); err != nil {
		s.closeTraces()
		return nil, errors.Join(err, s.pbx.close(), s.office.close(), s.window.close(), v.close())
	}
	s.measure()
	return s, nil
}

// open makes what calls come by, and what admits them. token signs what Twilio sends.
func (s *server) open(token string) {
	s.keypads.nodes = func(row store.Agent) (has func(string) bool) {
		s.company.now(row, func(r *role) {
			if r.script != nil {
				has = r.script.Has
			}
		})
		return has
	}
	s.board = &pipeline.Switchboard{
		Cast: s.cast, Pacer: s.wheels, Limit: s.cfg.MaxCalls, Watch: s.watch, NewID: s.callID, Tones: s.cfg.KeyTones, Punctuality: &s.punctuality, Log: s.log,
	}
	s.gate = s.newGate()
	s.twilio = &stream.Twilio{
		Host:       s.host("twilio"),
		AccountSID: s.cfg.TwilioAccountSID, AuthToken: token,
		Admit:    s.expected,
		Progress: s.progress(callapi.State),
		Judged:   s.judged,
		Accounts: func(sid string) []stream.Account { return s.office.accounts.signers(lines.Twilio, sid) },
	}
	if s.cfg.Resumptions > 0 {
		s.twilio.Resume = s.resume
	}
	s.doors = []door{{s.twilio, &s.twilio.Host}}
}

// answer holds the conversation on a leg, if there is a place for it. The leg is rid of its echo first if that was asked for.
func (s *server) answer(ctx context.Context, leg media.Leg) {
	if token := leg.Info().Params[pipeline.TokenParam]; token != "" && s.guests.arrive(ctx, token, leg) {
		return
	}
	id := leg.Info().ID
	if !s.arrived(ctx, leg.Info()) {
		_ = leg.Hangup(media.CauseRejected) // what is lost is refused all the same
		return
	}
	var e pipeline.Ending
	defer func() { s.hangUpByREST(leg.Info(), e.Cause) }() // when its place is free again
	defer s.gate.End(id)
	if tail := s.echoTail(leg.Info()); tail > 0 {
		clean, err := echo.Wrap(leg, tail)
		if err != nil {
			s.log.Warn("echo is not taken out", "leg", leg.Info().Kind, "error", err)
		} else {
			leg = clean
		}
	}
	done := s.metrics.Begin(leg.Info())
	e = s.converse(ctx, leg)
	done(e)
	s.players.release(e.Call)
}

// converse holds the conversation on a leg: a new one, or one that goes on.
func (s *server) converse(ctx context.Context, leg media.Leg) pipeline.Ending {
	if leg.Info().Resumes != "" {
		return s.goOn(ctx, leg)
	}
	return s.board.Answer(s.bills.begin(ctx), leg)
}

// echoTail is how much echo is taken out of a leg. What a browser plays in the open comes back by its microphone, if it lets that happen.
func (s *server) echoTail(info media.Info) time.Duration {
	if info.Params[agentParam] != "" && info.Kind != stream.AudioSocketKind && s.cfg.EchoTail == 0 {
		return s.cfg.WebRTCEcho
	}
	return s.cfg.EchoTail
}

// cast gives a new call its agent, its providers and its recording. The record is opened first, whatever comes of the call.
func (s *server) cast(ctx context.Context, call string, info media.Info) (pipeline.Agent, pipeline.Parts, pipeline.Tap, error) {
	began := time.Now()
	row, info, err := s.office.begin(ctx, call, info, began)
	if err != nil {
		return pipeline.Agent{}, pipeline.Parts{}, nil, err
	}
	s.bills.name(ctx, call)
	s.pages.begin(call, row.Org, info.ID)
	role := s.company.of(s.players.hold(call, row.Org), row)
	if row.Version == 0 {
		role.tools.ready(ctx)
	}
	agent := s.persona(call, role, row, info)
	if w, public := traits.WidgetOf(row.Settings); public && info.Params[widgetParam] != "" {
		agent.Manners.MaxLength = min(agent.Manners.WithDefaults().MaxLength, w.Length())
	}
	greeting, missing := pipeline.Fill(row.StartingMessage, pipeline.Slots(info))
	if len(missing) > 0 {
		s.log.Warn("the starting message has places that nothing fills", "call", call, "agent", row.ID, "missing", missing)
	}
	var tap pipeline.Tap
	again := resumptionOf(ctx)
	if again != nil {
		greeting = agent.Manners.WithDefaults().CutOff
	}
	switch {
	case role.record && again != nil:
		tap = s.office.tapes.again(call, info.Rate, again.past.Answered)
	case role.record:
		tap = s.office.tapes.open(call, info.Rate, began) // now: the recording's clock starts with the call, and models may take their time
	}
	parts, err := role.cast(ctx, s.vendors.ear, &agent, info, s.recalling(ctx, call, row, &agent, info), s.relayLine(call, row))
	if err != nil {
		if c, ok := tap.(io.Closer); ok {
			err = errors.Join(err, c.Close())
		}
		return pipeline.Agent{}, pipeline.Parts{}, nil, err
	}
	parts.May = s.may(row.Org)
	parts.Change, parts.Transfer, parts.Dial, parts.Music = s.change(call, row.Org, info), s.transfer(row.Org, info), s.dial(row.Org, info), s.music.at
	parts.Connect = s.connect(row.Org, info)
	parts.Responder = bridged(info, parts.Responder)
	parts.Responder = s.traced(ctx, call, role, row, s.keypads.before(row, parts.Responder, pipeline.Greeting(greeting, parts.Responder), info))
	s.metrics.Ready(time.Since(began))
	return agent, parts, tap, nil
}

// persona is an agent as it is on a call: its role, and the row's words, with what is known of the call in its places.
func (s *server) persona(call string, role *role, row store.Agent, info media.Info) pipeline.Agent {
	agent := role.agent
	agent.Tools = role.tools.forCall(call, info, s.ways(info), s.colleagues(role, row))
	agent.Prompt, _ = pipeline.Fill(row.SystemPrompt, pipeline.Slots(info))
	if rules := s.keypads.of(row); rules != nil {
		agent.Keys = rules.Keys
	}
	if info.Kind == chatLeg {
		agent.Manners.Answering.On = false // no machine takes such calls
	}
	return agent
}

// watch is told of every call's events. It must not block.
func (s *server) watch(e pipeline.Event) {
	s.metrics.Watch(e)
	if !s.resuming.keep(e) {
		s.office.watch(e)
	}
	s.pages.watch(e)
	if s.traces != nil {
		s.traces.Watch(e)
	}
}

// run serves until stop is done, then drains.
func (s *server) run(stop, again context.Context, ln net.Listener) error {
	works, end := context.WithCancel(context.WithoutCancel(stop)) // models, wheel and records outlive the calls
	defer end()
	g, broken := errgroup.WithContext(works)
	g.Go(func() error { return s.wheels.Run(works) })
	g.Go(func() error { return s.gate.Run(works) })
	g.Go(func() error { return s.office.run(works) })
	g.Go(func() error { return s.office.library.Run(works) })
	g.Go(func() error { s.vendors.warm(works, s.log); return nil })
	g.Go(func() error { s.rehearse(works); return nil })
	g.Go(func() error { settle(works); return nil })
	if s.window != nil {
		g.Go(func() error { return s.window.Run(works) })
	}
	if s.sip != nil {
		g.Go(func() error { return s.sip.agent.Run(works) })
	}
	if s.pbx != nil {
		g.Go(func() error { return s.pbx.run(works) })
	}
	if s.vendors.engine != nil {
		g.Go(func() error { return s.vendors.engine.Run(works) })
		g.Go(func() error { s.report(works); return nil })
	}
	web := &http.Server{
		Handler: s.routes(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(ln) }()
	var err error
	select {
	case err = <-failed:
		err = fmt.Errorf("serve: %w", err)
	case <-broken.Done():
		s.log.Error("a part of the server has failed")
	case <-stop.Done():
	}
	s.drain(works, again)
	s.resuming.giveUp()
	s.office.ends.Wait()
	s.office.api.Close() // those who watch connect to another node
	bye, cancel := context.WithTimeout(works, 5*time.Second)
	defer cancel()
	s.office.reports.Close() // its requests end with it
	err = errors.Join(err, s.closeDoors(bye), s.sip.close(bye), s.closeBrowsers(bye), s.chats.close(bye), web.Shutdown(bye), s.players.close(), s.vendors.close())
	s.company.close()
	end()
	err = errors.Join(err, g.Wait(), s.office.close())
	s.closeTraces()
	return err
}

// settle gives the machine back what only the start needed: schemas, migrations, the hash of a first password.
func settle(ctx context.Context) {
	soon := time.NewTimer(2 * time.Second)
	defer soon.Stop()
	select {
	case <-soon.C:
		runtime.GC() // what lies in pools is let go of by the second one
		debug.FreeOSMemory()
	case <-ctx.Done():
	}
}

// comes is how long a carrier may take from the answer of a call to its stream: while draining, no longer is waited for it.
const comes = 5 * time.Second

// drain refuses new calls and waits for those in progress, also for those that were just answered and whose streams are on their way.
func (s *server) drain(ctx, again context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Drain)
	defer cancel()
	defer context.AfterFunc(again, cancel)()
	s.draining.Store(true)
	for _, d := range s.doors {
		d.Drain()
	}
	if s.browsers != nil {
		s.browsers.Drain()
	}
	s.office.node.Touch()
	s.log.Info("draining", "calls", s.board.Live(), "limit", s.cfg.Drain)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for s.coming()+s.sip.going()+s.chats.going() > 0 && ctx.Err() == nil {
		select {
		case <-look.C:
		case <-ctx.Done():
		}
	}
	if err := s.board.Drain(ctx); err != nil {
		s.log.Warn("calls hung up", "reason", err)
	}
}

// report says once what of the local speech is not as good as it could be; the engine itself says what it has loaded.
func (s *server) report(ctx context.Context) {
	select {
	case <-s.vendors.engine.Ready():
	case <-ctx.Done():
		return
	}
	for _, f := range speechFindings(s.vendors.engine.Status()) {
		if f.fix != "" {
			s.log.Warn("speech is degraded", "part", f.what, "level", f.says, "fix", f.fix)
		}
	}
}

// greet says where the server is and what to try next.
func (s *server) greet(w io.Writer, addr net.Addr) {
	local := strings.Replace(strings.Replace(addr.String(), "[::]", "localhost", 1), "0.0.0.0", "localhost", 1)
	fmt.Fprintf(w, "Parley answers at http://%s (recogniser %s, answers from %s, voice %s).\n", local, s.vendors.hears, s.vendors.thinks, s.vendors.speaks)
	call := "bin/parley call"
	switch {
	case s.cfg.PublicURL != "": // signatures are made over the public URL
		call += " --connect " + local + " " + strings.TrimRight(s.cfg.PublicURL, "/") + "/twilio/voice"
	case local != "localhost:8080":
		call += " http://" + local + "/twilio/voice"
	}
	if here, err := filepath.Abs("data"); s.cfg.TwilioAuthToken == "" && (err != nil || s.cfg.DataDir != here) {
		call += " --data-dir " + s.cfg.DataDir // where the made token is
	}
	s.office.greet(w, "http://"+local)
	if s.sip != nil {
		fmt.Fprintf(w, "Calls by SIP: %s.\n", strings.Join(s.sip.listening(), ", "))
	}
	if s.pbx != nil {
		fmt.Fprintf(w, "Calls by AudioSocket: %s.\n", s.pbx.ln.Addr())
	}
	if s.browsers != nil {
		fmt.Fprintf(w, "Talk in a browser:  http://%s/console/talk\n", local)
	}
	fmt.Fprintf(w, "Try next, in a second terminal:  %s\n", call)
	if s.cfg.PublicURL != "" {
		fmt.Fprintf(w, "Twilio number, \"a call comes in\": %s/twilio/voice\n", strings.TrimRight(s.cfg.PublicURL, "/"))
	}
}

// tokenFile is where a made auth token is kept, under the data directory.
const tokenFile = "twilio_auth_token"
