// Package talk makes and takes the tokens with which pages call agents, and listen to calls.
//
//	API ──▶ Tokens.Issue ──▶ page ──▶ POST /webrtc/whip ──▶ Tokens.Look ──▶ Tokens.Spend ──▶ the call
//	                                                             ▲              │ a row that only one node can insert
//	                                                    sealed with the nodes' secret
//
// Drafts has the agents that are called as they are being written.
//
// A token says what it allows, sealed: any node can read it, and nobody else. It opens one call with one agent, or lets one page listen to one
// call, and soon or not at all.
package talk

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"parley/control/access"
	"parley/control/seal"
	"parley/store"
)

// How long tokens may be good for.
const (
	LeastLife = 10 * time.Second
	UsualLife = time.Minute
	MostLife  = 10 * time.Minute
)

// ErrToken says of a token that it opens nothing: it is none of ours, its time has run out, or it was used.
var ErrToken = errors.New("the token is wrong, used, or has run out")

// A Pass is what a token allows: to call Agent, or to listen to Call.
type Pass struct {
	ID      string            `json:"id"`
	Org     string            `json:"org"`
	Agent   string            `json:"agent,omitempty"`  // its id
	From    string            `json:"from,omitempty"`   // who calls, as whoever asked for the token says
	Widget  bool              `json:"widget,omitempty"` // it was given to a page that nobody answers for
	Slots   map[string]string `json:"slots,omitempty"`  // what fills the {{places}} of its words
	Call    string            `json:"call,omitempty"`   // its id
	Draft   string            `json:"draft,omitempty"`  // what Agent is for this call, by its name in Drafts; empty: as it is saved
	Boot    string            `json:"boot,omitempty"`   // of the node where Call or Draft lives
	Name    string            `json:"name,omitempty"`   // of whoever listens
	Expires int64             `json:"exp"`              // seconds since 1970
}

// Tokens make and take tokens. It is safe for any number of goroutines.
type Tokens struct {
	seal    *seal.Seal
	answers store.Answers
	log     *slog.Logger

	mu            sync.Mutex
	spent, before map[string]bool // by id: here, of late, and of the time before
	turn          time.Time       // when of late becomes the time before
}

// NewTokens seals with the first of the secrets, which all nodes must share, and opens what was sealed with any. Answers are where nodes see
// that a token was used; nil: there is one node.
func NewTokens(answers store.Answers, log *slog.Logger, secrets ...[]byte) (*Tokens, error) {
	s, err := seal.New("browser call", secrets...)
	if err != nil {
		return nil, fmt.Errorf("seal tokens: %w", err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Tokens{seal: s, answers: answers, log: log}, nil
}

const label = "token"

// Issue makes a token of p, whose ID and Expires are set here.
func (t *Tokens) Issue(p Pass, life time.Duration, now time.Time) (token string, expires time.Time, err error) {
	expires = now.Add(life).Truncate(time.Second)
	p.ID, p.Expires = store.NewID(), expires.Unix()
	text, err := json.Marshal(p)
	if err != nil {
		return "", expires, fmt.Errorf("make token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(t.seal.Close(text, label)), expires, nil
}

// Look is what a token allows; it is not used up by that. The error is ErrToken.
func (t *Tokens) Look(token string, now time.Time) (Pass, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return Pass{}, ErrToken
	}
	text, err := t.seal.Open(sealed, label)
	if err != nil {
		return Pass{}, ErrToken
	}
	var p Pass
	if err := json.Unmarshal(text, &p); err != nil || !now.Before(time.Unix(p.Expires, 0)) {
		return Pass{}, ErrToken
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.spent[p.ID] || t.before[p.ID] {
		return Pass{}, ErrToken
	}
	return p, nil
}

// Spend uses a token up, on all nodes; ErrToken if it was before. While the database cannot be reached a token is known to be used on this
// node alone: calls go on.
func (t *Tokens) Spend(ctx context.Context, id, org string, expires, now time.Time) error {
	if !t.first(id, now) {
		return ErrToken
	}
	if t.answers == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, claimed, err := t.answers.ClaimAnswer(ctx, store.Answer{
		Org: org, Route: "browser call", Hash: access.Hash(id), Fingerprint: id, Holder: id, Expires: expires.Add(time.Minute).UTC(), // nodes' clocks differ
	}, now)
	switch {
	case err != nil && (errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded)):
		t.log.Warn("a token counts as used on this node alone", "error", err)
		return nil
	case err != nil:
		return fmt.Errorf("use token: %w", err)
	case !claimed:
		return ErrToken
	}
	return nil
}

// first says whether a token is used for the first time here.
func (t *Tokens) first(id string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.spent[id] || t.before[id] {
		return false
	}
	if t.spent == nil || !now.Before(t.turn) {
		t.before, t.spent, t.turn = t.spent, make(map[string]bool), now.Add(MostLife)
	}
	t.spent[id] = true
	return true
}
