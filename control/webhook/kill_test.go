package webhook_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"parley/control/vault"
	"parley/control/webhook"
	"parley/store"
	"parley/store/sql"
)

// A nodePlan is what a process is told that sends.
type nodePlan struct {
	Name, Database, Roots string
	Kill                  string // the point at which it kills itself; empty: none
	At                    int64  // the how manieth time that it gets there
}

// killPoints are the points at which nodes are killed, in their order.
var killPoints = []string{
	"taken",   // deliveries are claimed
	"sending", // one is about to be sent
	"sent",    // it has been sent and answered, nothing is written
	"settled", // what became of it is committed
}

// beNode sends until stdin ends, or it has killed itself.
func beNode(plan string, stdin io.Reader) error {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, stdin)
	}()
	var p nodePlan
	if err := json.Unmarshal([]byte(plan), &p); err != nil {
		return err
	}
	db, err := sql.Open(ctx, sql.Options{URL: p.Database})
	if err != nil {
		return err
	}
	defer db.Close()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(p.Roots))
	allow, err := webhook.ParseAllow([]string{"127.0.0.1"})
	if err != nil {
		return err
	}
	sealed, err := vault.New(nodeSecret)
	if err != nil {
		return err
	}
	var times atomic.Int64
	return webhook.New(webhook.Options{
		Store: db, Node: store.NewID(), Secrets: &webhook.Secrets{Rules: db, Vault: sealed}, Allow: allow, Roots: pool,
		Timing: webhook.Timing{Every: 20 * time.Millisecond, Timeout: time.Second, Lease: 3 * time.Second},
		Log:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Point: func(point string) {
			if point == p.Kill && times.Add(1) == p.At {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {} // the signal may take a moment
			}
		},
	}).Run(ctx)
}

// TestKilled: nodes that send from one database are killed with kill -9 at every point of the sending path. Everything is delivered; what is
// sent twice has the same id and body, and is no more than what was in a killed node's hands; and no call ends before it has begun.
func TestKilled(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		h := newHouse(t, url)
		h.redeliver() // on a busy machine a try may be too slow
		e := newEndpoint(t, nil)
		var left []string
		for range 2 {
			for _, i := range rand.Perm(len(killPoints)) {
				left = append(left, killPoints[i])
			}
		}
		ended := make(chan *node, 2)
		nodes := []*node{newNode(t, "node 1", url), newNode(t, "node 2", url)}
		for _, n := range nodes {
			n.start(t, ended, &left)
		}
		calls, kills := 0, 0
		look := time.NewTicker(50 * time.Millisecond)
		defer look.Stop()
		for limit := time.After(3 * time.Minute); ; {
			select {
			case n := <-ended:
				kills++
				t.Logf("killed: %s at the %d. %q", n.plan.Name, n.plan.At, n.plan.Kill)
				n.start(t, ended, &left)
				continue
			case <-limit:
				t.Fatalf("not everything is delivered within 3 minutes: %d are pending", h.count(store.DeliveryFilter{Status: store.DeliveryPending}))
			case <-look.C:
			}
			switch {
			case kills < 2*len(killPoints) && calls < 400: // something to be killed at
				for range 4 {
					_, call := h.call(e.URL + "/hook")
					h.end(call, []store.Status{store.Completed, store.Failed}[calls%2])
					calls++
				}
				continue
			case h.count(store.DeliveryFilter{Status: store.DeliveryPending}) > 0:
				continue
			}
			break
		}
		for _, n := range nodes {
			n.stop(t, ended)
		}
		if kills != 2*len(killPoints) {
			t.Errorf("%d kills, want %d", kills, 2*len(killPoints))
		}
		report(t, h, e, calls, kills)
	})
}

// report holds what the log says against what the endpoint heard.
func report(t *testing.T, h *house, e *endpoint, calls, kills int) {
	t.Helper()
	if n := h.count(store.DeliveryFilter{Status: store.DeliveryDelivered}); n != 2*calls {
		t.Errorf("%d deliveries of %d", n, 2*calls)
	}
	bodies, begun, twice := map[string]string{}, map[string]bool{}, 0
	for _, one := range e.all() {
		var p webhook.Payload
		must(t, json.Unmarshal([]byte(one.body), &p))
		if p.EventType == store.CallStarted {
			begun[p.CallID] = true
		} else if !begun[p.CallID] {
			t.Errorf("call %s ends before it has begun", p.CallID)
		}
		if before, ok := bodies[one.id]; ok {
			twice++
			if before != one.body {
				t.Errorf("%s was %s and is %s", one.id, before, one.body)
			}
		}
		if bodies[one.id] = one.body; !verifies(one, h.secret) {
			t.Errorf("a bad signature: %+v", one)
		}
	}
	if len(bodies) != 2*calls || len(begun) != calls {
		t.Errorf("%d deliveries were heard of %d", len(bodies), 2*calls)
	}
	t.Logf("%d calls, %d kills, %d deliveries, %d of them heard again", calls, kills, len(bodies), twice)
}

// A node is a process that sends; it dies and is started again.
type node struct {
	plan  nodePlan
	log   *os.File
	stdin io.Closer
}

func newNode(t *testing.T, name, url string) *node {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	must(t, err)
	t.Cleanup(func() {
		if text, err := os.ReadFile(log.Name()); t.Failed() {
			t.Logf("log of %s (%v):\n%s", name, err, text)
		}
		must(t, log.Close())
	})
	pem := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
	return &node{plan: nodePlan{Name: name, Database: url, Roots: string(pem)}, log: log}
}

// start starts the node, and tells ended when it has been killed.
func (n *node) start(t *testing.T, ended chan<- *node, left *[]string) {
	t.Helper()
	n.plan.Kill = ""
	if len(*left) > 0 {
		n.plan.Kill, n.plan.At = (*left)[0], 1+rand.Int64N(5)
		*left = (*left)[1:]
	}
	text, err := json.Marshal(n.plan)
	must(t, err)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0])
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, planEnv) }), planEnv+"="+string(text))
	cmd.Stderr = n.log
	n.stdin, err = cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	go func(plan nodePlan) {
		err := cmd.Wait()
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL && plan.Kill != "" {
			ended <- n
			return
		}
		if err != nil {
			t.Errorf("%s: %v", fmt.Sprint(plan.Name), err)
		}
		ended <- nil
	}(n.plan)
}

// stop ends the node in good order.
func (n *node) stop(t *testing.T, ended <-chan *node) {
	t.Helper()
	must(t, n.stdin.Close())
	<-ended
}
