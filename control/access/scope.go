package access

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The scopes: what a key may do. Each is its own: write does not bring read, and besides All there is no wildcard. A new part of the API
// adds its own here and in Scopes (contacts:read, …); keys with All have them at once.
const (
	All         = "*"
	AgentsRead  = "agents:read"
	AgentsWrite = "agents:write"
	CallsRead   = "calls:read"
	CallsWrite  = "calls:write"
	TasksRead   = "tasks:read"
	TasksWrite  = "tasks:write"
	DialRead    = "dialing:read"
	DialWrite   = "dialing:write"
	HooksRead   = "webhooks:read"
	HooksWrite  = "webhooks:write"

	CredentialsRead  = "credentials:read"
	CredentialsWrite = "credentials:write"
	NumbersRead      = "numbers:read"
	NumbersWrite     = "numbers:write"
	TrunksRead       = "trunks:read"
	TrunksWrite      = "trunks:write"

	CampaignsRead  = "campaigns:read"
	CampaignsWrite = "campaigns:write"

	BotsRead           = "bots:read"
	BotsWrite          = "bots:write"
	ConversationsRead  = "conversations:read"
	ConversationsWrite = "conversations:write"
	ContactsRead       = "contacts:read"
	ContactsWrite      = "contacts:write"
	FieldsRead         = "custom_fields:read"
	FieldsWrite        = "custom_fields:write"
)

// A Scope is a scope's name, and what it allows, for people.
type Scope struct{ Name, Allows string }

// Scopes are all scopes, in the order to show them.
func Scopes() []Scope {
	return []Scope{
		{All, "everything, also what later versions add"},
		{AgentsRead, "list agents and read them"},
		{AgentsWrite, "make, change and delete agents"},
		{CallsRead, "list calls; read their details, transcripts, reports and recordings; watch them while they go on"},
		{CallsWrite, "end, cancel and transfer calls, have them transcribed anew, and let pages call agents"},
		{TasksRead, "list tasks and read them, also those of the CRM"},
		{TasksWrite, "make, change, delete, execute and reset tasks, also those of the CRM: it places calls"},
		{DialRead, "read how the organisation may dial, and its do-not-call list"},
		{DialWrite, "change these"},
		{CampaignsRead, "list campaigns; read their progress, tasks and results"},
		{CampaignsWrite, "make campaigns, upload contacts, start, pause, resume and cancel them: it places calls"},
		{BotsRead, "list bots and read them"},
		{BotsWrite, "make, change, toggle, verify and delete bots"},
		{ConversationsRead, "list conversations; read their messages; watch them"},
		{ConversationsWrite, "say where conversations stand, turn their auto-reply on and off, have replies drafted, and write messages; make and change those of the CRM, with their contacts"},
		{ContactsRead, "list, search and read contacts"},
		{ContactsWrite, "make, change and delete contacts"},
		{FieldsRead, "list custom fields and their options"},
		{FieldsWrite, "make, change and delete custom fields and their options"},
		{HooksRead, "read how webhooks are sent, and what became of them"},
		{HooksWrite, "change how webhooks are sent; replay and test them; make the secret that signs them"},
		{CredentialsRead, "list credentials of carriers and vendors, without their secrets"},
		{CredentialsWrite, "make, change, delete and verify credentials"},
		{NumbersRead, "list phone numbers and who answers them"},
		{NumbersWrite, "make, change and delete phone numbers"},
		{TrunksRead, "list SIP trunks and extensions, without their passwords"},
		{TrunksWrite, "make, change and delete SIP trunks and extensions"},
	}
}

// CheckScopes names the scopes that there are not, and refuses none at all.
func CheckScopes(scopes []string) error {
	if len(scopes) == 0 {
		return errors.New("no scopes: a key needs at least one")
	}
	var known []string
	for _, s := range Scopes() {
		known = append(known, s.Name)
	}
	var unknown []string
	for _, s := range scopes {
		if !slices.Contains(known, s) {
			unknown = append(unknown, fmt.Sprintf("%q", s))
		}
	}
	if len(unknown) > 0 {
		return fmt.Errorf("unknown scopes %s: there are %s", strings.Join(unknown, ", "), strings.Join(known, ", "))
	}
	return nil
}
