package lines

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/envelope"
	"parley/control/suppliers"
	"parley/store"
)

// Credential is a credential as the API shows it.
type Credential struct {
	ID            string            `json:"id" format:"uuid"`
	Number        int64             `json:"number" doc:"Its second id, a number." example:"1"`
	Vendor        suppliers.Account `json:"vendor" example:"twilio"`
	Name          string            `json:"name" doc:"Unique in the organisation." example:"Main account"`
	AccountID     *string           `json:"account_id" doc:"The vendor's name for the account, such as Twilio's AccountSid." example:"AC00000000000000000000000000000001"`
	ApplicationID *string           `json:"application_id" doc:"The account's application that calls are placed by, where the vendor has such: Telnyx' TeXML application."`
	PublicKey     *string           `json:"public_key" doc:"What the vendor signs webhooks with for this account, where that is a pair of keys: Telnyx."`
	BaseURL       *string           `json:"base_url" doc:"The server that is asked; null: the vendor's own, or what this server uses in its place."`
	SecretHint    *string           `json:"secret_hint" doc:"How the secret ends; null: it is too short for that. The secret itself is not shown." example:"a5d2"`
	Default       bool              `json:"default" doc:"Whether it is the one that is used where none is named."`
	Verdict       *string           `json:"verdict" enum:"works,refused" doc:"What the vendor said when it was asked last; null: not asked since the credential changed."`
	VerifiedAt    envelope.Time     `json:"verified_at" nullable:"true"`
	CreatedAt     envelope.Time     `json:"created_at"`
	UpdatedAt     envelope.Time     `json:"updated_at"`
}

// TransformSchema implements huma.SchemaTransformer.
func (Credential) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	envelope.OrNull(s, "verdict")
	return s
}

func showCredential(c store.Credential) Credential {
	return Credential{
		ID: c.ID, Number: c.Number, Vendor: suppliers.Account(c.Vendor), Name: c.Name, AccountID: envelope.Optional(c.Account),
		ApplicationID: envelope.Optional(c.Application), PublicKey: envelope.Optional(c.PublicKey), BaseURL: envelope.Optional(c.BaseURL), SecretHint: envelope.Optional(c.Hint),
		Default: c.Default, Verdict: envelope.Optional(string(c.Verdict)), VerifiedAt: envelope.Time(c.Verified), CreatedAt: envelope.Time(c.Created),
		UpdatedAt: envelope.Time(c.Updated),
	}
}

// Hint is how a secret ends, to be shown; of a short one nothing is.
func Hint(secret string) string {
	if len(secret) < 12 {
		return ""
	}
	return secret[len(secret)-4:]
}

// CredentialReadOnly are the fields of a credential that nobody can set.
type CredentialReadOnly struct {
	ReadOnly

	SecretHint envelope.Given `json:"secret_hint,omitempty" hidden:"true"`
	Verdict    envelope.Given `json:"verdict,omitempty" hidden:"true"`
	VerifiedAt envelope.Given `json:"verified_at,omitempty" hidden:"true"`
}

func (r CredentialReadOnly) check(at *huma.PathBuffer) []error {
	bad := r.ReadOnly.check(at)
	for name, given := range map[string]envelope.Given{"secret_hint": r.SecretHint, "verdict": r.Verdict, "verified_at": r.VerifiedAt} {
		if given {
			bad = append(bad, envelope.Complain(at, name, "is read-only"))
		}
	}
	return bad
}

// CredentialCreate is the body of POST /credentials.
type CredentialCreate struct {
	CredentialReadOnly

	Vendor        suppliers.Account `json:"vendor" doc:"Whose account it is. It cannot be changed later."`
	Name          string            `json:"name" minLength:"1" maxLength:"100" doc:"Unique in the organisation: not blank."`
	AccountID     string            `json:"account_id,omitempty" nullable:"true" maxLength:"200" doc:"The vendor's name for the account. twilio: the AccountSid, required; telnyx: the account's id, which its webhooks call AccountSid, required; plivo: the auth id, required; signalwire, signalwire_signing: the project's id, required; vonage, vonage_signing: the application's id, required; azure: the region of the resource, required; whatsapp_app: the app's id, required; custom: as you like; other vendors have none."`
	ApplicationID string            `json:"application_id,omitempty" nullable:"true" maxLength:"200" doc:"The account's application that calls are placed by. telnyx: the id of a TeXML application, required; other vendors have none."`
	PublicKey     string            `json:"public_key,omitempty" nullable:"true" maxLength:"500" doc:"What the vendor signs webhooks with for this account. telnyx: the public key as Mission Control shows it, required; other vendors have none."`
	Secret        string            `json:"secret" minLength:"8" maxLength:"4096" pattern:"^[\\x21-\\x7e]+$" patternDescription:"printable ASCII without spaces" doc:"The auth token or API key. vonage: the application's private key, in base64 on one line; vonage_signing: the signature secret; signalwire_signing: the signing key. It is sealed, and never shown again but for its end."`
	BaseURL       string            `json:"base_url,omitempty" nullable:"true" maxLength:"500" doc:"Another server than the vendor's: https (or wss, which means the same), and no private address unless the operator of this server allows it."`
	Default       *bool             `json:"default,omitempty" nullable:"true" doc:"Whether it is the one that is used where none is named. None given: if it is the first of its vendor."`
}

// Resolve implements huma.ResolverWithPath.
func (b *CredentialCreate) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	bad := append(b.check(at), envelope.Blank(at, "name", b.Name)...)
	return append(bad, complaints(at, CheckCredential(store.Credential{
		Vendor: string(b.Vendor), Account: b.AccountID, Application: b.ApplicationID, PublicKey: b.PublicKey, BaseURL: b.BaseURL,
	}))...)
}

// CheckCredential says what is wrong with a credential's account, application, public key and base URL, by the names of the API's fields. Whether the base URL may be
// asked is for a Gate.
func CheckCredential(c store.Credential) map[string]string {
	bad := map[string]string{}
	p, ok := probeOf(c.Vendor)
	switch {
	case !ok: // huma has said so
	case p.Account == nil && c.Account != "":
		bad["account_id"] = "must be left out: " + c.Vendor + " names no accounts"
	case p.Account != nil && !p.Account.MatchString(c.Account):
		bad["account_id"] = "of " + c.Vendor + " is " + p.Hint
	}
	for field, f := range map[string]struct {
		value string
		want  *regexp.Regexp
	}{"application_id": {c.Application, p.Application}, "public_key": {c.PublicKey, p.PublicKey}} {
		switch {
		case !ok:
		case f.want == nil && f.value != "":
			bad[field] = "must be left out: " + c.Vendor + " has none"
		case f.want != nil && !f.want.MatchString(f.value):
			bad[field] = "is needed: of " + c.Vendor + " they are " + p.Kind
		}
	}
	if c.BaseURL == "" {
		if p.Somewhere {
			bad["base_url"] = "is needed: of " + c.Vendor + " each account has a server of its own"
		}
		return bad
	}
	if u, err := url.Parse(c.BaseURL); err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		bad["base_url"] = "is no URL of a server, such as https://api.example.com"
	} else if !strings.Contains(" https http wss ws ", " "+u.Scheme+" ") {
		bad["base_url"] = "must begin with https:// or wss://"
	}
	return bad
}

// CredentialPatch is the body of PATCH /credentials/{id}: what is left out stays, null clears.
type CredentialPatch struct {
	CredentialReadOnly

	Vendor        envelope.Given         `json:"vendor,omitempty" hidden:"true"`
	Name          envelope.Field[string] `json:"name,omitempty" nullable:"false" minLength:"1" maxLength:"100" doc:"Unique in the organisation: not blank."`
	AccountID     envelope.Field[string] `json:"account_id,omitempty" maxLength:"200" doc:"The vendor's name for the account."`
	Secret        envelope.Field[string] `json:"secret,omitempty" nullable:"false" minLength:"8" maxLength:"4096" pattern:"^[\\x21-\\x7e]+$" patternDescription:"printable ASCII without spaces" doc:"A new auth token or API key."`
	ApplicationID envelope.Field[string] `json:"application_id,omitempty" maxLength:"200" doc:"The account's application that calls are placed by."`
	PublicKey     envelope.Field[string] `json:"public_key,omitempty" maxLength:"500" doc:"What the vendor signs webhooks with for this account."`
	BaseURL       envelope.Field[string] `json:"base_url,omitempty" maxLength:"500" doc:"Another server than the vendor's. A new server needs the secret once more, so that nobody has it sent elsewhere who does not know it."`
	Default       envelope.Field[bool]   `json:"default,omitempty" nullable:"false" doc:"Whether it is the one that is used where none is named."`
}

// Resolve implements huma.ResolverWithPath.
func (b *CredentialPatch) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	bad := b.check(at)
	if b.Vendor {
		bad = append(bad, envelope.Complain(at, "vendor", "cannot be changed: make another credential"))
	}
	for _, wrong := range [][]error{
		b.Name.Check(at, "name", false),
		b.AccountID.Check(at, "account_id", true),
		b.ApplicationID.Check(at, "application_id", true),
		b.PublicKey.Check(at, "public_key", true),
		b.Secret.Check(at, "secret", false),
		b.BaseURL.Check(at, "base_url", true),
		b.Default.Check(at, "default", false),
		envelope.Blank(at, "name", b.Name.Value),
	} {
		bad = append(bad, wrong...)
	}
	return bad
}

func (b *CredentialPatch) empty() bool {
	return !b.Name.Set && !b.AccountID.Set && !b.ApplicationID.Set && !b.PublicKey.Set && !b.Secret.Set && !b.BaseURL.Set && !b.Default.Set
}

// Verification is what came of asking a vendor.
type Verification struct {
	ID         string        `json:"id" format:"uuid"`
	Vendor     string        `json:"vendor" example:"twilio"`
	Works      bool          `json:"works" doc:"Whether the vendor takes the secret."`
	Verdict    string        `json:"verdict" enum:"works,refused"`
	VerifiedAt envelope.Time `json:"verified_at"`
}
