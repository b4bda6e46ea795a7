// Package storetest is the contract of package store as tests: what passes Run is a database for Parley.
//
//	Run ──▶ configuration: what is found, keys, agents, numbers, directory
//	    ──▶ people: roles, sessions, invites, attempts; rates and answers, also when many come at once
//	    ──▶ calls: what each Entry does, lists, totals
//	    ──▶ tasks: their states, and how their calls are placed, by many nodes at once
//	    ──▶ bots and conversations, also those of calls, and what is remembered of them
//	    ──▶ reports, second transcripts, old recordings
//	    ──▶ nodes: whose calls are ended for them, and what they say of it when they come back
//	    ──▶ webhooks: what is told of tasks' calls, in which order, and who sends it
//	    ──▶ what clients keep of calls, and recordings that are to be fetched
//	    ──▶ contacts and custom fields: what is found is what a model in memory finds
//	    ──▶ tasks of the CRM: who carries them out, once, and what becomes of that
//	    ──▶ properties: random entries, cut and repeated at random ──▶ the same rows and totals as a model in memory
//	    ──▶ every method: rows of others are not found, a context that is over ends it
package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/store"
)

// A Store is all that Parley asks of a database.
type Store interface {
	store.Founder
	store.KeyRing
	store.People
	store.Organisations
	store.Sessions
	store.Invites
	store.Attempts
	store.Rates
	store.Answers
	store.Sweeper
	store.Agents
	store.Numbers
	store.Credentials
	store.Trunks
	store.Extensions
	store.Secrets
	store.Router
	store.Recorder
	store.Calls
	store.Tasks
	store.Dials
	store.DialRules
	store.DoNotCall
	store.Campaigns
	store.CampaignDials
	store.Bots
	store.Conversations
	store.Threads
	store.ChatCalls
	store.Jobs
	store.Files
	store.Nodes
	store.Resumptions
	store.Errands
	store.Deliveries
	store.WebhookRules
	store.Outbox
	store.Knowledge
	store.Reports
	store.Recordings
	store.Contacts
	store.Funnels
	store.Notes
	store.Fields
	store.Memories
	store.Cards
	store.Loads
	store.Assignments
	store.PreAnswers
	CreateOrganisation(ctx context.Context, o store.Organisation) (store.Organisation, error)
}

// Run runs the suite. open returns an empty database with its tables, for this test alone, and closes it at the test's end.
func Run(t *testing.T, open func(t *testing.T) Store) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, s Store)
	}{
		{"Found", testFound},
		{"Keys", testKeys},
		{"TouchKeys", testTouchKeys},
		{"ReplaceKey", testReplaceKey},
		{"KeysBy", testKeysBy},
		{"Users", testUsers},
		{"Roles", testRoles},
		{"RolesAtOnce", testRolesAtOnce},
		{"RemoveUser", testRemoveUser},
		{"SetPassword", testSetPassword},
		{"Memberships", testMemberships},
		{"Sessions", testSessions},
		{"Invites", testInvites},
		{"InviteOnce", testInviteOnce},
		{"Attempts", testAttempts},
		{"AttemptsAtOnce", testAttemptsAtOnce},
		{"Rates", testRates},
		{"RatesAtOnce", testRatesAtOnce},
		{"Answers", testAnswers},
		{"AnswersAtOnce", testAnswersAtOnce},
		{"Sweep", testSweep},
		{"Agents", testAgents},
		{"AgentList", testAgentList},
		{"UpdateAgent", testUpdateAgent},
		{"UpdateAgentAtOnce", testUpdateAgentAtOnce},
		{"DeleteAgent", testDeleteAgent},
		{"Numbers", testNumbers},
		{"NumberAccounts", testNumberAccounts},
		{"Credentials", testCredentials},
		{"DefaultCredential", testDefaultCredential},
		{"DeleteCredential", testDeleteCredential},
		{"Trunks", testTrunks},
		{"Extensions", testExtensions},
		{"Reseal", testReseal},
		{"Directory", testDirectory},
		{"Documents", testDocuments},
		{"DocumentsRefused", testDocumentsRefused},
		{"Search", testSearch},
		{"Vectors", testVectors},
		{"Call", testCall},
		{"Turned", testTurned},
		{"Ended", testEnded},
		{"Crashed", testCrashed},
		{"Refused", testRefused},
		{"Text", testText},
		{"CallList", testCallList},
		{"RecordAtOnce", testRecordAtOnce},
		{"Entries", testEntries},
		{"Tasks", testTasks},
		{"TaskList", testTaskList},
		{"TaskStates", testTaskStates},
		{"ExecuteTask", testExecuteTask},
		{"ExecuteTaskAtOnce", testExecuteTaskAtOnce},
		{"ResetTask", testResetTask},
		{"AgentOfTasks", testAgentOfTasks},
		{"DueTasks", testDueTasks},
		{"TakeDials", testTakeDials},
		{"TakeDialsAtOnce", testTakeDialsAtOnce},
		{"BusyNumber", testBusyNumber},
		{"DialNews", testDialNews},
		{"TrunkDials", testTrunkDials},
		{"SettleDial", testSettleDial},
		{"DialRules", testDialRules},
		{"DoNotCall", testDoNotCall},
		{"Campaigns", testCampaigns},
		{"AddContacts", testAddContacts},
		{"AddContactsAtOnce", testAddContactsAtOnce},
		{"CampaignStates", testCampaignStates},
		{"CampaignLimits", testCampaignLimits},
		{"CampaignLimitsAtOnce", testCampaignLimitsAtOnce},
		{"CampaignPaused", testCampaignPaused},
		{"CampaignPausedAtOnce", testCampaignPausedAtOnce},
		{"CampaignPresumed", testCampaignPresumed},
		{"CampaignEnds", testCampaignEnds},
		{"CampaignReopened", testCampaignReopened},
		{"CampaignCancelled", testCampaignCancelled},
		{"Bots", testBots},
		{"ChatCalls", testChatCalls},
		{"ChatConversations", testChatConversations},
		{"Permissions", testPermissions},
		{"BotAgents", testBotAgents},
		{"BotNumbers", testBotNumbers},
		{"DeleteBot", testDeleteBot},
		{"Conversations", testConversations},
		{"ThreadMessages", testThreadMessages},
		{"Receive", testReceive},
		{"ReplyAnew", testReplyAnew},
		{"ReceiveAtOnce", testReceiveAtOnce},
		{"ReceivePeers", testReceivePeers},
		{"Heard", testHeard},
		{"Files", testFiles},
		{"Begin", testBegin},
		{"Post", testPost},
		{"Receipts", testReceipts},
		{"Jobs", testJobs},
		{"JobsAtOnce", testJobsAtOnce},
		{"CallConversations", testCallConversations},
		{"CallConversationsGoOn", testCallConversationsGoOn},
		{"Remember", testRemember},
		{"RememberContact", testRememberContact},
		{"PreAnswers", testPreAnswers},
		{"Forget", testForget},
		{"Reports", testReports},
		{"Retellings", testRetellings},
		{"OldRecordings", testOldRecordings},
		{"Nodes", testNodes},
		{"Bury", testBury},
		{"BuryOnce", testBuryOnce},
		{"ComesBack", testComesBack},
		{"BuryTask", testBuryTask},
		{"TakeCall", testTakeCall},
		{"TakeCrashed", testTakeCrashed},
		{"Errands", testErrands},
		{"Outbox", testOutbox},
		{"DeliveryOrder", testDeliveryOrder},
		{"DeliveryTries", testDeliveryTries},
		{"DueHosts", testDueHosts},
		{"TakeDeliveriesAtOnce", testTakeDeliveriesAtOnce},
		{"WebhookSettings", testWebhookSettings},
		{"Contacts", testContacts},
		{"Funnels", testFunnels},
		{"FunnelsMatch", testFunnelsMatch},
		{"FunnelsAtOnce", testFunnelsAtOnce},
		{"FunnelFields", testFunnelFields},
		{"Notes", testNotes},
		{"ChannelSessions", testContactSessions},
		{"ContactAddresses", testContactAddresses},
		{"ContactList", testContactList},
		{"ContactsFound", testContactsFound},
		{"UpdateContactAtOnce", testUpdateContactAtOnce},
		{"CustomFields", testCustomFields},
		{"Options", testOptions},
		{"Cards", testCards},
		{"Loads", testLoads},
		{"Assignments", testAssignments},
		{"AssignmentList", testAssignmentList},
		{"AssignmentCalls", testAssignmentCalls},
		{"AssignmentMessages", testAssignmentMessages},
		{"AssignmentsAtOnce", testAssignmentsAtOnce},
		{"Isolation", testIsolation},
		{"Cancelled", testCancelled},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, open(t))
		})
	}
}

// start is when everything in these tests begins.
var start = time.Date(2026, 3, 4, 5, 6, 7, 891_234_000, time.UTC)

// A House is a database with an organisation in it that has one of everything.
type House struct {
	Store
	Setup  store.Setup
	Org    string
	Number store.Number
	Call   store.Call // has ended, with a turn, a message, a recording, a second transcript and a report
	Task   store.Task // has never been executed
	Barred store.Barred
	Rules  string

	Campaign   store.Campaign        // has one task, which has never been executed
	Contact    store.CampaignContact // that task
	Delivery   store.Delivery        // of a test: it is due
	Credential store.Credential      // of no number
	Trunk      store.Trunk           // of no number
	Extension  store.Extension       // without an agent

	Document store.Document // that the agent knows: one chunk, with a vector

	Bot      store.Bot          // of WhatsApp, without numbers
	Thread   store.Conversation // of the bot, with one message
	Customer store.Contact      // has a value of Field, which is Option's
	Funnel   int64              // a conversation of the Customer, in the funnel 7
	Field    store.Field        // a list of contacts
	Option   store.Option       // its only one

	Assignment store.Assignment // of the agent, which may begin at any time
}

// Fill fills an empty database.
func Fill(ctx context.Context, s Store) (House, error) {
	h := House{Store: s, Org: store.NewID()}
	owner := store.User{ID: store.NewID(), Email: "o@example.com", Name: "Ola", Password: "$argon2id$", Role: store.Owner, Created: start}
	h.Setup = store.Setup{
		Organisation: store.Organisation{ID: h.Org, Name: "Example", Created: start},
		Owner:        owner,
		Key: store.Key{ID: store.NewID(), User: owner.ID, Role: store.Owner, Name: "first", Prefix: "va_1234", Hash: "hash",
			Scopes: []string{"*"}, Created: start},
		Agent: store.Agent{ID: store.NewID(), Name: "Ada", Enabled: true, Created: start},
	}
	if err := s.Found(ctx, h.Setup); err != nil {
		return h, err
	}
	h.Call = newCall(h.Org)
	h.Call.Agent, h.Call.AgentVersion = h.Setup.Agent.ID, 1
	number, err := s.PutNumber(ctx, store.Number{ID: store.NewID(), Org: h.Org, E164: "+442071234567", Created: start, Updated: start})
	h.Number = number
	if err == nil {
		h.Credential, err = s.CreateCredential(ctx, newCredential(h.Org, "twilio", "main"))
	}
	if err == nil {
		h.Trunk, err = s.CreateTrunk(ctx, newTrunk(h.Org, "carrier"))
	}
	if err == nil {
		h.Extension, err = s.CreateExtension(ctx, newExtension(h.Org, "anna"))
	}
	if err == nil {
		h.Document, err = s.PutDocument(ctx, h.Setup.Agent.ID, newDocument(h.Org, "hours.md"), []store.Chunk{newChunk("Open from eight to six.")}, 100)
	}
	if err == nil {
		err = s.PutVectors(ctx, h.Org, h.Document.ID, "model", 0, [][]float32{{1, -0.5}})
	}
	begun := h.Call
	h.Call.Status, h.Call.End = store.Completed, end(3*time.Second)
	if err != nil {
		return h, err
	}
	if err := errors.Join(h.plan(ctx), h.hook(ctx), h.bind(ctx), h.befriend(ctx), h.assign(ctx)); err != nil {
		return h, err
	}
	err = s.Record(ctx, []store.Entry{
		{Began: &begun},
		{Turned: &store.Turned{Turn: newTurn(begun.ID, 1)}},
		{Ended: &store.Ended{Call: begun.ID, Status: h.Call.Status, End: h.Call.End,
			Messages: []store.Message{newMessage(begun.ID, 0)}, Recording: newRecording(begun.ID)}},
	})
	if err != nil {
		return h, err
	}
	return h, s.Retell(ctx, h.Org, newRetelling(begun.ID), newReport(begun.ID, false))
}

// plan gives the house what it needs to place calls.
func (h *House) plan(ctx context.Context) (err error) {
	if h.Task, err = h.CreateTask(ctx, store.Task{ID: store.NewID(), Org: h.Org, Agent: h.Setup.Agent.ID, Name: "Call", To: "+15005550010", Created: start}); err != nil {
		return err
	}
	if h.Barred, err = h.Bar(ctx, store.Barred{ID: store.NewID(), Org: h.Org, E164: "+15005550011", Created: start}); err != nil {
		return err
	}
	if h.Rules, err = h.UpdateDialRules(ctx, h.Org, func(string) (string, error) { return "{}", nil }); err != nil {
		return err
	}
	if h.Campaign, err = h.CreateCampaign(ctx, newCampaign(h)); err != nil {
		return err
	}
	to, err := h.AddContacts(ctx, h.Org, h.Campaign.ID, []store.Task{newContact(0)})
	if err == nil {
		h.Contact = to[0]
	}
	return err
}

// bind gives the house a bot, and a conversation of it.
func (h *House) bind(ctx context.Context) (err error) {
	if h.Bot, err = h.CreateBot(ctx, newBot(h.Org, h.Setup.Agent.ID, store.WhatsAppBot)); err != nil {
		return err
	}
	if h.Thread, err = h.CreateConversation(ctx, newThread(h.Org, h.Bot.ID)); err != nil {
		return err
	}
	if _, err = h.AddThreadMessage(ctx, h.Org, newThreadMessage(h.Thread.ID, "Where is my order?")); err == nil {
		h.Bot, err = h.Store.Bot(ctx, h.Org, h.Bot.ID) // it has one conversation now
	}
	return err
}

// hook gives the house a webhook's secret, and a delivery.
func (h *House) hook(ctx context.Context) (err error) {
	if h.Delivery, err = h.AddDelivery(ctx, newDelivery(h.Org, "https://own.example.com/")); err != nil {
		return err
	}
	_, err = h.UpdateWebhookSettings(ctx, h.Org, func(w *store.WebhookSettings) error {
		w.Secret = store.Sealed{Text: "sealed", Key: "key 1"}
		return nil
	})
	return err
}

func fill(t *testing.T, s Store) House {
	t.Helper()
	h, err := Fill(t.Context(), s)
	ok(t, err)
	return h
}

func newCall(org string) store.Call {
	return store.Call{ID: store.NewID(), Org: org, Direction: store.Inbound, Status: store.InProgress, Leg: "twilio", CarrierID: "CA1",
		From: "+15005550006", To: "+442071234567", Node: "node", Boot: "boot", Created: start, Answered: start.Add(time.Second),
		PreAnswer: newPreAnswer()}
}

func newTurn(call string, n int) store.Turn {
	return store.Turn{Call: call, N: n, Why: "words", Said: "hello?", Text: "Hello, how are you?", Heard: "Hello, how", Cut: true,
		At: time.Duration(n) * time.Second, Sounded: 700*time.Millisecond + 1, Latency: map[string]int64{"stt": 120, "llm": 300},
		Counts: map[string]int64{"held": 2, "input_tokens": 900}, Error: "late",
		Lookup:     &store.Lookup{Took: 12 * time.Millisecond, Sources: []store.Source{{Document: "hours.md", Place: "Opening > \"Summer\""}}, Error: "late"},
		Remembered: []string{"0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e"}}
}

func newMessage(call string, seq int) store.Message {
	return store.Message{Call: call, Seq: seq, Role: "assistant", Text: fmt.Sprint("Hello, how ", seq), Cut: true, Turn: 1,
		At: time.Duration(seq) * time.Second, Length: 700 * time.Millisecond, Words: "0 6 0 300"}
}

func newRecording(call string) *store.Recording {
	return &store.Recording{Call: call, Path: "recordings/" + call + ".wav", Rate: 8000, Channels: 2, Bytes: 96044, Length: 3 * time.Second}
}

func end(length time.Duration) store.End {
	return store.End{Ended: start.Add(time.Second + length), Length: length, Cause: "caller", Error: "none", Turns: 1, Drops: 2,
		Latency: map[string]int64{"voice_to_voice_p50": 640, "voice_to_voice_p95": 900},
		Quality: &store.Quality{MOS: 4.21, Received: 150, Lost: 2, Late: 1, Loss: 0.0197, Concealed: 60 * time.Millisecond, Jitter: 3 * time.Millisecond,
			Delay: 40 * time.Millisecond, Trip: 31 * time.Millisecond, Sent: 152, FarLost: 4, FarLoss: 0.027, FarJitter: 5 * time.Millisecond},
		Cost: &store.Cost{Total: 0.0123, Unknown: []string{"acme llm big"},
			Lines: []store.CostLine{{Vendor: "acme", Kind: "stt", Model: "m", Sound: length, Known: true, Total: 0.0123}, {Vendor: "acme", Server: "x", Kind: "llm", Model: "big", Input: 9, Cached: 4, Output: 3}}}}
}

// tb is what a test and a check of rapid have in common.
type tb interface {
	Helper()
	Context() context.Context
	Error(...any)
	Errorf(string, ...any)
	Fatal(...any)
}

func ok(t tb, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func is(t tb, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

func same(t tb, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

var all = store.Page{Limit: 100}
