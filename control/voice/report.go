package voice

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"parley/control/archive"
	"parley/control/envelope"
	"parley/control/report"
	"parley/store"
)

// CallReport is the report on a call.
type CallReport struct {
	CallID string        `json:"call_id" format:"uuid"`
	Status store.Status  `json:"status" enum:"completed,failed" doc:"Of the call."`
	Report report.Report `json:"report"`
}

// Report handles GET /calls/{id}/report.
func (h *Calls) Report(ctx context.Context, in *envelope.ID) (*envelope.One[CallReport], error) {
	row, err := h.call(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	r, err := h.Desk.Report(ctx, row)
	if err != nil {
		return nil, reportFault(err)
	}
	return envelope.Give(ctx, CallReport{CallID: row.ID, Status: row.Status, Report: r}), nil
}

// RetellBody is the body of POST /calls/{id}/transcript.
type RetellBody struct {
	ConversationID string `json:"conversation_id,omitempty" nullable:"true" maxLength:"200" pattern:"^[A-Za-z0-9_-]*$" patternDescription:"an id of letters, digits, _ and -" doc:"ElevenLabs' id of the conversation; once given, it is remembered. Extension."`
}

// RetellOf is what POST /calls/{id}/transcript asks.
type RetellOf struct {
	envelope.ID

	Body *RetellBody `required:"false"`
}

// Retold is a transcript that was made after the call, with what comes of it.
type Retold struct {
	CallID         string         `json:"call_id" format:"uuid"`
	Status         store.Status   `json:"status" enum:"completed,failed" doc:"Of the call."`
	Source         string         `json:"source" enum:"elevenlabs,recording" doc:"Where the transcript is from. Extension."`
	ConversationID *string        `json:"conversation_id" doc:"ElevenLabs' id of the conversation; null: none is known. Extension."`
	Transcript     []Entry        `json:"transcript" nullable:"false"`
	Extracted      map[string]any `json:"extracted_data" nullable:"false" doc:"The report's extracted, once more."`
	Report         report.Report  `json:"report"`
}

// Retell handles POST /calls/{id}/transcript.
func (h *Calls) Retell(ctx context.Context, in *RetellOf) (*envelope.One[Retold], error) {
	row, err := h.call(ctx, in.ID.ID)
	if err != nil {
		return nil, err
	}
	conversation := ""
	if in.Body != nil {
		conversation = in.Body.ConversationID
	}
	t, err := h.Desk.Retell(ctx, row, conversation)
	if err != nil {
		return nil, reportFault(err)
	}
	return envelope.Give(ctx, Retold{
		CallID: row.ID, Status: row.Status, Source: t.Source, ConversationID: envelope.Optional(t.Conversation), Transcript: showTranscript(row, t.Messages),
		Extracted: t.Report.Extracted, Report: t.Report,
	}), nil
}

// reportFault is what a client is told of a Desk's error.
func reportFault(err error) error {
	var f *envelope.Fault
	switch {
	case errors.Is(err, report.ErrNotOver):
		return envelope.Bad("the call is not over: this is made of calls whose status is completed or failed")
	case errors.Is(err, report.ErrOtherCall):
		return envelope.Wrong("conversation_id", "is of another call")
	case errors.Is(err, report.ErrNoConversation):
		f = envelope.Missing("ElevenLabs has no such conversation")
	case errors.Is(err, report.ErrNoRecording):
		f = envelope.Missing("the call was not recorded, and no conversation at ElevenLabs is known of it")
	case errors.Is(err, fs.ErrNotExist):
		f = envelope.Missing("the recording's file is gone, or another node still has it")
	case errors.Is(err, report.ErrPending):
		f = envelope.Busy("ElevenLabs has not finished the transcript, try again later", nil)
		f.Retry = 15 * time.Second
	case errors.Is(err, report.ErrBusy):
		f = envelope.Busy("too many recordings wait to be transcribed, try again later", nil)
		f.Retry = time.Minute
	case errors.Is(err, report.ErrAway), errors.Is(err, archive.ErrAway), errors.Is(err, report.ErrClosed):
		f = envelope.Busy("what the transcript is made with cannot be reached now, try again later", nil)
	default:
		return fmt.Errorf("make report: %w", err)
	}
	f.Cause = err
	return f
}
