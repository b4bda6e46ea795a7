package lines

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/envelope"
	"parley/store"
)

// Trunk is a SIP trunk as the API shows it.
type Trunk struct {
	ID              string        `json:"id" format:"uuid"`
	Number          int64         `json:"number" doc:"Its second id, a number." example:"1"`
	Name            string        `json:"name" doc:"Unique in the organisation." example:"Main carrier"`
	Host            string        `json:"host" doc:"The carrier's proxy." example:"sip.example.com"`
	Port            *int          `json:"port" doc:"null: what DNS says (RFC 3263), else 5060, or 5061 for tls."`
	Transport       string        `json:"transport" enum:"udp,tcp,tls" example:"udp"`
	Username        *string       `json:"username" doc:"For digest authentication." example:"acme"`
	PasswordSet     bool          `json:"password_set" doc:"Whether there is a password. It is not shown."`
	Realm           *string       `json:"realm" doc:"The realm whose challenges are answered; null: the host."`
	AllowedNetworks []string      `json:"allowed_networks" nullable:"false" doc:"Networks from which calls are taken; none: the host's addresses." example:"[\"192.0.2.0/24\"]"`
	Codecs          []string      `json:"codecs" nullable:"false" doc:"In order of preference; none: the server's." example:"[\"PCMU\",\"PCMA\"]"`
	CallerID        *string       `json:"caller_id" doc:"Shown on calls that are placed; null: the number that they are placed from."`
	Outbound        bool          `json:"outbound" doc:"Whether calls are placed by it."`
	Register        bool          `json:"register" doc:"Whether it is registered with the carrier."`
	Up              *bool         `json:"up" doc:"Whether it has answered when it was asked last, as this server sees it; null: it has not been asked."`
	Registered      *bool         `json:"registered" doc:"Whether it is registered, as this server sees it; null: it is not to be, or has not been asked."`
	Error           *string       `json:"error" doc:"Why it is not up, or not registered."`
	CreatedAt       envelope.Time `json:"created_at"`
	UpdatedAt       envelope.Time `json:"updated_at"`
}

// A TrunkState is how a trunk stands that has been asked.
type TrunkState struct {
	Up         bool
	Registers  bool // it is to be registered
	Registered bool
	Error      string
}

// showState adds how a trunk stands; a nil state: nobody knows.
func (t *Trunk) showState(s *TrunkState) {
	if s == nil {
		return
	}
	t.Up, t.Error = &s.Up, envelope.Optional(s.Error)
	if s.Registers {
		t.Registered = &s.Registered
	}
}

func showTrunk(t store.Trunk) Trunk {
	shown := Trunk{
		ID: t.ID, Number: t.Number, Name: t.Name, Host: t.Host, Transport: string(t.Transport), Username: envelope.Optional(t.Username),
		PasswordSet: t.Sealed.Text != "", Realm: envelope.Optional(t.Realm), AllowedNetworks: t.Allowed, Codecs: t.Codecs, CallerID: envelope.Optional(t.CallerID),
		Outbound: t.Outbound, Register: t.Registers, CreatedAt: envelope.Time(t.Created), UpdatedAt: envelope.Time(t.Updated),
	}
	if t.Port != 0 {
		shown.Port = &t.Port
	}
	if shown.AllowedNetworks == nil {
		shown.AllowedNetworks = []string{}
	}
	if shown.Codecs == nil {
		shown.Codecs = []string{}
	}
	return shown
}

// TrunkReadOnly are the fields of a trunk that nobody can set.
type TrunkReadOnly struct {
	ReadOnly

	PasswordSet envelope.Given `json:"password_set,omitempty" hidden:"true"`
	Up          envelope.Given `json:"up,omitempty" hidden:"true"`
	Registered  envelope.Given `json:"registered,omitempty" hidden:"true"`
	Error       envelope.Given `json:"error,omitempty" hidden:"true"`
}

func (r TrunkReadOnly) check(at *huma.PathBuffer) []error {
	bad := r.ReadOnly.check(at)
	for name, given := range map[string]envelope.Given{"password_set": r.PasswordSet, "up": r.Up, "registered": r.Registered, "error": r.Error} {
		if given {
			bad = append(bad, envelope.Complain(at, name, "is read-only"))
		}
	}
	return bad
}

// TrunkCreate is the body of POST /trunks.
type TrunkCreate struct {
	TrunkReadOnly

	Name            string   `json:"name" minLength:"1" maxLength:"100" doc:"Unique in the organisation: not blank."`
	Host            string   `json:"host" minLength:"1" maxLength:"253" doc:"The carrier's proxy (RFC 3261): a name, or an address without brackets."`
	Port            int      `json:"port,omitempty" nullable:"true" minimum:"1" maximum:"65535" doc:"None given: what DNS says (RFC 3263), else 5060, or 5061 for tls."`
	Transport       string   `json:"transport,omitempty" enum:"udp,tcp,tls" default:"udp" doc:"How SIP messages travel."`
	Username        string   `json:"username,omitempty" nullable:"true" maxLength:"200" doc:"For digest authentication (RFC 3261, section 22)."`
	Password        string   `json:"password,omitempty" nullable:"true" maxLength:"500" doc:"It is sealed, and never shown."`
	Realm           string   `json:"realm,omitempty" nullable:"true" maxLength:"253" doc:"The realm whose challenges are answered; none given: the host."`
	AllowedNetworks []string `json:"allowed_networks,omitempty" nullable:"true" maxItems:"64" doc:"Networks from which calls are taken, such as 192.0.2.0/24; an address is a network of one. None given: the host's addresses."`
	Codecs          []string `json:"codecs,omitempty" nullable:"true" maxItems:"4" enum:"PCMU,PCMA,G722,opus" doc:"In order of preference; none given: the server's."`
	CallerID        string   `json:"caller_id,omitempty" nullable:"true" maxLength:"20" doc:"Shown on calls that are placed (E.164 format); none given: the number that they are placed from."`
	Outbound        bool     `json:"outbound,omitempty" default:"true" doc:"Whether calls are placed by it."`
	Register        bool     `json:"register,omitempty" default:"false" doc:"Whether it is registered with the carrier (RFC 3261, section 10), which then sends calls there. It needs username and password."`
}

// Resolve implements huma.ResolverWithPath.
func (b *TrunkCreate) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	return append(b.check(at), complaints(at, CheckTrunk(b.trunk(), b.Password != ""))...)
}

// trunk is the body as a row, without the password.
func (b *TrunkCreate) trunk() store.Trunk {
	return store.Trunk{
		Name: b.Name, Host: b.Host, Port: b.Port, Transport: store.Transport(b.Transport), Username: b.Username, Realm: b.Realm,
		Allowed: b.AllowedNetworks, Codecs: b.Codecs, CallerID: b.CallerID, Outbound: b.Outbound, Registers: b.Register,
	}
}

var (
	// hostname is a name of DNS (RFC 1123, section 2.1).
	hostname = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)
	// quoted is what may stand in a quoted string of a header without being escaped: nothing that ends it, or the line (RFC 3261, 25.1).
	quoted = regexp.MustCompile(`^[^\x00-\x1f\x7f"\\]*$`)
	digits = regexp.MustCompile(`^[0-9.]+$`)
)

// CheckTrunk says what is wrong with a trunk beyond its types, by the names of the API's fields. secret says that it has a password.
func CheckTrunk(t store.Trunk, secret bool) map[string]string {
	bad := map[string]string{}
	switch name := strings.TrimSpace(t.Name); {
	case t.Name != "" && name == "":
		bad["name"] = "must not be blank"
	case strings.ContainsFunc(t.Name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		bad["name"] = "must not contain control characters"
	}
	if t.Host != "" && !isHost(t.Host) {
		bad["host"] = "is neither a host's name nor an address"
	}
	for field, text := range map[string]string{"username": t.Username, "realm": t.Realm} {
		if !quoted.MatchString(text) {
			bad[field] = "must not contain quotes, backslashes or control characters"
		}
	}
	if t.CallerID != "" && !envelope.E164(t.CallerID) {
		bad["caller_id"] = envelope.NoE164
	}
	switch {
	case t.Username == "" && secret:
		bad["username"] = "is needed with a password"
	case t.Registers && t.Username == "":
		bad["username"] = "is needed to register"
	}
	if t.Registers && !secret {
		bad["password"] = "is needed to register"
	}
	for i, text := range t.Allowed {
		if _, why := network(text); why != "" {
			bad[fmt.Sprintf("allowed_networks[%d]", i)] = why
		}
	}
	for i, codec := range t.Codecs {
		if slices.Contains(t.Codecs[:i], codec) {
			bad[fmt.Sprintf("codecs[%d]", i)] = "is given more than once"
		}
	}
	return bad
}

// Codecs are the names of the codecs that a trunk may have (RFC 3551, section 6; RFC 7587).
func Codecs() []string { return []string{"PCMU", "PCMA", "G722", "opus"} }

// isHost says whether a text is a host's name or an address that somebody can have.
func isHost(text string) bool {
	if a, err := netip.ParseAddr(text); err == nil {
		return a.Zone() == "" && !a.IsUnspecified() && !a.IsMulticast()
	}
	return hostname.MatchString(text) && !digits.MatchString(text)
}

// network reads a network in CIDR notation, or an address as a network of one; or says what is wrong with it.
func network(text string) (netip.Prefix, string) {
	p, err := netip.ParsePrefix(text)
	if a, aerr := netip.ParseAddr(text); aerr == nil && a.Zone() == "" {
		p, err = a.Prefix(a.BitLen())
	}
	switch {
	case err != nil:
		return p, "is no network such as 192.0.2.0/24"
	case p.Bits() == 0:
		return p, "lets everybody in: name the carrier's networks"
	}
	return p.Masked(), ""
}

// Networks are as they are kept: each once, in CIDR notation.
func Networks(texts []string) (all []string) {
	for _, text := range texts {
		if p, why := network(text); why == "" && !slices.Contains(all, p.String()) {
			all = append(all, p.String())
		}
	}
	return all
}

// TrunkPatch is the body of PATCH /trunks/{id}: what is left out stays, null clears.
type TrunkPatch struct {
	TrunkReadOnly

	Name            envelope.Field[string]   `json:"name,omitempty" nullable:"false" minLength:"1" maxLength:"100" doc:"Unique in the organisation: not blank."`
	Host            envelope.Field[string]   `json:"host,omitempty" nullable:"false" minLength:"1" maxLength:"253" doc:"The carrier's proxy. Another host needs the password once more, so that nobody has it sent elsewhere who does not know it."`
	Port            envelope.Field[int]      `json:"port,omitempty" minimum:"1" maximum:"65535" doc:"null: what DNS says."`
	Transport       envelope.Field[string]   `json:"transport,omitempty" nullable:"false" enum:"udp,tcp,tls" doc:"How SIP messages travel."`
	Username        envelope.Field[string]   `json:"username,omitempty" maxLength:"200" doc:"For digest authentication; null: none, and no password either."`
	Password        envelope.Field[string]   `json:"password,omitempty" maxLength:"500" doc:"A new password; null: none."`
	Realm           envelope.Field[string]   `json:"realm,omitempty" maxLength:"253" doc:"The realm whose challenges are answered; null: the host."`
	AllowedNetworks envelope.Field[[]string] `json:"allowed_networks,omitempty" maxItems:"64" doc:"Networks from which calls are taken, replaced as a whole."`
	Codecs          envelope.Field[[]string] `json:"codecs,omitempty" maxItems:"4" enum:"PCMU,PCMA,G722,opus" doc:"In order of preference, replaced as a whole."`
	CallerID        envelope.Field[string]   `json:"caller_id,omitempty" maxLength:"20" doc:"Shown on calls that are placed; null: the number that they are placed from."`
	Outbound        envelope.Field[bool]     `json:"outbound,omitempty" nullable:"false" doc:"Whether calls are placed by it."`
	Register        envelope.Field[bool]     `json:"register,omitempty" nullable:"false" doc:"Whether it is registered with the carrier."`
}

// Resolve implements huma.ResolverWithPath.
func (b *TrunkPatch) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	bad := b.check(at)
	for _, wrong := range [][]error{
		b.Name.Check(at, "name", false),
		b.Host.Check(at, "host", false),
		b.Port.Check(at, "port", true),
		b.Transport.Check(at, "transport", false),
		b.Username.Check(at, "username", true),
		b.Password.Check(at, "password", true),
		b.Realm.Check(at, "realm", true),
		b.AllowedNetworks.Check(at, "allowed_networks", true),
		b.Codecs.Check(at, "codecs", true),
		b.CallerID.Check(at, "caller_id", true),
		b.Outbound.Check(at, "outbound", false),
		b.Register.Check(at, "register", false),
	} {
		bad = append(bad, wrong...)
	}
	return bad
}

func (b *TrunkPatch) empty() bool {
	return !b.Name.Set && !b.Host.Set && !b.Port.Set && !b.Transport.Set && !b.Username.Set && !b.Password.Set && !b.Realm.Set &&
		!b.AllowedNetworks.Set && !b.Codecs.Set && !b.CallerID.Set && !b.Outbound.Set && !b.Register.Set
}

// apply makes the changes on a row, but for the password.
func (b *TrunkPatch) apply(t *store.Trunk) {
	for _, f := range []struct {
		from envelope.Field[string]
		to   *string
	}{
		{b.Name, &t.Name}, {b.Host, &t.Host}, {b.Transport, (*string)(&t.Transport)}, {b.Username, &t.Username}, {b.Realm, &t.Realm},
		{b.CallerID, &t.CallerID},
	} {
		if f.from.Set {
			*f.to = f.from.Value
		}
	}
	for _, f := range []struct {
		from envelope.Field[bool]
		to   *bool
	}{{b.Outbound, &t.Outbound}, {b.Register, &t.Registers}} {
		if f.from.Set {
			*f.to = f.from.Value
		}
	}
	if b.Port.Set {
		t.Port = b.Port.Value
	}
	if b.AllowedNetworks.Set {
		t.Allowed = b.AllowedNetworks.Value
	}
	if b.Codecs.Set {
		t.Codecs = b.Codecs.Value
	}
	if b.Username.Null {
		t.Sealed = store.Sealed{}
	}
}
