package dialer_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/control/dialer"
	"parley/store"
	"parley/store/sql"
	"parley/store/storetest/litetest"
)

// onceTasks is how many tasks TestDialOnce has on Postgres; `make dial-once` has 1,000.
var onceTasks = flag.Int("tasks", 200, "tasks of TestDialOnce on Postgres")

// impatience makes a test of minutes one of seconds.
var impatience = dialer.Timing{
	Every: 30 * time.Millisecond, Ask: time.Second, Look: 700 * time.Millisecond, Again: 300 * time.Millisecond, Settle: 1500 * time.Millisecond,
	Grace: 1500 * time.Millisecond, Backoff: 100 * time.Millisecond, Wait: time.Minute,
}

// TestDialOnce: nodes that dial from one database are killed with kill -9 at every point of the dialling path, and the carrier loses
// answers, cuts connections and breaks. No number rings twice, and every task comes to an end: of those that were never placed, no number
// rang; of those that are completed, one did.
func TestDialOnce(t *testing.T) {
	t.Parallel()
	t.Run("Postgres", func(t *testing.T) {
		t.Parallel()
		dialOnce(t, postgres.URL(t), *onceTasks, dialer.Rules{MaxCalls: 60, CallsPerSecond: 400, RingSeconds: 1})
	})
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		dialOnce(t, litetest.New(t, ""), 150, dialer.Rules{MaxCalls: 20, CallsPerSecond: 100, RingSeconds: 1}) // each of its writes waits for the disk
	})
}

func dialOnce(t *testing.T, database string, count int, rules dialer.Rules) {
	t.Helper()
	begun := time.Now()
	db, err := sql.Open(t.Context(), sql.Options{URL: database})
	must(t, err)
	defer db.Close()
	org, agent := found(t, db)
	plan(t, db, org, agent, 0, count)
	rings := filepath.Join(t.TempDir(), "rings.jsonl")
	api := startCarrier(t, rings)

	var left []string // the points at which nobody has been killed yet: first all of them soon, then all of them later
	for range 1 + count/500 {
		for _, i := range rand.Perm(len(killPoints)) {
			left = append(left, killPoints[i])
		}
	}
	spread := int64(4)
	next := func() (kill string, at int64) {
		if len(left) == 0 {
			return "", 0
		}
		if kill, left = left[0], left[1:]; len(left) < len(killPoints)*(count/500) {
			spread = 12
		}
		return kill, 1 + rand.Int64N(spread)
	}
	killed := map[string]int{}
	var nodes []*process
	for i := range 2 {
		nodes = append(nodes, newProcess(t, nodePlan{
			Name: fmt.Sprint("node ", i+1), Dir: t.TempDir(), Database: database, Carrier: api, Timing: impatience,
			Rules: rules,
		}))
	}
	ended := make(chan *process, len(nodes))
	for _, n := range nodes {
		n.start(t, ended, next)
	}
	deaths := 0
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for limit := time.After(3 * time.Minute); ; {
		select {
		case n := <-ended:
			deaths++
			killed[n.plan.Kill]++
			t.Logf("%6.2f s: killed: %v", time.Since(begun).Seconds(), n.plan)
			n.start(t, ended, next)
			continue
		case <-limit:
			report(t, db, org, rings, count)
			t.Fatal("not every task came to an end within 3 minutes")
		case <-look.C:
		}
		if _, active := tally(t, db, org); active > 0 {
			continue
		}
		if len(killed) == len(killPoints) {
			break
		}
		plan(t, db, org, agent, count, count+40) // until nodes have been killed at every point
		count += 40
	}
	for _, n := range nodes {
		n.stop(t, ended)
	}
	t.Logf("%d tasks, %d kills at %d points, %v", count, deaths, len(killed), time.Since(begun).Round(10*time.Millisecond))
	report(t, db, org, rings, count)
}

// found makes an organisation with an agent.
func found(t *testing.T, db *sql.Store) (org, id string) {
	t.Helper()
	now := time.Now().UTC()
	org = store.NewID()
	agent := store.Agent{ID: store.NewID(), Org: org, Name: "Ada", SystemPrompt: "Call {{name}}.", StartingMessage: "Hello {{name}}", Enabled: true, Created: now}
	must(t, db.Found(t.Context(), store.Setup{
		Organisation: store.Organisation{ID: org, Name: "Example", Created: now},
		Owner:        store.User{ID: store.NewID(), Email: "o@example.com", Role: store.Owner, Created: now},
		Key:          store.Key{ID: store.NewID(), Hash: "h", Created: now}, Agent: agent,
	}))
	return org, agent.ID
}

// plan makes tasks that are due, each for a number of its own.
func plan(t *testing.T, db *sql.Store, org, agent string, from, to int) {
	t.Helper()
	now := time.Now().UTC()
	for i := from; i < to; i++ {
		_, err := db.CreateTask(t.Context(), store.Task{
			ID: store.NewID(), Org: org, Agent: agent, Name: fmt.Sprint(i), To: fmt.Sprintf("+1212555%04d", i), Context: `{"name":"Zoë"}`,
			Scheduled: now.Add(-time.Minute), Priority: i % 3, Created: now,
		})
		must(t, err)
	}
}

// tally counts tasks by status.
func tally(t *testing.T, db *sql.Store, org string) (by map[store.Status]int64, active int64) {
	t.Helper()
	by = map[store.Status]int64{}
	for _, s := range []store.Status{store.Pending, store.InProgress, store.Completed, store.Failed} {
		_, n, err := db.Tasks(t.Context(), org, store.TaskFilter{Status: s}, store.Page{})
		must(t, err)
		by[s] = n
	}
	return by, by[store.Pending] + by[store.InProgress]
}

// report holds what the tasks say against the ring log.
func report(t *testing.T, db *sql.Store, org, path string, count int) {
	t.Helper()
	rings := readRings(t, path)
	var all []store.Task
	for len(all) < count {
		page, _, err := db.Tasks(t.Context(), org, store.TaskFilter{}, store.Page{Limit: 500, Offset: len(all)})
		must(t, err)
		if len(page) == 0 {
			t.Fatalf("%d tasks of %d", len(all), count)
		}
		all = append(all, page...)
	}
	outcomes, total := map[string]int{}, 0
	for to, n := range rings {
		total += n
		if n > 1 {
			t.Errorf("%s rang %d times", to, n)
		}
	}
	for _, task := range all {
		call, err := db.Call(t.Context(), org, task.Call)
		if err != nil {
			t.Errorf("task %s, %s: its call: %v", task.Name, task.Status, err)
			continue
		}
		outcomes[string(task.Status)+" "+call.Cause]++
		rang := rings[task.To]
		switch {
		case !task.Status.Final() || call.Status != task.Status || task.Attempts != 1:
			t.Errorf("task %s is %s after %d attempts, its call is %s", task.Name, task.Status, task.Attempts, call.Status)
		case task.Status == store.Completed && rang != 1:
			t.Errorf("task %s is completed, and %s rang %d times", task.Name, task.To, rang)
		case call.Cause == store.CauseUnplaced && rang != 0:
			t.Errorf("task %s was not placed (%s), and %s rang", task.Name, task.Error, task.To)
		case call.Cause != store.CauseUnplaced && rang != 1:
			t.Errorf("task %s ended with %s, and %s rang %d times", task.Name, call.Cause, task.To, rang)
		}
	}
	var lines []string
	for what, n := range outcomes {
		lines = append(lines, fmt.Sprintf("%s: %d", what, n))
	}
	slices.Sort(lines)
	t.Logf("%d numbers rang, %d times in all; %s", len(rings), total, strings.Join(lines, ", "))
	if outcomes["completed agent"] < count/10 {
		t.Errorf("only %d tasks of %d were completed", outcomes["completed agent"], count)
	}
	told(t, db, all)
}

// told holds the events of the tasks against how they ended: each begins once, and its last event is its end. Before that it may have been
// thought to have failed, while the node that had the call was dead for longer than the others wait.
func told(t *testing.T, db *sql.Store, tasks []store.Task) {
	t.Helper()
	events, err := db.TaskEvents(t.Context(), 0, 10*len(tasks))
	must(t, err)
	of := map[string][]string{}
	for _, e := range events {
		of[e.Task] = append(of[e.Task], e.Kind)
	}
	presumed := 0
	for _, task := range tasks {
		want := []string{store.CallStarted, store.CallFailed}
		if task.Status == store.Completed {
			want[1] = store.CallCompleted
		}
		kinds := of[task.ID]
		if len(kinds) == 3 && kinds[1] == store.CallFailed {
			kinds = []string{kinds[0], kinds[2]}
			presumed++
		}
		if !slices.Equal(kinds, want) {
			t.Errorf("events of task %s, %s: %v", task.Name, task.Status, of[task.ID])
		}
	}
	t.Logf("%d ends were presumed at first", presumed)
	if presumed > len(tasks)/10 {
		t.Errorf("%d ends of %d were presumed: nodes do not wait for each other", presumed, len(tasks))
	}
}

// startCarrier starts the fake carrier in a process of its own, and returns the URL of its API.
func startCarrier(t *testing.T, rings string) string {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), roleEnv+"=carrier", planEnv+"="+rings)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	must(t, err)
	out, err := c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	t.Cleanup(func() {
		must(t, in.Close())
		must(t, c.Wait())
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	return strings.TrimSpace(line)
}

// A process is a node's: it dies and is started again under the same address.
type process struct {
	plan     nodePlan
	listener *os.File
	log      *os.File // of all its lives; the test shows it if it fails
	cmd      *exec.Cmd
	stdin    io.Closer
}

func newProcess(t *testing.T, plan nodePlan) *process {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	file, err := ln.(*net.TCPListener).File()
	must(t, err)
	plan.Public = "http://" + ln.Addr().String()
	must(t, ln.Close()) // the file is another handle
	t.Cleanup(func() { must(t, file.Close()) })
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	must(t, err)
	t.Cleanup(func() {
		if text, err := os.ReadFile(log.Name()); t.Failed() {
			t.Logf("log of %s (%v):\n%s", plan.Name, err, text)
		}
		must(t, log.Close())
	})
	return &process{plan: plan, listener: file, log: log}
}

// start starts the node, and tells ended when it has been killed.
func (p *process) start(t *testing.T, ended chan<- *process, next func() (string, int64)) {
	t.Helper()
	p.plan.Kill, p.plan.At = next()
	text, err := json.Marshal(p.plan)
	must(t, err)
	p.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0])
	p.cmd.Env = append(os.Environ(), roleEnv+"=node", planEnv+"="+string(text))
	p.cmd.ExtraFiles = []*os.File{p.listener}
	p.cmd.Stderr = p.log
	p.stdin, err = p.cmd.StdinPipe()
	must(t, err)
	must(t, p.cmd.Start())
	go func(cmd *exec.Cmd, plan nodePlan) {
		err := cmd.Wait()
		var exit *exec.ExitError
		if status, ok := syscall.WaitStatus(0), errors.As(err, &exit); ok {
			status = exit.Sys().(syscall.WaitStatus)
			if status.Signaled() && status.Signal() == syscall.SIGKILL && plan.Kill != "" {
				ended <- p
				return
			}
		}
		if err != nil {
			t.Errorf("%v: %v", plan, err)
		}
		ended <- nil
	}(p.cmd, p.plan)
}

// stop ends the node in good order.
func (p *process) stop(t *testing.T, ended <-chan *process) {
	t.Helper()
	must(t, p.stdin.Close())
	if n := <-ended; n != nil { // it was killed at the last moment: then there is nobody to end
		n.plan.Kill = ""
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
