package openai

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/providers/providertest"
	"parley/providers/wire"
)

// The documentation's own messages, as shared/wire has them.
const (
	committedA = `{"type":"input_audio_buffer.committed","event_id":"event_3","item_id":"item_A","previous_item_id":null}`
	committedB = `{"type":"input_audio_buffer.committed","event_id":"event_3","item_id":"item_B","previous_item_id":"item_A"}`
	deltaA     = `{"type":"conversation.item.input_audio_transcription.delta","event_id":"event_4","item_id":"item_A","content_index":0,"delta":"I need "}`
	completedA = `{"type":"conversation.item.input_audio_transcription.completed","event_id":"event_5","item_id":"item_A","content_index":0,"transcript":"I need help.",` +
		`"usage":{"type":"tokens","input_tokens":26,"output_tokens":5,"total_tokens":31,"input_token_details":{"audio_tokens":26,"text_tokens":0}}}`
	completedB  = `{"type":"conversation.item.input_audio_transcription.completed","event_id":"event_5","item_id":"item_B","content_index":0,"transcript":"Now."}`
	failedA     = `{"type":"conversation.item.input_audio_transcription.failed","event_id":"event_6","item_id":"item_A","content_index":0,"error":{"type":"transcription_error","code":"audio_unintelligible","message":"…"}}`
	unpaid      = `{"type":"conversation.item.input_audio_transcription.failed","event_id":"event_6","item_id":"item_A","error":{"type":"insufficient_quota","code":null,"message":"Pay."}}`
	wrong       = `{"type":"error","event_id":"event_7","error":{"type":"invalid_request_error","code":"invalid_value","message":"No.","param":null,"event_id":null}}`
	tooLittle   = `{"type":"error","event_id":"event_7","error":{"type":"invalid_request_error","code":"input_audio_buffer_commit_empty","message":"No.","param":null,"event_id":"commit_1"}}`
	expired     = `{"type":"error","event_id":"event_7","error":{"type":"invalid_request_error","code":"session_expired","message":"60 minutes","event_id":null}}`
	serverError = `{"type":"error","event_id":"event_7","error":{"type":"server_error","code":null,"message":"Sorry.","event_id":null}}`
)

func TestUnderstandsTheDocumentedMessages(t *testing.T) {
	t.Parallel()
	answer := wire.Heard{Told: true, Settled: true, Answer: true, Text: "I need help."}
	both := answer
	both.Then = &wire.Heard{Told: true, Settled: true, Answer: true, Text: "Now."}
	nothing := wire.Heard{Told: true, Settled: true, Answer: true}
	unheard := nothing
	unheard.Warning = "audio_unintelligible …"
	for name, tt := range map[string]struct {
		before []string
		text   string
		want   wire.Heard
	}{
		"a commit":            {nil, committedA, wire.Heard{}},
		"words":               {[]string{committedA}, deltaA, wire.Heard{Told: true, Text: "I need"}},
		"words at once":       {nil, deltaA, wire.Heard{Told: true, Text: "I need"}},
		"all words":           {[]string{committedA, deltaA}, completedA, answer},
		"but once":            {[]string{committedA, completedA}, completedA, wire.Heard{}},
		"and not after":       {[]string{committedA, completedA}, deltaA, wire.Heard{}},
		"too soon":            {[]string{committedA, committedB}, completedB, wire.Heard{}},
		"and their turn":      {[]string{committedA, committedB, completedB}, completedA, both},
		"nobody understood":   {[]string{committedA}, failedA, unheard},
		"nobody paid":         {[]string{committedA}, unpaid, wire.Heard{Failure: &wire.Error{Vendor: "openai", Status: 402, Code: "insufficient_quota", Message: "Pay."}}},
		"too little":          {nil, tooLittle, nothing},
		"too little again":    {[]string{tooLittle}, tooLittle, nothing},
		"a mistake":           {nil, wrong, wire.Heard{Failure: &wire.Error{Vendor: "openai", Status: 400, Code: "invalid_value", Message: "No."}}},
		"an hour":             {nil, expired, wire.Heard{Failure: &wire.Error{Vendor: "openai", Status: 503, Code: "session_expired", Message: "60 minutes"}}},
		"the server's affair": {nil, serverError, wire.Heard{Warning: "server_error Sorry."}},
		"speech":              {nil, `{"type":"input_audio_buffer.speech_started","event_id":"event_1","audio_start_ms":820,"item_id":"item_A"}`, wire.Heard{}},
	} {
		d := &scribe{audio: &Audio{Key: "secret"}}
		for _, text := range tt.before {
			if _, err := d.Understand([]byte(text), 0); err != nil {
				t.Fatal(err)
			}
		}
		got, err := d.Understand([]byte(tt.text), 0)
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func FuzzUnderstand(f *testing.F) {
	providertest.Understanding(f, func() wire.Dialect { return &scribe{audio: &Audio{Key: "secret"}} },
		committedA+"\n"+committedB+"\n"+completedB+"\n"+deltaA+"\n"+completedA, failedA, unpaid, wrong, tooLittle+"\n"+tooLittle, expired, serverError, `{"type":"error"}`)
}
