package crm

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/envelope"
	"parley/control/report"
	"parley/control/voice"
	"parley/store"
)

// Calls handles /calls, /agent-calls and /recordings.
type Calls struct {
	Store    store.Cards
	Records  store.Calls
	Contacts store.Contacts
	Desk     *report.Desk
	Voice    *voice.Calls // makes the links to recordings
	Starter  Starter
	Reach    func(target string) error // says why a recording is not fetched from a URL; nil: none is fetched
	Wake     func()                    // called when there is one to fetch; may be nil
}

// CreateCall is what POST /calls asks.
type CreateCall struct {
	envelope.Strict
	Tenant

	Body CallCreate
}

// Create handles POST /calls.
func (h *Calls) Create(ctx context.Context, in *CreateCall) (*One[PhoneCall], error) {
	org, err := in.org(ctx)
	if err != nil {
		return nil, err
	}
	c, k := in.Body.call(org)
	return h.answer(ctx)(h.Store.AddCall(ctx, c, k, store.Load{}))
}

// answer shows a call, or says why there is none.
func (h *Calls) answer(ctx context.Context) func(store.Call, error) (*One[PhoneCall], error) {
	return func(c store.Call, err error) (*One[PhoneCall], error) {
		if err != nil {
			return nil, failed(err, "call")
		}
		out, err := h.shown(ctx, c)
		if err != nil {
			return nil, err
		}
		return give(out), nil
	}
}

// call reads the row that a path names.
func (h *Calls) call(ctx context.Context, in ID, noun string) (store.Call, error) {
	org, n, err := in.of(ctx, noun)
	if err != nil {
		return store.Call{}, err
	}
	c, err := h.Store.NumberedCall(ctx, org, n)
	if err != nil {
		return c, failed(err, noun)
	}
	return c, nil
}

// Get handles GET /calls/{id}.
func (h *Calls) Get(ctx context.Context, in *ID) (*One[PhoneCall], error) {
	return h.answer(ctx)(h.call(ctx, *in, "call"))
}

// Transcription is what was said in a call.
type Transcription struct {
	ID           int64         `json:"id" doc:"The call's: it has one." example:"1"`
	TenantID     string        `json:"tenantId" format:"uuid"`
	ProviderID   *string       `json:"providerId" doc:"The call's id in the voice contract." example:"0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e"`
	ProviderName *string       `json:"providerName" doc:"What it is: live (taken down while the call went on), recording (heard anew), elevenlabs." example:"live"`
	RecordingID  *int64        `json:"recordingId" doc:"Of the call's recording; null: it has none." example:"1"`
	URL          string        `json:"url" format:"uri" doc:"Where it can be had line by line, with a key." example:"https://voice.example.com/api/v1/calls/0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e/transcript"`
	Text         string        `json:"text" doc:"A line for each that spoke: agent, user, or what the house told." example:"agent: Hello!\nuser: Hi."`
	CreatedAt    envelope.Time `json:"createdAt"`
	UpdatedAt    envelope.Time `json:"updatedAt"`
}

// OfCall is what an operation asks that answers with a link.
type OfCall struct {
	ID

	at string // where the client came to
}

// Resolve implements huma.Resolver: it learns by which address the client came.
func (in *OfCall) Resolve(ctx huma.Context) []error {
	in.at = voice.At(ctx)
	return in.Strict.Resolve(ctx)
}

// Transcription handles GET /calls/{id}/transcription.
func (h *Calls) Transcription(ctx context.Context, in *OfCall) (*One[Transcription], error) {
	c, err := h.call(ctx, in.ID, "call")
	if err != nil {
		return nil, err
	}
	said, source, err := h.Desk.Transcript(ctx, c)
	if err != nil {
		return nil, err
	}
	if len(said) == 0 {
		return nil, envelope.Missing("nothing is known of what was said in the call")
	}
	out := Transcription{
		ID: c.Number, TenantID: c.Org, ProviderID: &c.ID, ProviderName: &source, URL: h.Voice.Address(in.at) + "/api/v1/calls/" + url.PathEscape(c.ID) + "/transcript",
		Text: script(said), CreatedAt: envelope.Time(c.Created), UpdatedAt: envelope.Time(latest(c.Created, c.Answered, c.Ended)),
	}
	switch _, err := h.Records.Recording(ctx, c.Org, c.ID); {
	case err == nil:
		out.RecordingID = &c.Number
	case !errors.Is(err, store.ErrNotFound):
		return nil, fmt.Errorf("read recording: %w", err)
	}
	return give(out), nil
}

// script is a transcript as one text.
func script(said []store.Message) string {
	lines := make([]string, len(said))
	for i, m := range said {
		lines[i] = voice.Speaker(m.Role) + ": " + m.Text
	}
	return strings.Join(lines, "\n")
}

// CallRecording is the sound of a call.
type CallRecording struct {
	ID               int64         `json:"id" doc:"The call's: it has one." example:"1"`
	TenantID         string        `json:"tenantId" format:"uuid"`
	CallID           int64         `json:"callId" example:"1"`
	ProviderID       string        `json:"providerId" doc:"The call's id in the voice contract." example:"0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e"`
	ProviderName     string        `json:"providerName" enum:"parley" doc:"Who keeps it."`
	CallProviderID   *string       `json:"callProviderId" example:"CA1"`
	CallProviderName *string       `json:"callProviderName" example:"twilio"`
	URL              *string       `json:"url" format:"uri" doc:"Plays for 5 minutes without a key; null: it has not been fetched yet, or could not be." example:"https://voice.example.com/api/v1/calls/0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e/recording/stream?token=abc"`
	StartTime        envelope.Time `json:"startTime"`
	Duration         *float64      `json:"duration" doc:"In seconds." example:"63.24"`
	DualChannel      *bool         `json:"dualChannel" doc:"Whether the speakers have a channel each: the caller is left."`
	CreatedAt        envelope.Time `json:"createdAt"`
	UpdatedAt        envelope.Time `json:"updatedAt"`
}

// Recording handles GET /calls/{id}/recording.
func (h *Calls) Recording(ctx context.Context, in *OfCall) (*One[CallRecording], error) {
	return h.recorded(ctx, in, "call")
}

// GetRecording handles GET /recordings/{id}.
func (h *Calls) GetRecording(ctx context.Context, in *OfCall) (*One[CallRecording], error) {
	return h.recorded(ctx, in, "recording")
}

func (h *Calls) recorded(ctx context.Context, in *OfCall, noun string) (*One[CallRecording], error) {
	c, err := h.call(ctx, in.ID, noun)
	if err != nil {
		return nil, err
	}
	if !c.Status.Final() {
		return nil, envelope.Missing("the call is not over: its recording is there when its status is completed or failed")
	}
	rec, err := h.Records.Recording(ctx, c.Org, c.ID)
	if err == nil {
		return h.sound(ctx, in.at, c, rec)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("read recording: %w", err)
	}
	load, err := h.Store.Load(ctx, c.Org, c.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, envelope.Missing("the call was not recorded")
	case err != nil:
		return nil, fmt.Errorf("read load: %w", err)
	case !load.Ended.IsZero() && load.Error != "":
		return nil, envelope.Missing("the recording could not be fetched: " + load.Error)
	}
	return h.sound(ctx, in.at, c, store.Recording{})
}

// sound shows the recording of a call; one without a path is still to be fetched.
func (h *Calls) sound(ctx context.Context, at string, c store.Call, rec store.Recording) (*One[CallRecording], error) {
	k, err := h.Store.Card(ctx, c.Org, c.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("read card: %w", err)
	}
	shown := showCall(c, k)
	out := CallRecording{
		ID: c.Number, TenantID: c.Org, CallID: c.Number, ProviderID: c.ID, ProviderName: "parley", CallProviderID: shown.ProviderID,
		CallProviderName: shown.ProviderName, StartTime: shown.StartTime, CreatedAt: shown.CreatedAt, UpdatedAt: shown.UpdatedAt,
	}
	if rec.Path != "" {
		address, _ := h.Voice.Link(at, c)
		two, length := rec.Channels == 2, rec.Length.Seconds()
		out.URL, out.DualChannel, out.Duration = &address, &two, &length
	}
	return give(out), nil
}

// LoadBody is the body of POST /recordings/load.
type LoadBody struct {
	UserID        float64 `json:"userId" doc:"The number of the user whose call it was." example:"1"`
	URL           string  `json:"url" minLength:"1" maxLength:"2000" doc:"Where it is: an https URL of WAV or Ogg Opus, of up to 512 MiB." example:"https://pbx.example.com/recordings/1.wav"`
	CallTo        string  `json:"callTo,omitempty" maxLength:"200" example:"+1234567890"`
	CallFrom      string  `json:"callFrom,omitempty" maxLength:"200" example:"+442071234567"`
	CallDirection string  `json:"callDirection,omitempty" enum:"outgoing,incoming" default:"outgoing"`
	CallStartTime string  `json:"callStartTime,omitempty" maxLength:"64" doc:"When the call began, with a time zone, such as 2026-11-23T09:00:00Z; left out: now." example:"2026-11-23T09:00:00Z"`
}

// LoadRecording is what POST /recordings/load asks.
type LoadRecording struct {
	envelope.Strict
	Tenant

	Body LoadBody
}

// longestRecording is what no recording that is fetched lasts.
const longestRecording = 24 * time.Hour

// LoadRecording handles POST /recordings/load: it keeps the call, and what is to be fetched for it. It is fetched by control/fetch.
func (h *Calls) LoadRecording(ctx context.Context, in *LoadRecording) (*One[CallRecording], error) {
	org, err := in.org(ctx)
	if err != nil {
		return nil, err
	}
	b, began := in.Body, now()
	bad := map[string]string{}
	if b.CallStartTime != "" {
		at, err := time.Parse(time.RFC3339, b.CallStartTime)
		if err != nil {
			bad["callStartTime"] = "is no time such as 2026-11-23T09:00:00Z"
		} else if !happens(at, longestRecording) {
			bad["callStartTime"] = "has a year that there is not"
		}
		began = at.UTC()
	}
	if h.Reach == nil {
		return nil, envelope.Busy("this server fetches no recordings", nil)
	}
	if u, err := url.Parse(b.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		bad["url"] = "is no https URL without a name and password"
	} else if err := h.Reach(b.URL); err != nil {
		bad["url"] = err.Error()
	}
	if err := invalid(bad); err != nil {
		return nil, err
	}
	c := store.Call{
		ID: store.NewID(), Org: org, Direction: directed(b.CallDirection), Status: store.Completed, Leg: store.LegElsewhere, From: b.CallFrom, To: b.CallTo,
		Created: began, Answered: began, End: store.End{Ended: began, Cause: store.CauseElsewhere},
	}
	k := store.Card{ProviderID: c.ID, User: decimal(&b.UserID)}
	c, err = h.Store.AddCall(ctx, c, k, store.Load{URL: b.URL, Created: now()})
	if err != nil {
		return nil, failed(err, "call")
	}
	if h.Wake != nil {
		h.Wake()
	}
	return h.sound(ctx, "", c, store.Recording{})
}
