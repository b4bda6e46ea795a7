package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"parley/media/sip"
	"parley/media/stream"
)

// A carrierCheck is how the doctor finds out whether a carrier's calls would come in. What is nil or empty is not looked at. Nothing of it
// makes a call.
type carrierCheck struct {
	name  string
	needs func(c *config) []need // without which no call comes

	hook    string                                                      // path of its webhook
	sign    func(c *config, target string, form url.Values) http.Header // what the carrier's signature would be; nil: it alone has the key
	socket  func(c *config, base string) (target string, h http.Header) // that is let in, though its call is not there; no target: it cannot be made here
	listens func(c *config) (addresses []string, elsewhere string)      // where it connects by TCP; what else there is, and cannot be tried
	paste   func(c *config, base string) string                         // what is to be done at the carrier
}

// A need is a setting, by its variable.
type need struct{ name, value string }

// carrierChecks are those of all carriers: a row each.
var carrierChecks = []carrierCheck{
	{
		name: "twilio", hook: "/twilio/voice",
		needs: func(c *config) []need {
			return []need{{"PARLEY_PUBLIC_URL", c.PublicURL}, {"TWILIO_AUTH_TOKEN", c.TwilioAuthToken}}
		},
		sign: func(c *config, target string, form url.Values) http.Header {
			return http.Header{"X-Twilio-Signature": {stream.Sign(c.TwilioAuthToken, target, form)}}
		},
		socket: func(c *config, base string) (string, http.Header) {
			at := socketOf(base) + "/twilio/media"
			return at, http.Header{"X-Twilio-Signature": {stream.Sign(c.TwilioAuthToken, at, nil)}}
		},
		paste: func(_ *config, base string) string {
			return "Phone Numbers, your number, Voice: \"A call comes in\", Webhook, " + base + "/twilio/voice, HTTP POST"
		},
	},
	{
		name: "telnyx", hook: "/telnyx/voice",
		needs: func(c *config) []need {
			return []need{{"PARLEY_PUBLIC_URL", c.PublicURL}, {"TELNYX_PUBLIC_KEY", c.TelnyxPublicKey}}
		},
		socket: func(c *config, base string) (string, http.Header) {
			secret, err := c.found(c.DataDir)
			if err != nil {
				return "", nil
			}
			return socketOf(base) + (&stream.Telnyx{Secret: []byte(secret)}).Way("doctor", time.Now()), nil
		},
		paste: func(_ *config, base string) string {
			return "Voice, Programmable Voice, TeXML application, voice URL: " + base + "/telnyx/voice, POST; then give the application your number"
		},
	},
	{
		name: "sip", listens: sipListens,
		needs: func(c *config) []need { return []need{{"PARLEY_SIP_LISTEN", strings.Join(c.SIPListen, ",")}} },
		paste: func(c *config, _ string) string {
			return "the trunk's destination: sip:" + cmp.Or(c.SIPExternal, "YOUR.HOST") + ", as PARLEY_SIP_LISTEN has ports and transports; here: parley trunks create"
		},
	},
}

// carrierProbe is how long each question may take.
const carrierProbe = 10 * time.Second

// carrier is what is found out about a carrier.
func (c *doctorCmd) carrier(ctx context.Context) ([]finding, error) {
	var names []string
	for _, row := range carrierChecks {
		if row.name == c.Carrier {
			return c.checkCarrier(ctx, row), nil
		}
		names = append(names, row.name)
	}
	return nil, usageError{fmt.Errorf("--carrier is %q: want one of %s", c.Carrier, strings.Join(names, ", "))}
}

func (c *doctorCmd) checkCarrier(ctx context.Context, row carrierCheck) []finding {
	all := []finding{c.settings(), c.needed(row)}
	if all[0].fatal || all[1].fatal {
		return all
	}
	if row.listens != nil {
		all = append(all, reached(ctx, &c.config, row)...)
	}
	base := strings.TrimRight(c.PublicURL, "/")
	if row.hook != "" {
		f := outside(ctx, base)
		if all = append(all, f); f.fatal {
			return all
		}
		all = append(all, c.unsigned(ctx, row, base), c.signed(ctx, row, base))
	}
	if row.socket != nil {
		all = append(all, c.upgrades(ctx, row, base))
	}
	return append(all, finding{what: "paste", says: row.paste(&c.config, base)})
}

// needed says which settings are missing.
func (c *doctorCmd) needed(row carrierCheck) finding {
	var missing []string
	for _, s := range row.needs(&c.config) {
		if s.value == "" {
			missing = append(missing, s.name)
		}
	}
	f := finding{what: "settings of " + row.name, says: row.named(&c.config) + ": set"}
	if len(missing) > 0 {
		f.says, f.fix, f.fatal = strings.Join(missing, ", ")+": not set", "set them, here and where serve runs: .env.example says what they are", true
	}
	return f
}

// named are the settings that a carrier needs.
func (r carrierCheck) named(c *config) string {
	var names []string
	for _, s := range r.needs(c) {
		names = append(names, s.name)
	}
	return strings.Join(names, " and ")
}

// probe makes a request of the doctor's, and is its answer's status and body.
func probe(ctx context.Context, method, target string, header http.Header, form url.Values) (status int, text string, err error) {
	ctx, cancel := context.WithTimeout(ctx, carrierProbe)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", err
	}
	for name, values := range header {
		r.Header[name] = values
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	stay := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := stay.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
	return answer.StatusCode, string(body), err
}

// outside asks by the public URL whether it is this program that answers there, as far as this machine sees the outside.
func outside(ctx context.Context, base string) finding {
	f := finding{what: "public URL", says: base + " answers"}
	status, text, err := probe(ctx, http.MethodGet, base+"/healthz", nil, nil)
	switch {
	case err != nil:
		f.says, f.fix, f.fatal = err.Error(), "start serve, and have the name lead to it with a certificate that everybody believes; PARLEY_PUBLIC_URL says which name", true
	case status != http.StatusOK || strings.TrimSpace(text) != "ok":
		f.says, f.fix, f.fatal = fmt.Sprintf("%s/healthz answers %d, and not as serve does", base, status), "have the proxy send all paths to serve", true
	case !strings.HasPrefix(base, "https:"):
		f.fix = "carriers stream only to https (wss) URLs"
	}
	return f
}

// unsigned sees whether the webhook refuses what nobody has signed.
func (c *doctorCmd) unsigned(ctx context.Context, row carrierCheck, base string) finding {
	f := finding{what: "webhook, unsigned", says: row.hook + " refuses it (403)"}
	status, _, err := probe(ctx, http.MethodPost, base+row.hook, nil, url.Values{"CallSid": {""}})
	switch {
	case err != nil:
		f.says, f.fix, f.fatal = err.Error(), "see that the proxy lets POST through", true
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		f.says, f.fix, f.fatal = fmt.Sprintf("%s answers %d", row.hook, status), "serve takes no calls of "+row.name+": start it with "+row.named(&c.config)+", and have the proxy send all paths to it", true
	case status != http.StatusForbidden:
		f.says, f.fix, f.fatal = fmt.Sprintf("%s answers %d, not 403", row.hook, status), "something between the public URL and serve answers in its place", true
	}
	return f
}

// signed sees whether the webhook believes a signature of the carrier's. The request names no call, so that none begins: 400 is what it gets.
func (c *doctorCmd) signed(ctx context.Context, row carrierCheck, base string) finding {
	f := finding{what: "webhook, signed", says: "a signature made with these settings is believed"}
	if row.sign == nil {
		f.says = "not tried: " + row.name + " alone has the key that signs; the first call tells"
		return f
	}
	form, target := url.Values{"CallSid": {""}}, base+row.hook
	status, _, err := probe(ctx, http.MethodPost, target, row.sign(&c.config, target, form), form)
	switch {
	case err != nil:
		f.says, f.fix, f.fatal = err.Error(), "see that the proxy lets POST through", true
	case status == http.StatusForbidden:
		f.says, f.fix, f.fatal = "it is refused (403)", "serve has to run with the same "+row.named(&c.config)+" as the doctor, and the proxy must not change the path", true
	case status != http.StatusBadRequest:
		f.says, f.fix, f.fatal = fmt.Sprintf("%s answers %d, not 400", row.hook, status), "something between the public URL and serve answers in its place", true
	}
	return f
}

// upgrades sees whether a socket gets through. It is closed before it says whose stream it is.
func (c *doctorCmd) upgrades(ctx context.Context, row carrierCheck, base string) finding {
	f := finding{what: "socket", says: "the WebSocket gets through"}
	target, header := row.socket(&c.config, base)
	if target == "" {
		f.says = "not tried: the secret that opens it is in another data directory; set PARLEY_SECRET, or run the doctor where serve runs"
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, carrierProbe)
	defer cancel()
	ws, answer, err := (&websocket.Dialer{HandshakeTimeout: carrierProbe}).DialContext(ctx, target, header)
	if err == nil {
		_ = ws.Close() // what it was opened for is done
		return f
	}
	f.says, f.fix, f.fatal = "it is not opened: "+err.Error(), "let the proxy pass WebSockets: HTTP/1.1, with the headers Upgrade and Connection", true
	if answer != nil {
		_ = answer.Body.Close() // gorilla has read it
		f.says = fmt.Sprintf("it is answered %d, not 101", answer.StatusCode)
		if answer.StatusCode == http.StatusForbidden {
			f.fix = "serve has to run with the same settings and PARLEY_SECRET as the doctor"
		}
	}
	return f
}

// reached connects to where a carrier does.
func reached(ctx context.Context, c *config, row carrierCheck) (all []finding) {
	addresses, elsewhere := row.listens(c)
	for _, at := range addresses {
		f := finding{what: "listener", says: at + " takes connections"}
		limited, cancel := context.WithTimeout(ctx, carrierProbe)
		conn, err := (&net.Dialer{}).DialContext(limited, "tcp", at)
		cancel()
		if err == nil {
			err = conn.Close()
		}
		if err != nil {
			f.says, f.fix, f.fatal = err.Error(), "start serve, and open the port", true
		}
		all = append(all, f)
	}
	if elsewhere != "" {
		all = append(all, finding{what: "listener", says: elsewhere})
	}
	return all
}

// sipListens are the listeners for SIP. Of UDP nothing is known until a call comes.
func sipListens(c *config) (addresses []string, elsewhere string) {
	for _, text := range c.SIPListen {
		l, err := sip.ParseListener(strings.TrimSpace(text))
		if err != nil {
			continue // the settings have a line of their own
		}
		if l.Transport == "udp" {
			elsewhere = "udp is not tried: the first call tells"
			continue
		}
		addresses = append(addresses, l.Address.String())
	}
	return addresses, elsewhere
}

// socketOf is an http URL as that of WebSockets.
func socketOf(base string) string { return "ws" + strings.TrimPrefix(base, "http") }
