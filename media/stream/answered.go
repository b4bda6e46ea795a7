package stream

import (
	"net/http"
	"net/url"
)

// A Verdict is what Twilio's machine detection has found (twilio.com/docs/voice/answering-machine-detection, AsyncAmdStatusCallback).
type Verdict struct {
	CallSID    string
	AnsweredBy string     // human, machine_start, machine_end_beep, machine_end_silence, machine_end_other, fax, unknown
	Owners     []string   // as Info.Owners
	Params     url.Values // of the callback's own URL
}

// Answered takes the verdicts of machine detection (POST) and hands them to Judged.
func (t *Twilio) Answered(w http.ResponseWriter, r *http.Request) {
	form, owners, ok := t.ours(w, r)
	if !ok {
		return
	}
	v := Verdict{form.Get("CallSid"), form.Get("AnsweredBy"), owners, r.URL.Query()}
	if v.AnsweredBy == "" {
		t.badForm(w, "AnsweredBy", "")
		return
	}
	if t.Judged != nil {
		t.Judged(r.Context(), v)
	}
	w.WriteHeader(http.StatusNoContent)
}
