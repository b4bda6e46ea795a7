package storetest

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"parley/store"
)

// Every is one use of each method, by an organisation, of the rows that the house's own has. Conflicts that are due are no errors; a list
// that is empty is store.ErrNotFound.
func (h House) Every(org string) map[string]func(context.Context) error {
	agent, call := h.Setup.Agent.ID, h.Call.ID
	begun, owner := h.Call, h.Setup.Owner
	answer := store.Answer{Org: h.Org, Route: "POST /x", Hash: "every", Holder: "node", Expires: start.Add(time.Minute)}
	every := map[string]func(context.Context) error{
		"Found":         func(ctx context.Context) error { return conflict(h.Found(ctx, h.Setup)) },
		"Organisations": func(ctx context.Context) error { _, err := h.Organisations(ctx); return err },
		"CreateOrganisation": func(ctx context.Context) error {
			_, err := h.CreateOrganisation(ctx, h.Setup.Organisation)
			return conflict(err)
		},
		"CreateKey": func(ctx context.Context) error {
			_, err := h.CreateKey(ctx, store.Key{ID: h.Setup.Key.ID, Org: org, Created: start})
			return conflict(err)
		},
		"KeyByHash": func(ctx context.Context) error { _, err := h.KeyByHash(ctx, "hash"); return err },
		"Keys":      func(ctx context.Context) error { k, n, err := h.Keys(ctx, org, all); return none(len(k), n, err) },
		"RevokeKey": func(ctx context.Context) error { return h.RevokeKey(ctx, org, h.Setup.Key.ID, start.Add(time.Hour)) },
		"TouchKeys": func(ctx context.Context) error {
			return h.TouchKeys(ctx, map[string]time.Time{h.Setup.Key.ID: start})
		},
		"Key": func(ctx context.Context) error { _, err := h.Key(ctx, org, h.Setup.Key.ID); return err },
		"KeysBy": func(ctx context.Context) error {
			k, n, err := h.KeysBy(ctx, org, owner.ID, all)
			return none(len(k), n, err)
		},
		"ReplaceKey": func(ctx context.Context) error { // its own row is the conflict
			_, err := h.ReplaceKey(ctx, org, h.Setup.Key.ID, "va_", "hash", start)
			return conflict(err)
		},
		"User":        func(ctx context.Context) error { _, err := h.User(ctx, org, owner.ID); return err },
		"Users":       func(ctx context.Context) error { l, n, err := h.Users(ctx, org, all); return none(len(l), n, err) },
		"UserByEmail": func(ctx context.Context) error { _, err := h.UserByEmail(ctx, owner.Email); return err },
		"SetRole":     func(ctx context.Context) error { _, err := h.SetRole(ctx, org, owner.ID, store.Owner); return err },
		"RemoveUser": func(ctx context.Context) error {
			_, err := h.RemoveUser(ctx, org, owner.ID, start)
			return conflict(err)
		},
		"SetPassword": func(ctx context.Context) error { return h.SetPassword(ctx, owner.ID, owner.Password, "") },
		"Membership":  func(ctx context.Context) error { _, err := h.Membership(ctx, owner.ID, org); return err },
		"Memberships": func(ctx context.Context) error {
			l, n, err := h.Memberships(ctx, owner.ID, all)
			return none(len(l), n, err)
		},
		"OpenOrganisation": func(ctx context.Context) error {
			_, err := h.OpenOrganisation(ctx, h.Setup.Organisation, owner.ID)
			return conflict(err)
		},
		"RenameOrganisation": func(ctx context.Context) error { return missing(h.RenameOrganisation(ctx, store.NewID(), "none")) },
		"SetPreAnswer":       func(ctx context.Context) error { return missing(h.SetPreAnswer(ctx, store.NewID(), "")) },
		"SetMemory":          func(ctx context.Context) error { return missing(h.SetMemory(ctx, store.NewID(), "")) },
		"CreateSession": func(ctx context.Context) error {
			id := store.NewID()
			return h.CreateSession(ctx, store.Session{ID: id, Hash: id, Org: org, User: owner.ID, Created: start, Seen: start, Expires: start.Add(time.Hour)})
		},
		"SessionByHash": func(ctx context.Context) error { _, err := h.SessionByHash(ctx, "none", start); return missing(err) },
		"Session":       func(ctx context.Context) error { _, err := h.Session(ctx, "none", start); return missing(err) },
		"Sessions":      func(ctx context.Context) error { _, _, err := h.Sessions(ctx, owner.ID, start, all); return err },
		"TouchSession":  func(ctx context.Context) error { return h.TouchSession(ctx, "none", start, start) },
		"MoveSession":   func(ctx context.Context) error { return missing(h.MoveSession(ctx, "none", org)) },
		"EndSession":    func(ctx context.Context) error { return missing(h.EndSession(ctx, owner.ID, "none")) },
		"CreateInvite": func(ctx context.Context) error {
			return conflict(h.CreateInvite(ctx, store.Invite{ID: store.NewID(), Org: h.Org, Email: owner.Email}))
		},
		"Invite":       func(ctx context.Context) error { _, err := h.Invite(ctx, "none", start); return missing(err) },
		"AcceptInvite": func(ctx context.Context) error { _, err := h.AcceptInvite(ctx, "none", owner); return missing(err) },
		"Attempt": func(ctx context.Context) error {
			_, err := h.Attempt(ctx, []string{"x"}, start, start, func(string, int) time.Time { return time.Time{} })
			return err
		},
		"Forgive":     func(ctx context.Context) error { return h.Forgive(ctx, []string{"x"}, []string{"y"}) },
		"Use":         func(ctx context.Context) error { _, err := h.Use(ctx, "x", 1, 1); return err },
		"ClaimAnswer": func(ctx context.Context) error { _, _, err := h.ClaimAnswer(ctx, answer, start); return err },
		"HoldAnswer":  func(ctx context.Context) error { return conflict(h.HoldAnswer(ctx, answer)) },
		"KeepAnswer":  func(ctx context.Context) error { return conflict(h.KeepAnswer(ctx, answer)) },
		"DropAnswer":  func(ctx context.Context) error { return h.DropAnswer(ctx, answer) },
		"Sweep":       func(ctx context.Context) error { _, err := h.Sweep(ctx, start.AddDate(-1, 0, 0)); return err },
		"CreateAgent": func(ctx context.Context) error {
			_, err := h.CreateAgent(ctx, store.Agent{ID: agent, Org: org, Created: start})
			return conflict(err)
		},
		"Agent": func(ctx context.Context) error { _, err := h.Agent(ctx, org, agent); return err },
		"Agents": func(ctx context.Context) error {
			a, n, err := h.Agents(ctx, org, store.AgentFilter{}, all)
			return none(len(a), n, err)
		},
		"UpdateAgent": func(ctx context.Context) error {
			_, err := h.UpdateAgent(ctx, org, agent, start, func(a *store.Agent) error { a.Description += "."; return nil })
			return err
		},
		"DeleteAgent":     func(ctx context.Context) error { return conflict(h.DeleteAgent(ctx, org, agent)) },
		"AgentVersion":    func(ctx context.Context) error { _, err := h.AgentVersion(ctx, org, agent, 1); return err },
		"SetDefaultAgent": func(ctx context.Context) error { return h.SetDefaultAgent(ctx, org, agent) },
		"PutNumber": func(ctx context.Context) error {
			_, err := h.PutNumber(ctx, store.Number{ID: store.NewID(), Org: org, E164: "+15005550099", Agent: agent, Created: start, Updated: start})
			return err
		},
		"Numbers": func(ctx context.Context) error {
			l, n, err := h.Numbers(ctx, org, all)
			return none(len(l), n, err)
		},
		"DeleteNumber": func(ctx context.Context) error { return h.DeleteNumber(ctx, org, h.Number.E164) },
		"Revision":     func(ctx context.Context) error { _, err := h.Revision(ctx); return err },
		"Directory":    func(ctx context.Context) error { _, err := h.Directory(ctx); return err },
		"Record":       func(ctx context.Context) error { return h.Record(ctx, []store.Entry{{Began: &begun}}) },
		"Call":         func(ctx context.Context) error { _, err := h.Store.Call(ctx, org, call); return err },
		"Calls": func(ctx context.Context) error {
			c, n, err := h.Calls(ctx, org, store.CallFilter{}, all)
			return none(len(c), n, err)
		},
		"Transcript": func(ctx context.Context) error { _, err := h.Transcript(ctx, org, call); return err },
		"Turns":      func(ctx context.Context) error { _, err := h.Turns(ctx, org, call); return err },
		"PutDocument": func(ctx context.Context) error {
			d := newDocument(org, "prices.md")
			_, err := h.PutDocument(ctx, agent, d, []store.Chunk{newChunk("A visit is 40 euros.")}, 100)
			return err
		},
		"RemoveDocument": func(ctx context.Context) error { return h.RemoveDocument(ctx, org, agent, h.Document.Name) },
		"Documents": func(ctx context.Context) error {
			d, err := h.Documents(ctx, org, agent)
			return none(len(d), 0, err)
		},
		"Chunks":  func(ctx context.Context) error { _, err := h.Chunks(ctx, org, h.Document.ID); return err },
		"Excerpt": func(ctx context.Context) error { _, err := h.Excerpt(ctx, org, h.Document.ID, 0); return err },
		"Search": func(ctx context.Context) error {
			p, err := h.Search(ctx, org, agent, []string{"open"}, 5)
			return none(len(p), 0, err)
		},
		"PutVectors": func(ctx context.Context) error {
			return h.PutVectors(ctx, org, h.Document.ID, "model", 0, [][]float32{{1, -0.5}})
		},
		"Vectors": func(ctx context.Context) error {
			v, err := h.Vectors(ctx, org, h.Document.ID, "model")
			return none(len(v), 0, err)
		},
		"CountVectors": func(ctx context.Context) error {
			n, err := h.CountVectors(ctx, org, agent, "model")
			return none(len(n), 0, err)
		},
		"Recording": func(ctx context.Context) error { _, err := h.Recording(ctx, org, call); return err },
	}
	maps.Copy(every, h.everyTask(org))
	maps.Copy(every, h.everyCampaign(org))
	maps.Copy(every, h.everyReport(org))
	maps.Copy(every, h.everyNode())
	maps.Copy(every, h.everyWebhook(org))
	maps.Copy(every, h.everyAccount(org))
	maps.Copy(every, h.everyExtension(org))
	maps.Copy(every, h.everyBot(org))
	maps.Copy(every, h.everyThread(org))
	maps.Copy(every, h.everyChatCall(org))
	maps.Copy(every, h.everyContact(org))
	maps.Copy(every, h.everyCard(org))
	maps.Copy(every, h.everyAssignment(org))
	return every
}

// everyTask is Every of the methods that plan and place calls. Those of store.Dials name a row by its call, and are no organisation's.
func (h House) everyTask(org string) map[string]func(context.Context) error {
	task, call := h.Task.ID, h.Call.ID
	return map[string]func(context.Context) error{
		"CreateTask": func(ctx context.Context) error {
			_, err := h.CreateTask(ctx, store.Task{ID: task, Org: org, Agent: h.Setup.Agent.ID, Created: start})
			return conflict(err)
		},
		"Task": func(ctx context.Context) error { _, err := h.Store.Task(ctx, org, task); return err },
		"Tasks": func(ctx context.Context) error {
			l, n, err := h.Tasks(ctx, org, store.TaskFilter{}, all)
			return none(len(l), n, err)
		},
		"UpdateTask": func(ctx context.Context) error {
			_, err := h.UpdateTask(ctx, org, task, start, func(t *store.Task) error { t.Name += "."; return nil })
			return conflict(err)
		},
		"DeleteTask": func(ctx context.Context) error { return conflict(h.DeleteTask(ctx, org, task)) },
		"ExecuteTask": func(ctx context.Context) error {
			_, err := h.ExecuteTask(ctx, store.Execution{Org: org, Task: task, Call: store.Call{ID: store.NewID(), Created: start}})
			return conflict(err)
		},
		"ResetTask": func(ctx context.Context) error {
			_, _, err := h.ResetTask(ctx, org, task, start)
			return conflict(err)
		},
		"DialWork":   func(ctx context.Context) error { _, err := h.DialWork(ctx, start); return err },
		"DueTasks":   func(ctx context.Context) error { _, err := h.DueTasks(ctx, org, start, 1); return err },
		"PutOffTask": func(ctx context.Context) error { return h.PutOffTask(ctx, org, task, start, start.AddDate(1, 0, 0)) },
		"DialRoom":   func(ctx context.Context) error { _, err := h.DialRoom(ctx, org, 1); return err },
		"TakeDials": func(ctx context.Context) error {
			_, err := h.TakeDials(ctx, store.Taking{Org: h.Org, Now: start, Most: 0})
			return err
		},
		"Dial":         func(ctx context.Context) error { _, err := h.Dial(ctx, call); return noDial(err) },
		"PlaceDial":    func(ctx context.Context) error { _, err := h.PlaceDial(ctx, call, "CA", start); return noDial(err) },
		"UnaskDial":    func(ctx context.Context) error { return h.UnaskDial(ctx, call, "node", start) },
		"GoneDial":     func(ctx context.Context) error { return h.GoneDial(ctx, call, start, start) },
		"OverdueDials": func(ctx context.Context) error { _, err := h.OverdueDials(ctx, "node", start, start, 1); return err },
		"KnownCalls":   func(ctx context.Context) error { _, err := h.KnownCalls(ctx, []string{"CA1"}); return err },
		"SettleDial": func(ctx context.Context) error {
			_, err := h.SettleDial(ctx, store.Ended{Call: call, Status: store.Failed}, time.Time{})
			return err
		},
		"TaskEvents": func(ctx context.Context) error { _, err := h.TaskEvents(ctx, 0, 1); return err },
		"DialRules": func(ctx context.Context) error {
			rules, err := h.DialRules(ctx, org)
			return none(len(rules), 0, err)
		},
		"UpdateDialRules": func(ctx context.Context) error {
			_, err := h.UpdateDialRules(ctx, org, func(rules string) (string, error) {
				if rules == "" {
					return "", store.ErrNotFound // the other's, which it has not
				}
				return rules, nil
			})
			return err
		},
		"Bar": func(ctx context.Context) error {
			_, err := h.Bar(ctx, store.Barred{ID: store.NewID(), Org: h.Org, E164: h.Barred.E164, Created: start})
			return err
		},
		"IsBarred": func(ctx context.Context) error {
			barred, err := h.IsBarred(ctx, org, h.Barred.E164)
			if err == nil && !barred {
				return store.ErrNotFound
			}
			return err
		},
		"BarredAmong": func(ctx context.Context) error {
			barred, err := h.BarredAmong(ctx, org, []string{"+15005550098", h.Barred.E164})
			return none(len(barred), 0, err)
		},
		"Barred": func(ctx context.Context) error {
			l, n, err := h.Store.Barred(ctx, org, all)
			return none(len(l), n, err)
		},
		"Unbar": func(ctx context.Context) error { return h.Unbar(ctx, org, h.Barred.ID) },
	}
}

// everyCampaign is Every of the methods of campaigns.
func (h House) everyCampaign(org string) map[string]func(context.Context) error {
	id := h.Campaign.ID
	return map[string]func(context.Context) error{
		"CreateCampaign": func(ctx context.Context) error {
			c := h.Campaign
			c.Org = org
			_, err := h.CreateCampaign(ctx, c)
			return conflict(err)
		},
		"Campaign": func(ctx context.Context) error { _, err := h.Store.Campaign(ctx, org, id); return err },
		"Campaigns": func(ctx context.Context) error {
			l, n, err := h.Campaigns(ctx, org, all)
			return none(len(l), n, err)
		},
		"UpdateCampaign": func(ctx context.Context) error {
			_, err := h.UpdateCampaign(ctx, org, id, start, func(c *store.Campaign) error { c.Name += "."; return nil })
			return err
		},
		"MoveCampaign": func(ctx context.Context) error {
			_, err := h.MoveCampaign(ctx, org, id, store.Move{From: []store.CampaignStatus{store.CampaignDraft}, To: store.CampaignDraft, At: start})
			return err
		},
		"AddContacts": func(ctx context.Context) error {
			_, err := h.AddContacts(ctx, org, id, []store.Task{newContact(0)})
			return err
		},
		"CampaignTasks": func(ctx context.Context) error {
			l, n, err := h.Tasks(ctx, org, store.TaskFilter{Campaign: id}, all)
			return none(len(l), n, err)
		},
		"CampaignCounts": func(ctx context.Context) error {
			l, err := h.CampaignCounts(ctx, org, id)
			return none(len(l), 0, err)
		},
		"CampaignResults": func(ctx context.Context) error {
			l, err := h.CampaignResults(ctx, org, id, "", 10)
			return none(len(l), 0, err)
		},
		"LiveCampaigns": func(ctx context.Context) error { _, err := h.LiveCampaigns(ctx, org, start); return err },
		"CampaignEnds":  func(ctx context.Context) error { _, err := h.CampaignEnds(ctx, id, 0, 1); return err },
		"DueContacts":   func(ctx context.Context) error { _, err := h.DueContacts(ctx, id, start, 1); return err },
		"DropContacts":  func(ctx context.Context) error { _, err := h.DropContacts(ctx, org, "none", start, 1); return err },
		"HeldDials":     func(ctx context.Context) error { _, err := h.HeldDials(ctx, org, id, 1); return err },
	}
}

// everyNode is one use of each method of nodes, which belong to no organisation.
func (h House) everyNode() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Installation": func(ctx context.Context) error { _, err := h.Installation(ctx); return err },
		"Beat": func(ctx context.Context) error {
			_, err := h.Beat(ctx, store.Node{Boot: "every"}, store.Vigil{Gap: time.Hour})
			return err
		},
		"Bury": func(ctx context.Context) error { _, _, err := h.Bury(ctx, "none", store.Vigil{}); return err },
		"KeepPreAnswer": func(ctx context.Context) error {
			return h.KeepPreAnswer(ctx, store.KeptPreAnswer{Leg: "sip", CarrierID: store.NewID(), Expires: start}, start)
		},
		"PreAnswer": func(ctx context.Context) error {
			_, err := h.PreAnswer(ctx, "sip", "none", start)
			return missing(err)
		},
		"Leave": func(ctx context.Context) error { return h.Leave(ctx, "none") },
		"Nodes": func(ctx context.Context) error { _, _, err := h.Nodes(ctx, all); return err },
		"SendErrand": func(ctx context.Context) error {
			return h.SendErrand(ctx, store.Errand{ID: store.NewID(), Boot: "none"})
		},
		"Errands":      func(ctx context.Context) error { _, err := h.Errands(ctx, "none", 1); return err },
		"AnswerErrand": func(ctx context.Context) error { return h.AnswerErrand(ctx, "none", "x") },
		"ErrandAnswer": func(ctx context.Context) error { _, err := h.ErrandAnswer(ctx, "none"); return missing(err) },
		"DropErrand":   func(ctx context.Context) error { return h.DropErrand(ctx, "none") },
	}
}

// noDial: the house's call was not placed by anybody.
func noDial(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

func conflict(err error) error {
	if errors.Is(err, store.ErrConflict) {
		return nil
	}
	return err
}

func missing(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

func none(n int, total int64, err error) error {
	if err == nil && n == 0 && total == 0 {
		return store.ErrNotFound
	}
	return err
}

// testIsolation: the rows of an organisation are not found by another, by no method that names one.
func testIsolation(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	other, err := s.CreateOrganisation(ctx, store.Organisation{ID: store.NewID(), Name: "Other", Created: start})
	ok(t, err)
	unscoped := map[string]bool{"Found": true, "Organisations": true, "CreateOrganisation": true, "CreateKey": true, "KeyByHash": true,
		"TouchKeys": true, "CreateAgent": true, "Revision": true, "Directory": true, "Record": true,
		"DialWork": true, "DueTasks": true, "PutOffTask": true,
		"DialRoom": true, "TakeDials": true, "Dial": true, "PlaceDial": true, "UnaskDial": true, "GoneDial": true, "OverdueDials": true,
		"KnownCalls": true, "SettleDial": true, "TaskEvents": true, "Bar": true,
		"LiveCampaigns": true, "CampaignEnds": true, "DueContacts": true, "DropContacts": true, "HeldDials": true,
		"AddDelivery": true, "DisabledEndpoints": true, "EnableEndpoints": true, "DueHosts": true, "TakeDeliveries": true, "Endpoint": true,
		"KeepPayload": true, "SettleDelivery": true, "SweepDeliveries": true,
		"UserByEmail": true, "SetPassword": true, "Memberships": true, "OpenOrganisation": true, "RenameOrganisation": true, "SetMemory": true, "SetPreAnswer": true,
		"SessionByHash": true, "Session": true, "Sessions": true, "TouchSession": true, "MoveSession": true, "EndSession": true,
		"CreateInvite": true, "Invite": true, "AcceptInvite": true, "Attempt": true, "Forgive": true, "Use": true,
		"CreateCredential": true, "CreateTrunk": true, "CreateExtension": true, "StaleSecrets": true, "Reseal": true,
		"ClaimAnswer": true, "HoldAnswer": true, "KeepAnswer": true, "DropAnswer": true, "Sweep": true,
		"RecordingsBefore": true, "DropRecordings": true, "CreateContact": true, "CreateField": true, "TakeLoads": true, "FreeLoads": true, "PutOffLoad": true, "KeepLoad": true, "EndLoad": true,
		"BotOwner": true, "Told": true, "Heard": true, "Fetched": true, "FilesBefore": true, "DropFiles": true, "Sent": true, "Receipted": true, "TakeJobs": true, "WaitingJobs": true, "GiveBackJob": true, "PutOffJob": true, "EndJob": true, "SweepJobs": true,
		"HoldChatCall": true, "Introduce": true, "Permitted": true, "TakeAssignments": true, "PutOffAssignment": true}
	for name := range h.everyNode() {
		unscoped[name] = true
	}
	directory, err := s.Directory(ctx)
	ok(t, err)
	for name, use := range h.Every(other.ID) {
		if err := use(ctx); unscoped[name] {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		} else if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s gives another organisation's rows: error %v, want ErrNotFound", name, err)
		}
	}
	theirs := h.Number
	theirs.Org, theirs.Agent = other.ID, ""
	_, err = s.PutNumber(ctx, theirs)
	is(t, err, store.ErrConflict)

	after, err := s.Directory(ctx)
	ok(t, err)
	same(t, "directory after what another organisation tried", after, directory)
	k, err := s.KeyByHash(ctx, "hash")
	ok(t, err)
	if !k.Revoked.IsZero() {
		t.Error("another organisation has revoked a key")
	}
	own := h.Every(h.Org) // are found
	for _, name := range []string{"Numbers", "Number", "UpdateNumber", "DeleteNumber", "Credential", "Credentials", "UpdateCredential", "NoteVerdict",
		"DeleteCredential", "Trunk", "Trunks", "UpdateTrunk", "DeleteTrunk",
		"Extension", "Extensions", "UpdateExtension", "DeleteExtension", "Barred", "BarredAmong", "IsBarred", "Unbar",
		"Contact", "FindContacts", "CountContacts", "UpdateContact", "BeginFunnels", "ChangeFunnels", "FunnelConversation", "FunnelOf",
		"ChannelSessions", "DeleteContact", "Field", "Fields", "UpdateField", "CreateOption", "Option", "Options",
		"UpdateOption", "DeleteOption", "DeleteField",
		"Assignment", "Assignments", "UpdateAssignment", "CallFor", "PostFor", "EndAssignment", "DeleteAssignment"} { // in this order
		ok(t, own[name](ctx))
		delete(own, name)
	}
	last := own["DeleteTask"]
	delete(own, "DeleteTask")
	defer func() { ok(t, last(ctx)) }()
	forget, sack := own["RemoveDocument"], own["DeleteBot"]
	delete(own, "RemoveDocument")
	delete(own, "DeleteBot")
	for name, use := range own {
		if err := use(ctx); err != nil {
			t.Errorf("%s by the organisation itself: %v", name, err)
		}
	}
	ok(t, forget(ctx))
	ok(t, sack(ctx))
}

// testCancelled: a context that is over ends every method with its error, and one whose time is up says that the database was too slow.
func testCancelled(t *testing.T, s Store) {
	h := fill(t, s)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), start.AddDate(-100, 0, 0))
	defer cancel()
	for name, use := range h.Every(h.Org) {
		if err := use(cancelled); !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: error %v, want context.Canceled", name, err)
		}
		if err := use(late); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: error %v, want context.DeadlineExceeded and ErrUnavailable", name, err)
		}
	}
	_, err := s.Agent(t.Context(), h.Org, h.Setup.Agent.ID)
	ok(t, err)
}
