package stream

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Genesys is the server's side of Genesys Cloud's AudioHook, as its Audio Connector has it: a socket that a flow connects a call to. Fill in the
// fields and Mount it; do not change a field afterwards. It must not be copied.
//
// The upgrade must have the integration's API key, and be signed with its client secret, no longer ago than genesysAge; each signature is good
// once on a node. A connection without a signature is refused, though Genesys can be told to make such.
type Genesys struct {
	Host

	APIKey       string
	ClientSecret []byte
}

const (
	genesysPath = "/genesys/audiohook"
	genesysAge  = 30 * time.Second
)

// genesysCovered are what a signature must be over, besides what it likes.
var genesysCovered = []string{"@request-target", "@authority", "audiohook-organization-id", "audiohook-session-id", "audiohook-correlation-id", "x-api-key"}

// Mount puts the socket at /genesys/audiohook, and below it: a flow's connector id is the end of the URL.
func (g *Genesys) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET "+genesysPath, g.Media)
	mux.HandleFunc("GET "+genesysPath+"/{connector}", g.Media)
}

// Media is a call's socket (GET): signature, upgrade, and then, when it has returned, open, and the call. The parameters of its URL, such as
// ?tenant=acme, the connector id and the flow's input variables are found in Info.Params.
func (g *Genesys) Media(w http.ResponseWriter, r *http.Request) {
	if err := g.signed(r, time.Now()); err != nil {
		g.log().Debug("signature refused", "error", err)
		g.refuse(w, RefusedSignature, http.StatusForbidden)
		return
	}
	leg := g.upgrade(w, r, &genesysDialect)
	if leg == nil {
		return
	}
	l := &genesysLeg{Leg: leg}
	leg.answer = l.reply
	organisation, session, query := r.Header.Get("Audiohook-Organization-Id"), r.Header.Get("Audiohook-Session-Id"), r.URL.Query()
	if connector := r.PathValue("connector"); connector != "" {
		query.Set("connector", connector)
	}
	g.carry(r.Context(), l, func() error {
		return g.begin(r.Context(), l, organisation, session, query)
	})
}

// begin waits for open, and makes the leg its call's.
func (g *Genesys) begin(ctx context.Context, l *genesysLeg, organisation, session string, query url.Values) error {
	s, err := l.awaitStart()
	if err != nil {
		g.refused(RefusedNoStart, slog.Any("error", err))
		return err
	}
	l.stream, l.heard = s.stream, s.number
	conversation := s.params["conversation_id"]
	for name, values := range query {
		s.params[name] = values[0]
	}
	for name := range s.params {
		if strings.HasPrefix(name, ownParam) {
			delete(s.params, name)
		}
	}
	l.sounds, err = l.speaks.sound(s)
	why, reason := "", RefusedFormat
	switch {
	case !plainID(s.stream) || s.stream != session:
		l.stream = "" // it may be anything
		why = "id: not that of the handshake"
	case s.account != organisation:
		why = "organizationId: not that of the handshake"
	case err != nil:
		why = err.Error()
	case conversation == nobodysCall:
		return g.try(l, s)
	case g.draining.Load() || g.Accepting != nil && !g.Accepting(context.WithoutCancel(ctx), Incoming{s.call, s.from, s.to, nil, query}):
		why, reason = "no more calls are taken now", RefusedBusy
	case !g.sockets.claim(s.call, l):
		why, reason = "the call has a stream", RefusedSecondStream
	}
	if why != "" {
		g.refused(reason, slog.String("carrier_id", session), slog.String("why", why))
		l.tried = true
		_ = l.say("disconnect", fmt.Sprintf(`{"reason":"error","info":%q}`, why)) // a dead socket cannot be told
		return errors.New("open session: " + why)
	}
	if err := l.start(s, genesysLead, genesysChunk); err != nil {
		return err
	}
	g.log().Info("stream started", "carrier_id", s.call, "conversation", conversation)
	return l.opened()
}

// ownParam begins the parameters that are this server's own: nobody else may set them.
const ownParam = "parley_"

// try answers a connection by which Genesys looks whether there would be an answer, until it has seen enough.
func (g *Genesys) try(l *genesysLeg, s *start) error {
	l.tried = true
	err := l.start(s, genesysLead, genesysChunk)
	if err == nil {
		err = l.opened()
	}
	for err == nil {
		_, err = l.Receive()
	}
	g.log().Info("connection tried", "end", err)
	return err
}

// signed says why a request does not prove that it is the integration's: RFC 9421 with hmac-sha256, and one signature.
func (g *Genesys) signed(r *http.Request, now time.Time) error {
	if g.APIKey == "" || len(g.ClientSecret) == 0 {
		return errors.New("there is no key")
	}
	input, err := parseSignature(r.Header)
	if err != nil {
		return err
	}
	sum := hmac.New(sha256.New, g.ClientSecret)
	sum.Write([]byte(g.signatureBase(r, input)))
	same := subtle.ConstantTimeCompare([]byte(input.keyID), []byte(g.APIKey)) & subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Api-Key")), []byte(g.APIKey))
	switch covers := input.covers(genesysCovered); {
	case !hmac.Equal(sum.Sum(nil), input.signature) || same != 1:
		return errors.New("another's signature or key")
	case covers != "":
		return fmt.Errorf("%s is not signed", covers)
	case input.algorithm != "" && input.algorithm != "hmac-sha256":
		return fmt.Errorf("alg is %.32q", input.algorithm)
	case now.Sub(input.created).Abs() > genesysAge:
		return errors.New("created is too long ago, or is not yet")
	case !input.expires.IsZero() && now.After(input.expires):
		return errors.New("it has expired")
	case len(input.nonce) < 16 || !g.tokens.spend(input.nonce, now, 2*genesysAge):
		return errors.New("nonce was used, or is too short")
	}
	return nil
}

// A signatureInput is what a request says of its signature.
type signatureInput struct {
	signature  []byte
	components []string
	params     string // as they stand, with the list of components before them
	keyID      string
	nonce      string
	algorithm  string
	created    time.Time
	expires    time.Time // zero: it says nothing
}

// covers is what the signature is not over; empty: nothing.
func (in *signatureInput) covers(names []string) string {
	have := make(map[string]bool)
	for _, c := range in.components {
		have[c] = true
	}
	for _, name := range names {
		if !have[name] {
			return name
		}
	}
	return ""
}

// parseSignature reads the two headers. Only one signature is read, of components without parameters.
func parseSignature(h http.Header) (*signatureInput, error) {
	inputs, signatures := h.Values("Signature-Input"), h.Values("Signature")
	if len(inputs) != 1 || len(signatures) != 1 {
		return nil, errors.New("want one Signature-Input and one Signature")
	}
	label, params, _ := strings.Cut(strings.TrimSpace(inputs[0]), "=")
	same, text, _ := strings.Cut(strings.TrimSpace(signatures[0]), "=")
	if label == "" || label != same || len(text) < 2 || text[0] != ':' || text[len(text)-1] != ':' {
		return nil, errors.New("signature: want label=:base64:, and the label of Signature-Input")
	}
	in := &signatureInput{params: params}
	var err error
	if in.signature, err = base64.StdEncoding.DecodeString(text[1 : len(text)-1]); err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	list, rest, ok := strings.Cut(params, ")")
	if !ok || !strings.HasPrefix(list, "(") {
		return nil, errors.New("signature-input: want a list of components")
	}
	for _, quoted := range strings.Fields(list[1:]) {
		name, ok := unquoted(quoted)
		if !ok {
			return nil, fmt.Errorf("signature-input: component %.64q", quoted)
		}
		in.components = append(in.components, name)
	}
	for rest != "" {
		var name, value string
		if name, value, rest, ok = signatureParam(rest); !ok || !in.set(name, value) {
			return nil, fmt.Errorf("signature-input: parameter %.64q", name)
		}
	}
	return in, nil
}

// signatureParam takes the first of ;name=value;….
func signatureParam(text string) (name, value, rest string, ok bool) {
	if text[0] != ';' {
		return "", "", "", false
	}
	name, rest, ok = strings.Cut(text[1:], "=")
	if !ok {
		return name, "", "", false
	}
	end := strings.IndexByte(rest, ';')
	if strings.HasPrefix(rest, `"`) {
		if end = strings.IndexByte(rest[1:], '"') + 2; end == 1 {
			return name, "", "", false
		}
	}
	if end < 0 {
		end = len(rest)
	}
	return name, rest[:end], rest[end:], true
}

// set takes a parameter; false: it makes no sense.
func (in *signatureInput) set(name, value string) bool {
	switch name {
	case "created", "expires":
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return false
		}
		if name == "created" {
			in.created = time.Unix(seconds, 0)
		} else {
			in.expires = time.Unix(seconds, 0)
		}
		return true
	}
	text, ok := unquoted(value)
	switch name {
	case "keyid":
		in.keyID = text
	case "nonce":
		in.nonce = text
	case "alg":
		in.algorithm = text
	default:
		return false
	}
	return ok
}

// unquoted is what is between the quotes of a string without escapes.
func unquoted(s string) (string, bool) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' || strings.ContainsAny(s[1:len(s)-1], `"\`) {
		return "", false
	}
	return s[1 : len(s)-1], true
}

// signatureBase is what is signed (RFC 9421 section 2.5).
func (g *Genesys) signatureBase(r *http.Request, in *signatureInput) string {
	var b strings.Builder
	host, target := g.base(r), ""
	if at, err := url.Parse(host); err == nil {
		host, target = strings.ToLower(at.Host), at.Path+r.URL.RequestURI()
	}
	for _, name := range in.components {
		value := ""
		switch name {
		case "@request-target":
			value = target
		case "@authority":
			value = host
		default:
			var all []string
			for _, v := range r.Header.Values(textproto.CanonicalMIMEHeaderKey(name)) {
				all = append(all, strings.TrimSpace(v))
			}
			value = strings.Join(all, ", ")
		}
		fmt.Fprintf(&b, "%q: %s\n", name, value)
	}
	return b.String() + `"@signature-params": ` + in.params
}

// ParseGenesysSecret reads an integration's client secret as its settings have it: base64.
func ParseGenesysSecret(text string) ([]byte, error) {
	secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(secret) < 16 {
		return nil, errors.New("a client secret of Genesys is base64 of at least 16 bytes")
	}
	return secret, nil
}
