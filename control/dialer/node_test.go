package dialer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"parley/control/dialer"
	"parley/control/records"
	"parley/media"
	"parley/media/stream"
	"parley/pipeline"
	"parley/providers/callapi"
	"parley/providers/twilio"
	"parley/store"
	"parley/store/sql"
)

// A nodePlan is what a node's process is told. Its listener is file 3: it is the starter's, so that the node's address outlives it.
type nodePlan struct {
	Name     string // of the node, in its records
	Dir      string // its data directory
	Database string
	Carrier  string // URL of the carrier's API
	Public   string // URL of this node
	Kill     string // the point at which it kills itself; empty: none
	At       int64  // the how manieth time that it gets there
	Timing   dialer.Timing
	Rules    dialer.Rules
}

// killPoints are the points of the dialling path at which nodes are killed, in its order.
var killPoints = []string{
	"due",       // tasks are known to be due, nothing is written
	"executed",  // the execution is committed, its call is queued
	"taken",     // the intent to ask is committed
	"asking",    // the carrier is about to be asked
	"written",   // the request has been written to the carrier's socket
	"replied",   // the first byte of its answer has come
	"answered",  // the answer has been read, nothing is written down
	"placed",    // the carrier's id of the call is committed
	"heard",     // a status has come from the carrier, nothing is written
	"noted",     // it is committed, and not yet acknowledged
	"expected",  // an answered call has been admitted
	"picked up", // its sound has come, its record is not yet open
	"ended",     // the call has ended, its record does not know yet
	"looked",    // the carrier has told how a call stands, nothing is written
	"found",     // the carrier has told what calls it has, nothing is written
	"settling",  // a call is about to be ended by the dialer
	"settled",   // its end is committed
}

// beNode is a node that dials, and kills itself at a point.
func beNode(plan string, stdin io.Reader) error {
	ctx := untilEnd(stdin)
	var p nodePlan
	if err := json.Unmarshal([]byte(plan), &p); err != nil {
		return err
	}
	ln, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return err
	}
	db, err := sql.Open(ctx, sql.Options{URL: p.Database, Conns: 12})
	if err != nil {
		return err
	}
	defer db.Close()
	n := &node{plan: p, log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	boot := store.NewID()
	if n.records, err = records.New(records.Options{Dir: p.Dir, Node: p.Name, Boot: boot, Store: db, Log: n.log}); err != nil {
		return err
	}
	n.dialer = dialer.New(dialer.Options{
		Store: db, Node: boot, Leg: "twilio", Timing: p.Timing, Rules: p.Rules, Log: n.log, Point: n.at,
		Caller:  func(string, string) string { return "+15550100001" },
		Carrier: &twilio.Account{SID: accountSID, Token: authToken, Base: p.Carrier, Voice: p.Public + "/twilio/voice", Status: p.Public + "/twilio/status", Client: n.client()},
	})
	line := &stream.Twilio{Host: stream.Host{PublicURL: p.Public, Answer: n.answer}, AccountSID: accountSID, AuthToken: authToken, Admit: n.admit, Progress: n.progress}
	mux := http.NewServeMux()
	line.Mount(mux)
	web := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan error, 3)
	go func() { done <- web.Serve(ln) }()
	go func() { done <- n.records.Run(ctx) }()
	go func() { done <- n.dialer.Run(ctx) }()
	<-ctx.Done()
	err = web.Close()
	for range 3 {
		if e := <-done; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// A node is what serve is made of, without speech.
type node struct {
	plan    nodePlan
	log     *slog.Logger
	records *records.Records
	dialer  *dialer.Dialer
	times   atomic.Int64
}

// at kills this process, as kill -9 does, when it is where it was told to be killed.
func (n *node) at(point string) {
	if point == n.plan.Kill && n.times.Add(1) == n.plan.At {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal may take a moment
	}
}

// client asks the carrier, and knows the points between.
func (n *node) client() *http.Client {
	return &http.Client{Transport: tracing{n}}
}

type tracing struct{ n *node }

func (t tracing) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost {
		r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
			WroteRequest:         func(httptrace.WroteRequestInfo) { t.n.at("written") },
			GotFirstResponseByte: func() { t.n.at("replied") },
		}))
	}
	return http.DefaultTransport.RoundTrip(r)
}

// admit, progress and answer are what cmd/parley does.
func (n *node) admit(ctx context.Context, carrierID string, _ []string, params url.Values) bool {
	return n.dialer.Expected(ctx, params.Get(pipeline.TokenParam), carrierID) == nil
}

func (n *node) progress(ctx context.Context, u stream.StatusUpdate) {
	err := n.dialer.Heard(context.WithoutCancel(ctx), u.Params.Get(pipeline.TokenParam), pipeline.Placed{ID: u.CallSID, State: callapi.State(u.Status), Code: u.SIPCode})
	if err != nil {
		n.log.Warn("news", "error", err)
	}
}

func (n *node) answer(ctx context.Context, leg media.Leg) {
	info := leg.Info()
	token := info.Params[pipeline.TokenParam]
	plan, err := n.dialer.Answered(ctx, token)
	if err != nil {
		n.log.Warn("answered", "error", err)
		_ = leg.Hangup(media.CauseRejected)
		return
	}
	n.records.Begin(store.Call{
		ID: token, Org: plan.Task.Org, Agent: plan.Agent.ID, AgentVersion: plan.Agent.Version, Task: plan.Task.ID, Direction: store.Outbound,
		Leg: "twilio", CarrierID: info.ID, From: info.From, To: info.To, Created: plan.Dial.Created, Answered: time.Now(),
	})
	_ = leg.Hangup(media.CauseAgent)
	n.at("ended")
	text, _ := pipeline.Fill(plan.Opening(), plan.Slots())
	n.records.Watch(pipeline.Event{Kind: pipeline.CallEnded, Call: token, Ending: &pipeline.Ending{
		Call: token, Cause: media.CauseAgent, Length: time.Millisecond, History: []pipeline.Message{{Role: pipeline.Assistant, Text: text}},
	}})
}

// String names a plan for the test's output.
func (p nodePlan) String() string {
	if p.Kill == "" {
		return p.Name + " to the end"
	}
	return fmt.Sprintf("%s until %q comes for the %d. time", p.Name, p.Kill, p.At)
}
