//go:build e2e

package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestConsoleForms fills in a form of each page of the console, and saves it; the API says what became of it. What is wrong stands beside its
// field, and what cannot be undone is asked twice.
func TestConsoleForms(t *testing.T) {
	t.Parallel()
	f := &former{t: t, axe: readAxe(t), n: serve(t, "PARLEY_RECORD=false")}
	f.tab = chromium(t, f.n.url, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream=deny")
	f.n.signIn(f.tab, "/console/agents")
	f.agents()
	f.numbers()
	f.trunks()
	f.extensions()
	f.barred()
	f.credentials()
	f.webhooks()
	f.tasks()
	f.campaigns()
	f.keys()
	f.users()
	f.organisation()
	f.quiet("forms")
}

// A former fills in forms.
type former struct {
	*tab

	t   *testing.T
	n   *node
	axe string
}

// to opens a page of the console.
func (f *former) to(path, title string) {
	f.t.Helper()
	f.open(f.n.url + "/console" + path)
	f.says("h1", title)
	f.sees("!document.body.innerText.includes('Loading…')")
}

// says waits for a part of the page with that text in it.
func (f *former) says(part, text string) {
	f.t.Helper()
	p, _ := json.Marshal(part)
	s, _ := json.Marshal(text)
	f.sees("[..." + front + ".querySelectorAll(" + string(p) + ")].some(e => (e.value ?? e.innerText).includes(" + string(s) + "))")
}

// dialog looks at the dialog that is open: with axe, on a wide page and on a small telephone.
func (f *former) dialog(name string) {
	f.t.Helper()
	f.sees("document.querySelector('dialog[open]')")
	f.eval(f.axe, nil)
	for _, width := range []int{1280, 360} {
		f.look(width, "light")
		f.audit(name)
		var wide int
		f.eval("Math.max(document.documentElement.scrollWidth, document.querySelector('dialog[open]').scrollWidth)", &wide)
		if wide > width {
			f.t.Errorf("%s is %d pixels wide, of %d", name, wide, width)
		}
		f.shoot(filepath.Join(screens, name+map[int]string{1280: "-light.png", 360: "-small.png"}[width]))
	}
	f.look(1280, "dark")
	f.audit(name + ", dark")
	f.look(1280, "light")
}

// closed waits until no dialog is open.
func (f *former) closed() {
	f.t.Helper()
	f.sees("!document.querySelector('dialog[open]')")
}

// refused drops what the browser's console says of an answer of 400: the test has asked for it.
func (f *former) refused() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.troubles = slices.DeleteFunc(f.troubles, func(s string) bool { return strings.Contains(s, "400 (Bad Request)") })
}

// session reads what the API shows the person who has signed in.
func (f *former) session(path string, out any) {
	f.t.Helper()
	f.eval("fetch('/api/v1"+path+"').then(r => r.json()).then(r => r.data)", out)
}

// want checks what the API says of a list: rows, by one of their fields.
func (f *former) want(path, field string, want ...string) {
	f.t.Helper()
	var rows []map[string]any
	f.session(path, &rows)
	var got []string
	for _, row := range rows {
		text, _ := row[field].(string)
		got = append(got, text)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		f.t.Errorf("%s: %s is %q, want %q", path, field, got, want)
	}
}

func (f *former) agents() {
	f.t.Helper()
	f.press("New agent")
	f.dialog("agent-new")
	f.fill("name", "Day desk")
	f.fill("system prompt", "You answer by day.")
	f.press("Create")
	f.closed()
	f.press("Day desk")
	f.says("h1", "Day desk")

	f.fill("starting message", "Good day.")
	f.press("manners")
	f.fill("barge in", "soon")
	f.says(".wrong", "must be a time with its unit")
	f.says(".save-bar", "1 field is not right yet")
	f.fill("barge in", "400ms")
	f.press("dtmf rules")
	f.press("rules")
	f.press("Add rule")
	const rule = "[...document.querySelectorAll('fieldset.row')].find(r => r.querySelector('legend').textContent === 'rule 1')"
	f.fillIn(rule, "say", "We are open.")
	f.says(".save-bar", "1 field is not right yet") // a rule has keys
	f.fillIn(rule, "keys", "1")
	f.says(".save-bar", "Not saved yet")
	f.press("What you have changed")
	f.says(".diff .new", "Good day.")
	f.press("Close")
	f.press("Save as a new version")
	f.sees("document.querySelector('.page-head').innerText.includes('Version 2')")

	type agent struct {
		ID, Name string
		Starting string          `json:"starting_message"`
		Settings json.RawMessage `json:"settings"`
		Keys     json.RawMessage `json:"dtmf_rules"`
	}
	var agents []agent
	f.session("/agents", &agents)
	i := slices.IndexFunc(agents, func(a agent) bool { return a.Name == "Day desk" })
	if i < 0 {
		f.t.Fatalf("the agents are %v", agents)
	}
	day := agents[i]
	if day.Starting != "Good day." || !strings.Contains(string(day.Settings), `"barge_in":"400ms"`) || !strings.Contains(string(day.Keys), `"We are open."`) {
		f.t.Errorf("the agent is saved as %q %s %s", day.Starting, day.Settings, day.Keys)
	}
	f.press("Compare version 1")
	f.says(".diff .new", "Good day.")
	f.dialog("agent-versions")
	f.press("Restore version 1")
	f.says("p", "comes back, as a new version")
	f.press("Restore version 1")
	f.sees("document.querySelector('.page-head').innerText.includes('Version 3')")
	f.want("/agents/"+day.ID+"/versions", "starting_message", "", "", "Good day.")
	f.try(day.ID)
}

// try talks to an agent beside its editor, by typing: as it is saved, and as it is being written.
func (f *former) try(agent string) {
	f.t.Helper()
	until(f.t, 2*time.Minute, "the speech models are there", func() bool { return strings.Contains(f.n.log.String(), "speech models loaded") })
	f.press("Try it here")
	f.press("Type")
	f.sees("document.querySelector('.try .talk-type')")
	f.sees("document.querySelector('.try .words .agent p')?.textContent")
	f.fill("Type", "What are your opening hours?")
	f.press("Send")
	f.sees("[...document.querySelectorAll('.try .words .user p')].some(p => p.textContent === 'What are your opening hours?')")
	f.fill("starting message", "A draft says good evening.")
	f.says(".try", "What you change now is in the next call")
	check(f.tab, "agent-try", f.axe)
	f.press("Hang up")
	f.says(".try", "Talk to it as written")
	f.press("Type")
	f.sees("[...document.querySelectorAll('.try .words .agent p')].some(p => p.textContent.includes('A draft says good evening'))")
	f.press("Hang up")
	f.says(".page-head", "Version 3") // nothing is saved
	f.press("Undo")
	f.says(".try", "Talk to version 3")
	f.want("/calls?agent_id="+agent, "agent_id", agent, agent)
	f.want("/agents/"+agent+"/versions", "starting_message", "", "", "Good day.")
}

func (f *former) numbers() {
	f.t.Helper()
	f.to("/numbers", "Numbers")
	f.press("New number")
	f.dialog("number-new")
	f.fill("phone number", "12")
	f.press("Create")
	f.says(".wrong", "E.164")
	f.refused()
	f.fill("phone number", "+15550100066")
	f.choose("agent id", "Day desk")
	f.press("Create")
	f.closed()
	f.says("tbody", "Day desk")
	f.press("Edit")
	f.fill("label", "The front door")
	f.press("Save")
	f.closed()
	f.want("/numbers", "label", "The front door")
	f.press("Delete")
	f.dialog("number-delete")
	f.press("Keep")
	f.closed()
	f.want("/numbers", "phone_number", "+15550100066")
	f.press("Delete")
	f.press("Delete")
	f.closed()
	f.says("main", "No numbers yet")
	f.want("/numbers", "phone_number")
}

func (f *former) trunks() {
	f.t.Helper()
	f.to("/trunks", "Trunks")
	f.press("New trunk")
	f.dialog("trunk-new")
	f.fill("name", "Carrier")
	f.fill("host", "sip.example.com")
	f.fill("port", "5070")
	f.choose("transport", "tcp")
	f.press("Create")
	f.closed()
	f.says("tbody", "sip.example.com:5070")
	f.want("/trunks", "transport", "tcp")
}

func (f *former) extensions() {
	f.t.Helper()
	f.to("/extensions", "Extensions")
	f.press("New extension")
	f.fill("username", "Anna!")
	f.press("Create")
	f.says(".wrong", "small letters")
	f.refused()
	f.fill("username", "anna")
	f.press("Create")
	f.says("label", "shown this once")
	f.dialog("extension-made")
	f.press("Done")
	f.closed()
	f.want("/extensions", "username", "anna")
	f.press("New password")
	f.press("New password")
	f.says("h2", "The new password of anna")
	f.press("Close")
}

func (f *former) barred() {
	f.t.Helper()
	f.to("/do-not-call", "Do not call")
	f.press("Bar number")
	f.fill("phone number", "+15550100055")
	f.fill("reason", "They asked.")
	f.press("Bar")
	f.closed()
	f.want("/do-not-call", "reason", "They asked.")
}

func (f *former) credentials() {
	f.t.Helper()
	f.to("/credentials", "Credentials")
	f.press("New credential")
	f.dialog("credential-new")
	f.choose("vendor", "openai")
	f.fill("name", "Our model")
	f.fill("secret", "sk-0123456789abcdef0123456789abcdef")
	f.press("Create")
	f.closed()
	f.want("/credentials", "name", "Our model")
}

func (f *former) webhooks() {
	f.t.Helper()
	f.to("/webhooks", "Webhooks")
	f.fill("Send a test to", "http://hooks.invalid/parley")
	f.press("Send")
	f.says(".wrong", "https")
	f.refused()
	f.fill("Send a test to", "https://hooks.invalid/parley")
	f.press("Send")
	f.says("[role=status]", "It is on its way")
	f.says("tbody", "test")
	f.want("/webhooks/deliveries", "url", "https://hooks.invalid/parley")
	f.press("test")
	f.says("h3", "What is sent")
	f.dialog("webhook-delivery")
	f.press("Close")
	f.press("New secret")
	f.press("New secret")
	f.says("input", "whsec_")
	f.eval("document.querySelector('.check input').click()", nil)
	f.sees("document.querySelector('.check input').checked && !document.querySelector('.check input').disabled")
	var settings struct{ Redelivery bool }
	f.session("/webhooks/settings", &settings)
	if !settings.Redelivery {
		f.t.Error("redelivery is off still")
	}
}

func (f *former) tasks() {
	f.t.Helper()
	f.to("/tasks", "Tasks")
	f.press("New task")
	f.dialog("task-new")
	f.fill("name", "Remind Ada")
	f.fill("to number", "Ada")
	f.choose("agent id", "Day desk")
	f.press("Create")
	f.says(".wrong", "E.164")
	f.refused()
	f.fill("to number", "+15550100077")
	f.fill("context data", `{"name": "Ada"`)
	f.says(".wrong", "This is no JSON")
	f.fill("context data", `{"name": "Ada"}`)
	f.press("Create")
	f.closed()
	f.want("/tasks", "name", "Remind Ada")
	f.press("Remind Ada")
	f.says("main", "It was not called yet")
	f.says(".diff", "Ada")
	f.to("/tasks", "Tasks")
	f.press("Delete")
	f.press("Delete")
	f.closed()
	f.says("main", "No tasks yet")
	f.want("/tasks", "name")
}

func (f *former) campaigns() {
	f.t.Helper()
	f.to("/campaigns", "Campaigns")
	f.press("New campaign")
	f.dialog("campaign-new")
	f.fill("name", "Autumn")
	f.choose("agent id", "Day desk")
	f.press("Create")
	f.closed()
	f.want("/campaigns", "status", "draft")
	f.press("Autumn")
	f.says("h1", "Autumn")
	f.press("Cancel")
	f.says("p", "cannot be taken back")
	f.press("Cancel")
	f.closed()
	f.says(".page-head", "cancelled")
	f.want("/campaigns", "status", "cancelled")
}

func (f *former) keys() {
	f.t.Helper()
	f.to("/keys", "API keys")
	f.press("New key")
	f.dialog("key-new")
	f.fill("name", "Reports")
	f.eval("[...document.querySelectorAll('dialog label.check')].find(l => l.textContent === 'calls:read').click()", nil)
	f.press("Create")
	f.says("input", "va_")
	f.press("Done")
	f.closed()
	type key struct {
		Name   string
		Scopes []string
	}
	var keys []key
	f.session("/api-keys", &keys)
	reports := func(k key) bool { return k.Name == "Reports" && slices.Equal(k.Scopes, []string{"calls:read"}) }
	if !slices.ContainsFunc(keys, reports) {
		f.t.Errorf("the keys are %v", keys)
	}
	const revoke = "[...document.querySelectorAll('tbody tr')].find(r => r.innerText.includes('Reports'))?.querySelector('.actions button:last-child')"
	f.sees(revoke)
	f.eval(revoke+".click()", nil)
	f.press("Revoke")
	f.closed()
	f.want("/api-keys", "status", "active", "revoked")
}

func (f *former) users() {
	f.t.Helper()
	f.to("/users", "Users")
	f.press("Invite user")
	f.fill("email", "nobody")
	f.press("Invite")
	f.says(".wrong", "email")
	f.refused()
	f.fill("email", "ada@example.com")
	f.choose("role", "admin")
	f.press("Invite")
	f.says("input", "/invite#")
	f.dialog("user-invited")
	var link string
	f.eval("document.querySelector('dialog .secret input').value", &link)
	_, token, _ := strings.Cut(link, "#")
	f.n.into(f.n.api("POST", "/api/v1/auth/accept-invite", map[string]any{"token": token, "name": "Ada", "password": "a long password of Ada's"}), &struct{}{})
	f.press("Done")
	f.want("/users", "email", "ada@example.com", "owner@localhost")
}

func (f *former) organisation() {
	f.t.Helper()
	f.to("/organisation", "Organisation")
	f.fill("max calls", "7")
	f.press("windows")
	f.press("Add window")
	const window = "[...document.querySelectorAll('fieldset.row')].find(r => r.querySelector('legend').textContent === 'window 1')"
	f.fillIn(window, "from", "9")
	f.fillIn(window, "to", "17:00")
	f.press("Save the limits")
	f.says(".wrong", "9")
	f.refused()
	f.fillIn(window, "from", "09:00")
	f.press("Save the limits")
	f.says("[role=status]", "Saved.")
	check(f.tab, "organisation-limits", f.axe)
	var dialing struct {
		Rules struct {
			Most    int `json:"max_calls"`
			Windows []struct{ From, To string }
		}
	}
	f.session("/dialing", &dialing)
	if r := dialing.Rules; r.Most != 7 || len(r.Windows) != 1 || r.Windows[0].From != "09:00" || r.Windows[0].To != "17:00" {
		f.t.Errorf("the limits are %+v", r)
	}
	f.fill("name", "Northwind")
	f.press("Save organisation")
	f.says("nav footer", "Northwind")
	f.want("/organizations", "name", "Northwind")
	f.press("New organisation")
	f.dialog("organisation-new")
	f.fill("name", "Southwind")
	f.press("Create")
	f.closed()
	f.want("/organizations", "name", "Northwind", "Southwind")
}
