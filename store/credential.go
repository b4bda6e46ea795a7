package store

import (
	"context"
	"time"
)

// Sealed is a secret as the database keeps it: closed, and opened by nobody who has the database alone.
type Sealed struct {
	Text string // what package vault made of it; empty: there is no secret
	Key  string // the id of the key that closed it; empty: it was closed before keys had one
}

// A Credential is an account of an organisation at a carrier or at a vendor of speech and models.
type Credential struct {
	ID      string
	Number  int64
	Org     string
	Vendor  string // twilio, openai, ...; it stays
	Name    string // unique in the organisation
	Account string // the vendor's name for the account, where it has one, such as Twilio's AccountSid; no secret
	BaseURL string // another server than the vendor's; empty: the one that this server uses

	Application string // the account's application that calls are placed by, where the vendor has such; empty: none
	PublicKey   string // what the vendor signs with for this account, where that is a pair of keys, as the vendor shows it; no secret

	Sealed   Sealed
	Hint     string    // how the secret ends, to be shown; empty: it is too short for that
	Default  bool      // used where no credential is named; one of a vendor at most
	Verdict  Verdict   // what the vendor said of it; empty: it was not asked since the credential changed
	Verified time.Time // when
	Created  time.Time
	Updated  time.Time
}

// A Verdict is what a vendor says of a credential.
type Verdict string

// The verdicts.
const (
	Works   Verdict = "works"
	Refused Verdict = "refused"
)

// Credentials are the organisations' accounts elsewhere.
type Credentials interface {
	// CreateCredential keeps a new credential. If it is the default, no other of its vendor is any more. ErrConflict if its name is taken.
	CreateCredential(ctx context.Context, c Credential) (Credential, error)
	Credential(ctx context.Context, org, id string) (Credential, error)
	// Credentials lists them, newest first; of one vendor alone if it is not empty.
	Credentials(ctx context.Context, org, vendor string, p Page) (credentials []Credential, total int64, err error)
	// UpdateCredential lets change alter a credential as it stands, in one transaction. An error of change is returned as it is, and
	// nothing is kept. change may be called more than once; it cannot alter ID, Number, Org, Vendor or Created. ErrConflict if the new name
	// is taken.
	UpdateCredential(ctx context.Context, org, id string, at time.Time, change func(*Credential) error) (Credential, error)
	// DeleteCredential removes a credential: ErrConflict if a number or a call that is being placed needs it, or if it is the default of a
	// vendor that has others.
	DeleteCredential(ctx context.Context, org, id string) error
	// NoteVerdict keeps what the vendor said of a secret. Of one that has been replaced since, it keeps nothing: ErrNotFound.
	NoteVerdict(ctx context.Context, org, id string, s Sealed, v Verdict, at time.Time) error
}

// Transport is how SIP messages travel on a trunk (RFC 3261, section 18).
type Transport string

// The transports.
const (
	UDP Transport = "udp"
	TCP Transport = "tcp"
	TLS Transport = "tls"
)

// A Trunk is a way to a carrier by SIP.
type Trunk struct {
	ID        string
	Number    int64
	Org       string
	Name      string // unique in the organisation
	Host      string // of the carrier's proxy: a name or an address
	Port      int    // 0: the transport's own, or what DNS says (RFC 3263)
	Transport Transport
	Username  string   // for digest authentication (RFC 3261, section 22); empty: none
	Sealed    Sealed   // the password
	Realm     string   // whose challenges are answered; empty: Host's
	Allowed   []string // networks from which calls are taken, in CIDR notation; none: Host's addresses
	Codecs    []string // in order of preference; none: the server's
	CallerID  string   // shown on calls that are placed, in E.164; empty: the number that the call is placed from
	Outbound  bool     // calls are placed by it
	Registers bool     // it is registered with the carrier (RFC 3261, section 10), which sends calls there
	Created   time.Time
	Updated   time.Time
}

// Trunks are the organisations' ways to carriers by SIP.
type Trunks interface {
	// CreateTrunk keeps a new trunk. ErrConflict if its name is taken.
	CreateTrunk(ctx context.Context, t Trunk) (Trunk, error)
	Trunk(ctx context.Context, org, id string) (Trunk, error)
	Trunks(ctx context.Context, org string, p Page) (trunks []Trunk, total int64, err error) // newest first
	// UpdateTrunk is as UpdateCredential; it cannot alter ID, Number, Org or Created.
	UpdateTrunk(ctx context.Context, org, id string, at time.Time, change func(*Trunk) error) (Trunk, error)
	// DeleteTrunk removes a trunk: ErrConflict if a number needs it.
	DeleteTrunk(ctx context.Context, org, id string) error
}

// SecretKind says what a secret belongs to.
type SecretKind string

// The kinds of rows that have secrets.
const (
	CredentialSecret    SecretKind = "credential"
	TrunkSecret         SecretKind = "trunk"
	ExtensionSecret     SecretKind = "extension"
	WebhookSecret       SecretKind = "webhook"        // of an organisation's settings: the row's id is the organisation's
	FormerWebhookSecret SecretKind = "former_webhook" // of the same row: the one before
)

// SecretKinds are all of them.
func SecretKinds() []SecretKind {
	return []SecretKind{CredentialSecret, TrunkSecret, ExtensionSecret, WebhookSecret, FormerWebhookSecret}
}

// A Secret is the sealed secret of a row.
type Secret struct {
	Kind    SecretKind
	ID, Org string
	Sealed  Sealed
}

// A Reseal puts a secret that was sealed anew in the place of what it was.
type Reseal struct {
	Secret
	Former string // Sealed.Text as it was
}

// Secrets are all that is sealed, of all organisations, for who changes the key.
type Secrets interface {
	// StaleSecrets lists secrets of a kind that another key than this one has sealed, by id, after an id. Sealed.Key is not told.
	StaleSecrets(ctx context.Context, kind SecretKind, key, after string, limit int) ([]Secret, error)
	// Reseal replaces secrets, all in one transaction, and says how many. One that has changed meanwhile, or is gone, is left as it is.
	Reseal(ctx context.Context, all []Reseal) (n int64, err error)
}
