package dialer

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// MayConnect says why an organisation's callers must not be connected to somebody: to is a number in E.164, an address such as
// sip:desk@example.com, or an extension (ext:anna). An *Unfit names to. What its own calls may not reach, they must not either, but for the
// calling windows: those are for people who are called unasked, and not for who works there.
func (d *Dialer) MayConnect(ctx context.Context, org, to string) error {
	number := numberIn(to)
	if number == "" {
		return nil // it costs nothing that a number does
	}
	why := ""
	if d.emergency(org, number) {
		why = "is an emergency number: whoever needs one calls it themselves, from where they are"
	} else if e164.MatchString(number) {
		rules, err := d.rules(ctx, org)
		if err != nil {
			return err
		}
		if why = forbidden(number, rules); why == "" {
			barred, err := d.o.Store.IsBarred(ctx, org, number)
			if err != nil {
				return fmt.Errorf("look up do-not-call list: %w", err)
			}
			if barred {
				why = "is on the do-not-call list"
			}
		}
	}
	if why != "" {
		return &Unfit{Message: "the number may not be called", Fields: map[string]string{"to": why}}
	}
	return nil
}

var (
	e164   = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	digits = regexp.MustCompile(`^\+?[0-9]{1,15}$`)
)

// numberIn is what somebody would dial for an address: a number as it is, or as the user of one of SIP; empty: nothing.
func numberIn(to string) string {
	if scheme, rest, ok := strings.Cut(to, ":"); ok {
		if scheme = strings.ToLower(scheme); scheme != "sip" && scheme != "sips" {
			return ""
		}
		to, _, _ = strings.Cut(rest, "@")
		to, _, _ = strings.Cut(to, ":") // a password (RFC 3261, section 19.1.1)
		if plain, err := url.PathUnescape(to); err == nil {
			to = plain // as who gets it reads it
		}
		to, _, _ = strings.Cut(to, ";") // parameters of a number (RFC 3966)
	}
	to = strings.NewReplacer("-", "", ".", "", "(", "", ")", "").Replace(to)
	if !digits.MatchString(to) {
		return ""
	}
	return to
}

// emergency says whether a number calls for help where the organisation's own number is, or wherever a mobile telephone is (3GPP TS 22.101,
// section 10.1).
func (d *Dialer) emergency(org, number string) bool {
	if slices.Contains([]string{"112", "911", "999", "000"}, number) {
		return true
	}
	ours, err := phonenumbers.Parse(d.o.Caller(org, ""), "")
	return err == nil && phonenumbers.IsEmergencyNumber(number, phonenumbers.GetRegionCodeForNumber(ours))
}
