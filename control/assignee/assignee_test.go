package assignee

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/control/bots"
	"parley/control/envelope"
	"parley/control/report"
	"parley/pipeline"
	"parley/store"
	"parley/store/sql"
	"parley/store/storetest"
	"parley/store/storetest/litetest"
)

// A world is a house with an agent, a bot of WhatsApp and a customer, and an Assignee at work in it.
type world struct {
	t *testing.T
	storetest.House
	*Assignee
	drafts []string // prompts that messages were written by
	posted int
	closed error // why no thread may be written in
	mute   error // why no message is written
	report report.Report
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := sql.Open(t.Context(), sql.Options{URL: litetest.New(t, "")})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	w := &world{t: t, report: report.Report{Outcome: report.Achieved, Summary: "They will come."}}
	w.House, err = storetest.Fill(t.Context(), db)
	must(t, err)
	_, _, err = w.DeleteAssignment(t.Context(), w.Org, w.Assignment.ID)
	must(t, err)
	_, err = w.UpdateConversation(t.Context(), w.Org, w.Thread.ID, time.Now().UTC(), func(c *store.Conversation) error {
		c.Contact = strconv.FormatInt(w.Customer.Number, 10)
		return nil
	})
	must(t, err)
	w.Assignee = w.another()
	return w
}

// another is one more node's.
func (w *world) another() *Assignee {
	return New(Options{Store: w.Store, Inbox: w, Drafter: w, Reports: w, Timing: Timing{Again: time.Nanosecond, Lease: time.Nanosecond}})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Open implements Inbox.
func (w *world) Open(context.Context, store.Conversation) (store.Bot, error) { return w.Bot, w.closed }

// Letter implements Inbox.
func (w *world) Letter(bot store.Bot, c store.Conversation, text string) store.Posting {
	now := time.Now().UTC().Truncate(time.Microsecond)
	m := store.ThreadMessage{ID: store.NewID(), Conversation: c.ID, Role: "assistant", Content: text, Type: "text", Tokens: -1, Author: store.ByBot, Status: store.MessagePending, Created: now}
	return store.Posting{Org: c.Org, Message: m, Job: store.Job{ID: store.NewID(), Bot: bot.ID, Due: now}}
}

// Posted implements Inbox.
func (w *world) Posted(store.Conversation, store.ThreadMessage) { w.posted++ }

// Draft implements bots.Drafter.
func (w *world) Draft(_ context.Context, a store.Agent, _ store.Conversation, _ []pipeline.Message) (bots.Drafted, error) {
	w.drafts = append(w.drafts, a.SystemPrompt)
	return bots.Drafted{Text: "See you tomorrow?"}, w.mute
}

// Report implements Reports.
func (w *world) Report(context.Context, store.Call) (report.Report, error) { return w.report, nil }

// assign makes a task of the house's agent's, about the thread unless it is about nothing.
func (w *world) assign(objective string, change ...func(*store.Assignment)) string {
	w.t.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	a := store.Assignment{
		ID: store.NewID(), Org: w.Org, Conversation: strconv.FormatInt(w.Thread.Number, 10), Objective: objective, AssignedTo: store.Actor{Type: "ai_employee", ID: "1"},
		Agent: w.Setup.Agent.ID, Status: store.AssignmentOpen, Published: now, Created: now,
	}
	for _, f := range change {
		f(&a)
	}
	a, err := w.CreateAssignment(w.t.Context(), a)
	must(w.t, err)
	return a.ID
}

// step looks for work once, and waits until it is done.
func (w *world) step() {
	w.t.Helper()
	must(w.t, w.round(w.t.Context()))
	w.work.Wait()
}

func (w *world) read(id string) store.Assignment {
	w.t.Helper()
	a, err := w.Store.Assignment(w.t.Context(), w.Org, id)
	must(w.t, err)
	return a
}

// planned are the calls that are planned for tasks of the CRM.
func (w *world) planned() (all []store.Task) {
	w.t.Helper()
	found, _, err := w.Tasks(w.t.Context(), w.Org, store.TaskFilter{}, store.Page{Limit: 100})
	must(w.t, err)
	for _, t := range found {
		if strings.Contains(t.Context, taskSlot) {
			all = append(all, t)
		}
	}
	return all
}

// carry executes a planned call, which then comes to an end.
func (w *world) carry(task string, status store.Status, cause string) string {
	w.t.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	d, err := w.ExecuteTask(w.t.Context(), store.Execution{Org: w.Org, Task: task, Call: store.Call{ID: store.NewID(), Agent: w.Setup.Agent.ID, AgentVersion: 1, Created: now}})
	must(w.t, err)
	must(w.t, w.Record(w.t.Context(), []store.Entry{{Ended: &store.Ended{Call: d.Call, Status: status, End: store.End{Ended: now, Cause: cause, Error: "the line was " + cause}}}}))
	return d.Call
}

func TestCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.assign("Call them and ask when they come.\nBe kind.", func(a *store.Assignment) { a.Title = "Ask" })
	later := w.assign("Call them", func(a *store.Assignment) { a.Due = time.Now().Add(time.Hour) })
	w.step()
	w.step() // it goes on
	calls := w.planned()
	if len(calls) != 1 {
		t.Fatalf("%d calls are planned", len(calls))
	}
	var known map[string]string
	must(t, json.Unmarshal([]byte(calls[0].Context), &known))
	if c := calls[0]; c.To != "+56912345678" || c.Name != "Ask" || c.Agent != w.Setup.Agent.ID || c.Due.IsZero() || known["first_name"] != "José" || known[taskSlot] != id {
		t.Errorf("planned is %+v", c)
	}
	call := w.carry(calls[0].ID, store.Completed, "caller")
	w.step()
	w.step()
	if a := w.read(id); a.Work != store.WorkDone || a.Status != store.AssignmentCompleted || a.Completed.IsZero() || a.Outcome != "achieved: They will come." || a.Call != call {
		t.Errorf("the task is %+v", a)
	}
	if a := w.read(later); a.Work != store.WorkWaiting || len(w.planned()) != 1 {
		t.Errorf("what is not due is %+v", a)
	}
}

// TestCallFails: a call that fails, or reaches nobody, leaves the task open, and is not made again before somebody changes the task.
func TestCallFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.assign("Call them")
	for i, c := range []struct {
		status  store.Status
		outcome report.Outcome
		want    string
	}{{store.Failed, report.Achieved, "the call failed: the line was busy"}, {store.Completed, report.Voicemail, "the call reached nobody (voicemail): They will come."}} {
		w.report.Outcome = c.outcome
		w.step()
		if len(w.planned()) != i+1 {
			t.Fatalf("%d calls are planned", len(w.planned()))
		}
		w.carry(w.read(id).Task, c.status, "busy")
		w.step()
		w.step()
		if a := w.read(id); a.Work != store.WorkFailed || a.Status != store.AssignmentOpen || a.Failure != c.want || a.Call == "" {
			t.Errorf("the task is %+v, want %q", a, c.want)
		}
		_, _, err := w.UpdateAssignment(t.Context(), w.Org, id, time.Now().UTC(), func(a *store.Assignment) error { a.Objective += "!"; return nil })
		must(t, err)
	}
	w.step()
	must(t, w.DeleteTask(t.Context(), w.Org, w.read(id).Task))
	w.step()
	if a := w.read(id); a.Work != store.WorkFailed || a.Failure != "its planned call was deleted" {
		t.Errorf("the task is %+v", a)
	}
}

func TestMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		external, failure string
		status            store.AssignmentStatus
		outcome, want     string
	}{{"wamid.1", "", store.AssignmentCompleted, "See you tomorrow?", ""}, {"", "no credit", store.AssignmentOpen, "", "the message was not sent: no credit"}} {
		id := w.assign("Send a WhatsApp message about {{tomorrow}}")
		w.step()
		w.step()
		jobs, err := w.TakeJobs(t.Context(), store.JobTaking{Kind: store.SendJob, Node: "node", Now: time.Now(), Until: time.Now().Add(time.Minute), Most: 10})
		if must(t, err); len(jobs) != 1 || jobs[0].Key != w.read(id).Message || w.read(id).Work != store.WorkWriting {
			t.Fatalf("jobs are %+v of %+v", jobs, w.read(id))
		}
		must(t, w.Sent(t.Context(), jobs[0], c.external, c.failure, time.Now()))
		w.step()
		if a := w.read(id); a.Status != c.status || a.Outcome != c.outcome || a.Failure != c.want || a.Thread != w.Thread.ID {
			t.Errorf("the task is %+v", a)
		}
	}
	if len(w.drafts) != 2 || !strings.HasSuffix(w.drafts[0], `about \{{tomorrow}}`) || w.posted != 2 || len(w.planned()) != 0 {
		t.Errorf("written by %q, posted %d", w.drafts, w.posted)
	}
}

// TestNoWay: what cannot be done by the way that is asked for is done by the other, and what cannot be done at all says why.
func TestNoWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.closed = envelope.Bad("the window is closed")
	id := w.assign("Write to them")
	w.step()
	if a := w.read(id); a.Work != store.WorkCalling {
		t.Errorf("with a closed window: %+v", a)
	}
	bare := func(a *store.Assignment) { a.Conversation = "" }
	for _, c := range []struct {
		objective string
		change    func(*store.Assignment)
		want      string // of the failure; empty: it calls
	}{
		{"Call +15550100001 today", bare, ""}, {"Call them", bare, "nobody knows"}, {"Call them", func(a *store.Assignment) { a.Conversation = "99999" }, "nobody knows"},
	} {
		id := w.assign(c.objective, c.change)
		w.step()
		if a := w.read(id); c.want == "" && a.Work != store.WorkCalling || c.want != "" && !strings.Contains(a.Failure, c.want) {
			t.Errorf("%s: %+v", c.objective, a)
		}
	}
	w.closed, w.mute = nil, bots.ErrMute
	_, err := w.UpdateContact(t.Context(), w.Org, w.Customer.Number, time.Now().UTC(), func(c *store.Contact) error { c.Addresses = nil; return nil })
	must(t, err)
	other, err := w.CreateConversation(t.Context(), store.Conversation{ID: store.NewID(), Org: w.Org, Bot: w.Bot.ID, Channel: store.WhatsApp, External: "user.7", Status: store.ConversationActive, Length: store.NoLength, Created: time.Now().UTC()})
	must(t, err)
	id = w.assign("Write to them", func(a *store.Assignment) { a.Conversation = strconv.FormatInt(other.Number, 10) })
	w.step()
	if a := w.read(id); a.Failure != "the agent has neither a language model nor a flow to write with; there is no number to call" {
		t.Errorf("a mute agent: %+v", a)
	}
	w.mute = errors.New("away") // which may pass: it is tried again, for a while
	id = w.assign("Write to them", func(a *store.Assignment) { a.Conversation = strconv.FormatInt(other.Number, 10) })
	w.step()
	if a := w.read(id); a.Work != store.WorkWaiting {
		t.Errorf("while the model is away: %+v", a)
	}
	w.Assignee.t.Tries = time.Nanosecond
	w.step()
	if a := w.read(id); !strings.Contains(a.Failure, "no message could be written: away") {
		t.Errorf("when the model stays away: %+v", a)
	}
	_, err = w.UpdateAgent(t.Context(), w.Org, w.Setup.Agent.ID, time.Now().UTC(), func(a *store.Agent) error { a.Enabled = false; return nil })
	must(t, err)
	id = w.assign("Call them")
	w.step()
	if a := w.read(id); a.Failure != "its agent is disabled" {
		t.Errorf("a disabled agent: %+v", a)
	}
}

// TestOnce: whatever nodes look at a task at once, also again before it is settled, it is carried out once.
func TestOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const tasks = 5
	for range tasks {
		w.assign("Call them")
	}
	var nodes sync.WaitGroup
	for range 4 {
		node := w.another()
		nodes.Go(func() {
			for range 5 {
				if err := node.round(t.Context()); err != nil {
					t.Error(err)
				}
			}
			node.work.Wait()
		})
	}
	nodes.Wait()
	if n := len(w.planned()); n != tasks {
		t.Errorf("%d calls are planned for %d tasks", n, tasks)
	}
}

// TestRun: a task is begun when there is one, and Run ends with its context.
func TestRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- w.Run(ctx) }()
	id := w.assign("Call them")
	for w.Wake(); w.read(id).Work == store.WorkWaiting; w.Wake() {
		if ctx.Err() != nil {
			break
		}
	}
	cancel()
	must(t, <-over)
}

func TestWantsMessage(t *testing.T) {
	t.Parallel()
	thread := reach{thread: &store.Conversation{}}
	for objective, want := range map[string][2]bool{ // without and with a thread
		"Call them, then write down what they say": {false, false}, "Send them a message, or call": {true, true}, "Escríbele por WhatsApp": {true, true},
		"Llámalo mañana": {false, false}, "Ligue para o cliente": {false, false}, "Send proposal to client": {false, true}, "Recall the callous": {false, true},
	} {
		if got := [2]bool{wantsMessage(objective, reach{}), wantsMessage(objective, thread)}; got != want {
			t.Errorf("%s: %v, want %v", objective, got, want)
		}
	}
}

func TestPrompt(t *testing.T) {
	t.Parallel()
	const prompt = "Be kind."
	if got := Prompt(prompt, store.Task{Context: `{"objective":"x"}`}); got != prompt {
		t.Errorf("a call of nobody's task is told %q", got)
	}
	told, missing := pipeline.Fill(Prompt(prompt, store.Task{Context: `{"objective":"x","crm_task":"1"}`}), map[string]string{"objective": "Ask {{them}}"})
	if !strings.HasPrefix(told, prompt) || !strings.HasSuffix(told, ": Ask {{them}}") || len(missing) != 0 {
		t.Errorf("told is %q without %v", told, missing)
	}
}
