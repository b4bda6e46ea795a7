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
)

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
	base := row.base(&c.config)
	if row.hook != "" {
		f := c.outside(ctx, row, base)
		if all = append(all, f); f.fatal {
			return all
		}
		all = append(all, c.unsigned(ctx, row, base))
		if row.sign != nil {
			all = append(all, c.signed(ctx, row, base))
		}
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

// base is where the carrier asks: under the public URL; a PBX of one's own without it, where serve listens.
func (r carrierCheck) base(c *config) string {
	if c.PublicURL != "" || !r.own {
		return strings.TrimRight(c.PublicURL, "/")
	}
	host, port, _ := net.SplitHostPort(c.HTTPAddr) // what is wrong with it shows when it is asked
	if host == "" || net.ParseIP(host).IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
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
func (c *doctorCmd) outside(ctx context.Context, row carrierCheck, base string) finding {
	f := finding{what: "public URL", says: base + " answers"}
	if row.own {
		f.what = "server"
	}
	status, text, err := probe(ctx, http.MethodGet, base+"/healthz", nil, nil)
	switch {
	case err != nil && row.own && c.PublicURL == "":
		f.says, f.fix, f.fatal = err.Error(), "start serve; without PARLEY_PUBLIC_URL it is asked where PARLEY_HTTP_ADDR has it listen", true
	case err != nil:
		f.says, f.fix, f.fatal = err.Error(), "start serve, and have the name lead to it with a certificate that everybody believes; PARLEY_PUBLIC_URL says which name", true
	case status != http.StatusOK || strings.TrimSpace(text) != "ok":
		f.says, f.fix, f.fatal = fmt.Sprintf("%s/healthz answers %d, and not as serve does", base, status), "have the proxy send all paths to serve", true
	case !strings.HasPrefix(base, "https:") && !row.own:
		f.fix = "carriers stream only to https (wss) URLs"
	}
	return f
}

// verb is how a carrier asks its webhook.
func (r carrierCheck) verb() string { return cmp.Or(r.method, http.MethodPost) }

// form is what the doctor posts: no call, and nobody's agent, so that nothing begins whoever believes it.
func (r carrierCheck) form() url.Values {
	if r.verb() == http.MethodGet {
		return nil
	}
	return url.Values{"CallSid": {""}, "agent": {"doctor"}}
}

// unsigned sees whether strangers are refused.
func (c *doctorCmd) unsigned(ctx context.Context, row carrierCheck, base string) finding {
	refusal := cmp.Or(row.refused, http.StatusForbidden)
	f := finding{what: "webhook, unsigned", says: fmt.Sprintf("%s refuses it (%d)", row.hook, refusal)}
	if row.sign == nil {
		f.what = "socket, unsigned"
	}
	status, _, err := probe(ctx, row.verb(), base+row.hook, nil, row.form())
	switch {
	case err != nil:
		f.says, f.fix, f.fatal = err.Error(), "see that the proxy lets "+row.verb()+" through", true
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		f.says, f.fix, f.fatal = fmt.Sprintf("%s answers %d", row.hook, status), "serve takes no calls of "+row.name+": start it with "+row.named(&c.config)+", and have the proxy send all paths to it", true
	case status != refusal:
		f.says, f.fix, f.fatal = fmt.Sprintf("%s answers %d, not %d", row.hook, status, refusal), "something between the public URL and serve answers in its place", true
	}
	return f
}

// signed sees whether the webhook believes the carrier's signature, or what else it proves itself by. The request names no call, so that none
// begins: 400 is what it gets where the row does not say otherwise.
func (c *doctorCmd) signed(ctx context.Context, row carrierCheck, base string) finding {
	f := finding{what: "webhook, signed", says: cmp.Or(row.proof, "a signature made with these settings") + " is believed"}
	form, target := row.form(), base+row.hook
	header, why := row.sign(&c.config, target, form)
	if why != "" {
		f.says = "not tried: " + why
		return f
	}
	answer := cmp.Or(row.believed, http.StatusBadRequest)
	status, _, err := probe(ctx, row.verb(), target, header, form)
	switch {
	case err != nil:
		f.says, f.fix, f.fatal = err.Error(), "see that the proxy lets "+row.verb()+" through", true
	case status == http.StatusForbidden:
		f.says, f.fix, f.fatal = "it is refused (403)", "serve has to run with the same "+row.named(&c.config)+" as the doctor, and the proxy must not change the path", true
	case status != answer:
		f.says, f.fix, f.fatal = fmt.Sprintf("%s answers %d, not %d", row.hook, status, answer), "something between the public URL and serve answers in its place", true
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
		if answer.StatusCode == http.StatusForbidden || answer.StatusCode == http.StatusUnauthorized {
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
