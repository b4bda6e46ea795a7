package twilio_test

import (
	"errors"
	"testing"

	"parley/pipeline"
	"parley/providers/twilio"
)

func TestNumber(t *testing.T) {
	t.Parallel()
	a, _ := serve(t, 200, `{"incoming_phone_numbers":[{"sid":"PN1","phone_number":"+155501000031"},{"sid":"PN2","phone_number":"+15550100003",
		"voice_url":"https://gw.example.net/twilio/voice","voice_method":"POST","voice_application_sid":"AP1","trunk_sid":"TK1"}]}`)
	got, found, err := a.Number(t.Context(), "+15550100003")
	want := twilio.Number{SID: "PN2", PhoneNumber: "+15550100003", VoiceURL: "https://gw.example.net/twilio/voice", VoiceMethod: "POST", Application: "AP1", Trunk: "TK1"}
	if err != nil || !found || got != want {
		t.Errorf("%+v, %v, %v", got, found, err)
	}
	if _, found, err := a.Number(t.Context(), "+1555010000"); err != nil || found {
		t.Errorf("a number that is the beginning of another one is found: %v, %v", found, err)
	}
}

func TestStanding(t *testing.T) {
	t.Parallel()
	a, _ := serve(t, 200, `{"sid":"AC1","status":"suspended"}`)
	if got, err := a.Standing(t.Context()); err != nil || got != "suspended" {
		t.Errorf("%q, %v", got, err)
	}
	a, _ = serve(t, 401, `{"code":20003,"message":"Authenticate","status":401}`)
	_, err := a.Standing(t.Context())
	if no := (*pipeline.Refusal)(nil); !errors.As(err, &no) || no.Code != 20003 {
		t.Errorf("%v", err)
	}
	_, _, err = a.Number(t.Context(), "+15550100003")
	if no := (*pipeline.Refusal)(nil); !errors.As(err, &no) || no.Message != "Authenticate" {
		t.Errorf("%v", err)
	}
	a, _ = serve(t, 500, `{}`)
	_, err = a.Standing(t.Context())
	if no := (*pipeline.Refusal)(nil); err == nil || errors.As(err, &no) {
		t.Errorf("%v", err)
	}
}
