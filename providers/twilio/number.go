package twilio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"parley/providers/callapi"
)

// A Number is a phone number of an account, and where its calls go (twilio.com/docs/phone-numbers/api/incomingphonenumber-resource).
type Number struct {
	SID         string `json:"sid"`
	PhoneNumber string `json:"phone_number"`
	VoiceURL    string `json:"voice_url"`
	VoiceMethod string `json:"voice_method"`
	Application string `json:"voice_application_sid"` // in place of VoiceURL; empty: none
	Trunk       string `json:"trunk_sid"`             // of Elastic SIP Trunking, in place of both; empty: none
}

// Standing is how the account stands: active, suspended or closed. A *pipeline.Refusal says that Twilio does not let it in.
func (a *Account) Standing(ctx context.Context) (string, error) {
	var told struct {
		Status string `json:"status"`
	}
	if err := a.ask(ctx, http.MethodGet, ".json", nil, &told); err != nil {
		return "", refused("read account", err)
	}
	return told.Status, nil
}

// Number finds a number of the account, by E.164; false: it is not the account's. Errors are as Standing's.
func (a *Account) Number(ctx context.Context, e164 string) (Number, bool, error) {
	var page struct {
		Numbers []Number `json:"incoming_phone_numbers"`
	}
	query := url.Values{"PhoneNumber": {e164}, "PageSize": {"20"}} // which also finds numbers that only contain it
	if err := a.ask(ctx, http.MethodGet, "/IncomingPhoneNumbers.json?"+query.Encode(), nil, &page); err != nil {
		return Number{}, false, refused("find number", err)
	}
	for _, n := range page.Numbers {
		if n.PhoneNumber == e164 {
			return n, true, nil
		}
	}
	return Number{}, false, nil
}

// refused is an error of a request that changes nothing.
func refused(verb string, err error) error {
	if told := (*callapi.Failure)(nil); errors.As(err, &told) && told.Surely() {
		return fmt.Errorf("%s: %w", verb, told.Refusal())
	}
	return fmt.Errorf("%s: %w", verb, err)
}
