package voice

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/access"
	"parley/control/envelope"
	"parley/control/talk"
	"parley/pipeline"
	"parley/store"
)

// CommandBody is the body of POST /calls/{id}/commands.
type CommandBody struct {
	Command string `json:"command" enum:"say,whisper,press,mute,unmute,hold,unhold" doc:"say: the agent's voice says text to the caller when nobody else speaks. whisper: the agent is told text, which the caller does not hear, with what it is asked next. press: keys are pressed towards the caller. mute: the agent hears nothing of the caller, until unmute. hold: the agent stops, also in mid-sentence, until unhold."`
	Text    string `json:"text,omitempty" maxLength:"2000" doc:"Of say and whisper. Of hold and unhold: said to the caller."`
	Ask     bool   `json:"ask,omitempty" doc:"Of whisper and unhold: the agent is asked to speak as soon as nobody else does."`
	Keys    string `json:"keys,omitempty" maxLength:"64" doc:"Of press: 0-9 * # A-D, and the pauses w (half a second), W and p (a second)." example:"12#"`
	Every   int    `json:"every_seconds,omitempty" minimum:"5" maximum:"600" doc:"Of hold: how long after its end text is said again; none given: once."`
}

// kinds are the pipeline's words for the commands.
var kinds = map[string]pipeline.CommandKind{
	"say": pipeline.Say, "whisper": pipeline.Inject, "press": pipeline.Press, "mute": pipeline.Mute, "unmute": pipeline.Unmute,
	"hold": pipeline.Hold, "unhold": pipeline.Unhold,
}

// command is the body as the pipeline has it.
func (b *CommandBody) command() pipeline.Command {
	return pipeline.Command{Kind: kinds[b.Command], Text: b.Text, Ask: b.Ask, Keys: b.Keys, Every: time.Duration(b.Every) * time.Second}
}

// check names what is missing, and what does not go together.
func (b *CommandBody) check() error {
	takes := func(field string, commands ...string) error {
		for _, c := range commands {
			if b.Command == c {
				return nil
			}
		}
		return envelope.Wrong(field, "is of "+strings.Join(commands, " and ")+" alone")
	}
	var err error
	switch {
	case (b.Command == "say" || b.Command == "whisper") && !hasWords(b.Text):
		return envelope.Wrong("text", "want words")
	case b.Command == "press":
		if bad := pipeline.CheckKeys(b.Keys); bad != nil {
			return envelope.Wrong("keys", bad.Error())
		}
	case b.Keys != "":
		return takes("keys", "press")
	}
	if b.Text != "" {
		err = takes("text", "say", "whisper", "hold", "unhold")
	}
	if err == nil && b.Ask {
		err = takes("ask", "whisper", "unhold")
	}
	if err == nil && b.Every != 0 {
		err = takes("every_seconds", "hold")
	}
	switch {
	case err != nil:
		return err
	case b.Every != 0 && !hasWords(b.Text):
		return envelope.Wrong("text", "want words to be said every so often")
	case b.Command == "unhold" && b.Ask && b.Text != "":
		return envelope.Wrong("ask", "want ask or text of unhold, not both")
	}
	return nil
}

// hasWords says whether there is something in a text that can be said.
func hasWords(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
}

// CommandOf is what POST /calls/{id}/commands asks.
type CommandOf struct {
	envelope.ID

	Body CommandBody
}

// Command handles POST /calls/{id}/commands.
func (h *Calls) Command(ctx context.Context, in *CommandOf) (*envelope.One[Done], error) {
	if err := in.Body.check(); err != nil {
		return nil, err
	}
	return h.order(ctx, in.ID.ID, "The call has taken the command", in.Body.command(), func(string) error { return nil })
}

// Supervision lets people listen to calls from pages.
type Supervision struct {
	Calls  *Calls
	Tokens *talk.Tokens
	People People
}

// People know the names of those who ask.
type People interface {
	User(ctx context.Context, org, id string) (store.User, error)
	Key(ctx context.Context, org, id string) (store.Key, error)
}

// ListenToken lets one page listen to one call.
type ListenToken struct {
	Token     string        `json:"token" doc:"Sent as Authorization: Bearer with the offer, and with what follows. It lets one page listen."`
	CallID    string        `json:"call_id" format:"uuid"`
	Name      string        `json:"name" doc:"Who listens, as the agent and the record are told if they take the call over." example:"Anna"`
	WHIPURL   string        `json:"whip_url" format:"uri" doc:"Where the page posts its offer. With several nodes it answers 503 where the call does not live: ask again, with the same token, until it is reached." example:"https://voice.example.com/webrtc/whip"`
	ExpiresAt envelope.Time `json:"expires_at" doc:"When the token opens nothing any more. Who listens goes on."`
}

// ListenOf is what POST /calls/{id}/listen asks.
type ListenOf struct {
	envelope.ID

	Body *struct {
		Name string `json:"name,omitempty" maxLength:"80" pattern:"^[^\\x00-\\x1f]*[\\pL\\pN][^\\x00-\\x1f]*$" patternDescription:"a name on one line" doc:"Who listens. Left out: the name of the person, or of the key." example:"Anna"`
		TTL  int    `json:"ttl_seconds,omitempty" minimum:"10" maximum:"600" default:"60" doc:"How long the page has to begin, in seconds."`
	} `required:"false"`

	base base
}

// Resolve implements huma.Resolver: it learns by which address the client came.
func (in *ListenOf) Resolve(ctx huma.Context) []error {
	in.base = baseOf(ctx)
	return in.Strict.Resolve(ctx)
}

// Listen handles POST /calls/{id}/listen.
func (h *Supervision) Listen(ctx context.Context, in *ListenOf) (*envelope.One[ListenToken], error) {
	row, err := h.Calls.call(ctx, in.ID.ID)
	switch {
	case err != nil:
		return nil, err
	case row.Status.Final():
		return nil, over(row)
	case row.Status != store.InProgress:
		return nil, envelope.Bad("the call is not answered yet: its status is " + string(row.Status))
	}
	name, life := "", talk.UsualLife
	if b := in.Body; b != nil {
		name, life = b.Name, cmp.Or(time.Duration(b.TTL)*time.Second, life)
	}
	if name == "" {
		if name, err = h.name(ctx); err != nil {
			return nil, err
		}
	}
	token, expires, err := h.Tokens.Issue(talk.Pass{Org: row.Org, Call: row.ID, Boot: row.Boot, Name: name}, life, time.Now())
	if err != nil {
		return nil, err
	}
	return envelope.Give(ctx, ListenToken{
		Token: token, CallID: row.ID, Name: name, WHIPURL: in.base.or(h.Calls.Public) + WHIPPath, ExpiresAt: envelope.Time(expires),
	}), nil
}

// name is that of whoever asks.
func (h *Supervision) name(ctx context.Context) (name string, err error) {
	who, _ := access.From(ctx)
	if who.Key != "" {
		key, kerr := h.People.Key(ctx, who.Org, who.Key)
		name, err = key.Name, kerr
	} else {
		user, uerr := h.People.User(ctx, who.Org, who.User)
		name, err = cmp.Or(user.Name, user.Email), uerr
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", fmt.Errorf("read who asks: %w", err)
	}
	if !hasWords(name) {
		name = "A supervisor"
	}
	return name, nil
}
