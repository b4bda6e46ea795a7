// Package store says what Parley keeps: the rows, and the interfaces by which the rest of the house reads and writes them.
//
//	live call ──▶ control/records ──▶ spool (disk) ──▶ Recorder.Record ──▶ database ──▶ Calls ──▶ API
//	API, CLI  ──▶ Agents, Numbers, Credentials, Trunks, Keys ────────────▶ database ──▶ Directory ──▶ who answers a number
//	          ──▶ People, Organisations, Sessions, Invites, Attempts ────▶ database ──▶ who may come in
//	          ──▶ Rates, Answers ────────────────────────────────────────▶ database ──▶ how often, and what was answered before
//	API       ──▶ Bots, Conversations ◀── Recorder (calls of bots) ──────▶ database ──▶ threads
//	CLI       ──▶ Knowledge.PutDocument ─────────────────────────────────▶ database ──▶ Knowledge.Search ──▶ live call
//
// It is a leaf: it knows no database and no other package of the house. store/sql implements every interface here on SQLite and on
// Postgres, and store/storetest is the one suite that both pass.
//
// Whoever reads a row of an organisation names that organisation, and gets ErrNotFound for a row of another: the scope is in
// the query, not in the handler's care. Ids are UUIDv7 in lower case, so they sort by the time they were made; what the contracts show
// also has a second, numeric id (Number), given by the database. Times are UTC with microseconds; the zero time means: not yet, or never.
// All methods may be called by any goroutine.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
)

// What a caller may have to decide by; every other error is a fault of the database.
var (
	ErrNotFound    = errors.New("not found")
	ErrConflict    = errors.New("conflict")                // wrapped with what stands against it
	ErrUnavailable = errors.New("database not available")  // not reachable, locked, starting, read-only: try again later
	ErrRefused     = errors.New("refused by the database") // of Recorder: this entry will never be taken; do not try again
)

// NewID makes an id: a UUIDv7, which sorts by time.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// A Page is a part of a list: at most Limit rows, after the first Offset.
type Page struct{ Limit, Offset int }

// An Organisation is a tenant: every other row belongs to one.
type Organisation struct {
	ID           string
	Number       int64
	Name         string
	DefaultAgent string // answers the calls that no number leads to an enabled agent; empty: nobody does
	Memory       string // what its agents may remember: JSON object of control/traits' Memory; empty: nothing
	PreAnswer    string // who is asked about its calls before they are answered: JSON object of control/preanswer's Settings; empty: nobody
	Created      time.Time
}

// Role is what a person may do; a key carries its creator's.
type Role string

// The roles.
const (
	Owner  Role = "owner"
	Admin  Role = "admin"
	Member Role = "member"
)

// A User is a person of an organisation.
type User struct {
	ID       string
	Number   int64
	Org      string
	Email    string // in lower case; unique among all users
	Name     string
	Password string // argon2id, in its PHC string; empty: cannot log in
	Role     Role
	Created  time.Time
}

// A Key opens the API. Its secret is not kept: Hash is the SHA-256 of it, and Prefix its first characters, to be shown.
type Key struct {
	ID       string
	Number   int64
	Org      string
	User     string // who made it; empty: the house itself
	Role     Role
	Name     string
	Prefix   string
	Hash     string // SHA-256 of the whole key, in hex; unique
	Scopes   []string
	Created  time.Time
	Expires  time.Time // zero: never
	LastUsed time.Time // to the minute or so
	Revoked  time.Time
}

// An Agent is a persona. Every change makes a new Version; calls name the one that served them.
type Agent struct {
	ID              string
	Number          int64
	Org             string
	Version         int // from 1
	Name            string
	Description     string
	SystemPrompt    string
	StartingMessage string
	Enabled         bool
	VoiceSettings   string // JSON object; empty: none
	DTMFRules       string // JSON object; empty: none
	Settings        string // JSON object, of package control/traits; empty: none
	Created         time.Time
	Updated         time.Time
}

// A Number is a phone number of an organisation, and the agent that answers it.
type Number struct {
	ID     string
	Number int64
	Org    string
	E164   string // +442071234567; unique among all organisations
	Agent  string // empty: the organisation's default agent
	Label  string // for people
	// Credential is the account by which calls are placed from the number; empty: the organisation's default, or else the server's. Trunk
	// is the way by SIP that it is reached by, in place of that; one of them at most.
	Credential string
	Trunk      string
	PreAnswer  string // as Organisation.PreAnswer; empty: as its organisation has it
	Created    time.Time
	Updated    time.Time
}

// A Setup is what an empty database begins with.
type Setup struct {
	Organisation Organisation
	Owner        User
	Key          Key
	Agent        Agent // becomes the organisation's default agent
}

// A Founder fills an empty database.
type Founder interface {
	// Found writes all of the setup, or none of it: ErrConflict if there is an organisation already.
	Found(ctx context.Context, s Setup) error
	// Organisations lists them, oldest first.
	Organisations(ctx context.Context) ([]Organisation, error)
}

// Keys are the API's keys.
type Keys interface {
	CreateKey(ctx context.Context, k Key) (Key, error)
	// KeyByHash finds a key by the hash of its secret, also one that is revoked or has expired.
	KeyByHash(ctx context.Context, hash string) (Key, error)
	Keys(ctx context.Context, org string, p Page) (keys []Key, total int64, err error) // newest first
	// RevokeKey ends a key for good; revoking it again changes nothing.
	RevokeKey(ctx context.Context, org, id string, at time.Time) error
	// TouchKeys notes when keys were last used (by id). Ids that are gone are ignored; a time never goes back.
	TouchKeys(ctx context.Context, used map[string]time.Time) error
}

// A KeyRing is the keys as the people of an organisation care for them.
type KeyRing interface {
	Keys
	Key(ctx context.Context, org, id string) (Key, error)
	// KeysBy are the keys that one person made, newest first.
	KeysBy(ctx context.Context, org, user string, p Page) (keys []Key, total int64, err error)
	// ReplaceKey gives a key another secret. The old one is kept as a key of its own that was revoked then, so that it opens nothing ever
	// again. ErrConflict if the key is revoked.
	ReplaceKey(ctx context.Context, org, id, prefix, hash string, at time.Time) (Key, error)
}

// AgentFilter narrows a list of agents.
type AgentFilter struct{ Enabled *bool }

// Agents are the personas of organisations.
type Agents interface {
	// CreateAgent keeps a new agent as version 1. ID, Org, Name and Created are the caller's; Number is the database's.
	CreateAgent(ctx context.Context, a Agent) (Agent, error)
	Agent(ctx context.Context, org, id string) (Agent, error)
	Agents(ctx context.Context, org string, f AgentFilter, p Page) (agents []Agent, total int64, err error) // newest first
	// UpdateAgent lets change alter the agent as it stands, in one transaction, and keeps the outcome as the next version. An error of
	// change is returned as it is, and nothing is kept. If change alters nothing, nothing is kept and the version stays. change may be
	// called more than once; it cannot alter ID, Number, Org, Version or Created. at becomes Updated.
	UpdateAgent(ctx context.Context, org, id string, at time.Time, change func(*Agent) error) (Agent, error)
	// DeleteAgent removes an agent: ErrConflict if it is its organisation's default, a number leads to it, a bot needs it, or it has active
	// tasks. Calls that it served, its other tasks, and its versions, stay.
	DeleteAgent(ctx context.Context, org, id string) error
	// AgentVersion is an agent as it was, also one that has been deleted since.
	AgentVersion(ctx context.Context, org, id string, version int) (Agent, error)
	// AgentVersions are an agent as it was and is, newest first, also one that has been deleted since: ErrNotFound if it never was.
	AgentVersions(ctx context.Context, org, id string, p Page) (versions []Agent, total int64, err error)
	// SetDefaultAgent makes an agent answer the calls that no number leads elsewhere.
	SetDefaultAgent(ctx context.Context, org, id string) error
}

// Numbers are the phone numbers of organisations.
type Numbers interface {
	// CreateNumber adds a number: ErrConflict if somebody has it, ErrNotFound if the organisation has no such agent, credential or trunk.
	CreateNumber(ctx context.Context, n Number) (Number, error)
	// Number finds one, by its id or as it is in E.164.
	Number(ctx context.Context, org, id string) (Number, error)
	// UpdateNumber lets change alter a number's agent, label, credential, trunk and pre-answer, in one transaction. An error of change is returned as
	// it is, and nothing is kept. ErrNotFound as of CreateNumber.
	UpdateNumber(ctx context.Context, org, id string, at time.Time, change func(*Number) error) (Number, error)
	// PutNumber adds a number, or leads one that the organisation has to another agent. ErrConflict if it is another organisation's,
	// ErrNotFound if the organisation has no such agent. Of an old number, ID, Created, label, credential, trunk and pre-answer stay.
	PutNumber(ctx context.Context, n Number) (Number, error)
	Numbers(ctx context.Context, org string, p Page) (numbers []Number, total int64, err error) // by E164
	DeleteNumber(ctx context.Context, org, e164 string) error
}

// A Directory is all that answering a call needs to know, at one moment.
type Directory struct {
	Revision      int64          // grows whenever an organisation, agent, number, credential, trunk, extension or an agent's knowledge changes
	Organisations []Organisation // oldest first; calls to numbers that nobody has go to the first
	Agents        []Agent
	Numbers       []Number
	Knowing       []string // ids of the agents that know a document
	Credentials   []Credential
	Trunks        []Trunk
	Extensions    []Extension
}

// A Router tells who answers.
type Router interface {
	// Revision is the newest Directory's: cheap, to be asked every second.
	Revision(ctx context.Context) (int64, error)
	Directory(ctx context.Context) (Directory, error)
}
