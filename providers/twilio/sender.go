package twilio

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"parley/providers/callapi"
	"parley/providers/message"
)

// sendersBase is the server of WhatsApp numbers (twilio.com/docs/whatsapp/api/senders). That this resource looks so is not confirmed.
const sendersBase = "https://messaging.twilio.com"

// A Registration is how a WhatsApp number of an account stands.
type Registration struct {
	SID     string // XE...
	Number  string
	State   string // ONLINE, CREATING, OFFLINE, PENDING_VERIFICATION, ...
	Webhook string // where messages are told; "": nowhere
	Method  string // of Webhook
	Status  string // where it is told how far messages come; "": nowhere
}

// Registration finds a number among the account's of WhatsApp; false: it is none.
func (a *Account) Registration(ctx context.Context, e164 string) (Registration, bool, error) {
	base := sendersBase
	if a.Base != "" {
		base = strings.TrimRight(a.Base, "/")
	}
	next := base + "/v2/Channels/Senders?Channel=whatsapp&PageSize=100"
	for range pages {
		var page struct {
			Senders []struct {
				SID     string `json:"sid"`
				ID      string `json:"sender_id"`
				Status  string `json:"status"`
				Webhook struct {
					URL    string `json:"callback_url"`
					Method string `json:"callback_method"`
					Status string `json:"status_callback_url"`
				} `json:"webhook"`
			} `json:"senders"`
			Meta struct {
				Next string `json:"next_page_url"`
			} `json:"meta"`
		}
		if err := a.look(ctx, next, &page); err != nil {
			return Registration{}, false, err
		}
		for _, s := range page.Senders {
			if s.ID == "whatsapp:"+e164 {
				return Registration{s.SID, e164, strings.ToUpper(s.Status), s.Webhook.URL, cmp.Or(s.Webhook.Method, http.MethodPost), s.Webhook.Status}, true, nil
			}
		}
		if next = page.Meta.Next; !strings.HasPrefix(next, base+"/") {
			break
		}
	}
	return Registration{}, false, nil
}

// look asks a server of Twilio's that is not the one of the account's resources. Errors are a *message.Error.
func (a *Account) look(ctx context.Context, target string, into any) error {
	u, err := url.Parse(target)
	if err != nil || !a.ours(u) {
		return message.Wrong("base", "%.100q is not Twilio's", target)
	}
	told := (*callapi.Failure)(nil)
	switch err = a.api(target).Ask(ctx, http.MethodGet, "", nil, into); {
	case errors.As(err, &told):
		return problem(told)
	case err != nil:
		return lost(ctx, true, err)
	}
	return nil
}
