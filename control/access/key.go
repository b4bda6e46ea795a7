package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"strings"
)

// What keys made here begin with. It tells people what a key is for, and the house nothing: any key works wherever its scopes allow.
const (
	VoicePrefix = "va_"
	CRMPrefix   = "cm_"
)

const (
	randomBytes  = 32 // 256 bits
	randomDigits = 43 // what they are in base 62: letters and digits, safe in URLs, and a double click selects them all

	shownDigits = 8   // of a made key, beside its prefix
	minSecret   = 16  // characters of a key given verbatim
	maxSecret   = 512 // characters of any key
)

// A Secret is a password or a key in clear. However it is printed, logged or encoded, it says [secret]; to show it to the one
// person who has to see it, convert it to a string. Keep it in exported fields: fmt prints others without asking their type.
type Secret string

const redacted = "[secret]"

// String says [secret].
func (Secret) String() string { return redacted }

// Format says [secret], whatever the verb.
func (Secret) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) }

// LogValue says [secret].
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText says [secret].
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// A Key is a key's secret, and what is kept of it: the Prefix and Hash of a store.Key.
type Key struct {
	Secret Secret
	Prefix string // the first characters: 11 of a made key; of one given verbatim at most these, and at most a quarter of it
	Hash   string // SHA-256 of the whole secret, in hex
}

// NewKey makes a key: VoicePrefix or CRMPrefix, and 256 random bits.
func NewKey(prefix string) (Key, error) {
	if prefix != VoicePrefix && prefix != CRMPrefix {
		return Key{}, fmt.Errorf("key prefix %q is not known: it is %s or %s", prefix, VoicePrefix, CRMPrefix)
	}
	random := make([]byte, randomBytes)
	_, _ = rand.Read(random) // it never fails: see its documentation
	digits := new(big.Int).SetBytes(random).Text(62)
	secret := prefix + strings.Repeat("0", randomDigits-len(digits)) + digits
	return Key{Secret: Secret(secret), Prefix: secret[:len(prefix)+shownDigits], Hash: Hash(secret)}, nil
}

// Verbatim is a key that somebody else made: any 16 to 512 characters of printable ASCII without spaces. Its error names the setting
// that such keys come from, and shows nothing of the key.
func Verbatim(secret Secret) (Key, error) {
	if err := checkShape(string(secret)); err != nil {
		return Key{}, fmt.Errorf("PARLEY_API_KEY %w", err)
	}
	shown := min(len(secret)/4, len(VoicePrefix)+shownDigits)
	return Key{Secret: secret, Prefix: string(secret[:shown]), Hash: Hash(string(secret))}, nil
}

// Hash is what is kept of a secret: its SHA-256, in hex. A made key has 256 random bits, so neither salt nor slowness would add anything.
func Hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// checkShape says what keeps a text from being any key's secret.
func checkShape(secret string) error {
	switch n := len(secret); {
	case n < minSecret:
		return fmt.Errorf("must have at least %d characters, and has %d", minSecret, n)
	case n > maxSecret:
		return fmt.Errorf("must have at most %d characters, and has %d", maxSecret, n)
	}
	for i := range len(secret) {
		if secret[i] <= ' ' || secret[i] > '~' {
			return fmt.Errorf("must be printable ASCII without spaces, which its byte %d is not", i+1)
		}
	}
	return nil
}
