package whatsapp

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DefaultBase is Meta's own server, and the version of the API that this package is written for.
const DefaultBase = "https://graph.facebook.com/v23.0"

// A Number is a business's phone number on WhatsApp. ID and Token must be set; Check says so. It may be used by any goroutine, and not copied
// after its first use: it keeps to the rates that Meta allows.
type Number struct {
	ID    string // Meta's phone_number_id
	Token string // access token
	Base  string // another server than Meta's, with its version; empty: DefaultBase

	// Client sends the requests; nil: one of its own, which follows no redirects. The caller's context bounds each request.
	Client *http.Client
	// Patience is how long Send waits in all for its turn, and for refusals to pass; zero: 10 s, negative: it does not.
	Patience time.Duration

	pace pace
}

// Check names all that is wrong with the number's settings.
func (n *Number) Check() error {
	var bad []error
	if n.ID == "" || strings.Trim(n.ID, "0123456789") != "" {
		bad = append(bad, fmt.Errorf("phone number id %q: want digits", n.ID))
	}
	if n.Token == "" || strings.ContainsAny(n.Token, " \r\n\t") {
		bad = append(bad, errors.New("access token is missing, or has white space in it"))
	}
	base := cmp.Or(n.Base, DefaultBase)
	if u, err := url.Parse(base); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		bad = append(bad, fmt.Errorf("base URL %q: want an http or https URL", base))
	}
	return errors.Join(bad...)
}

// plain is the client that is used where none is given.
var plain = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
