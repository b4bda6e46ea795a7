package access

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"
)

const (
	minPassword = 12  // characters: NIST SP 800-63B asks for 8, and for 15 where nothing else is asked for
	maxPassword = 512 // bytes
)

// nobody is the hash of a password that nobody knows, made with the parameters below: what is compared where there is no password.
const nobody = "$argon2id$v=19$m=19456,t=2,p=1$c29tZSBzYWx0IG9mIG91cg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// params is OWASP's first choice for argon2id (Password Storage Cheat Sheet): 19 MiB and one thread, because calls in progress share this machine.
func params() *argon2id.Params {
	return &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}
}

// HashPassword is a store.User's Password: argon2id in its PHC string. A password has at least 12 characters and at most 512 bytes. It is
// taken in Unicode's form NFC, so that it is the same from every keyboard (RFC 8265 section 4.2).
func HashPassword(password Secret) (string, error) {
	if err := checkPassword(password); err != nil {
		return "", err
	}
	hash, err := argon2id.CreateHash(norm.NFC.String(string(password)), params())
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return hash, nil
}

// VerifyPassword says whether a password is the one that a hash was made of. Without a hash (no such user, or one who cannot log in) it is
// false, after the same time: how long it takes tells nobody who is known here. The error is of a hash that is not one.
func VerifyPassword(password Secret, hash string) (bool, error) {
	if len(password) > maxPassword {
		return false, nil
	}
	known := hash != ""
	if !known {
		hash = nobody
	}
	// The library runs a hash's parameters as they are: none at all would panic, and a huge memory would be allocated.
	if p, _, _, err := argon2id.DecodeHash(hash); err != nil {
		return false, fmt.Errorf("read password hash: %w", err)
	} else if p.Iterations < 1 || p.Iterations > 100 || p.Parallelism < 1 || p.Memory > 1<<20 {
		return false, errors.New("read password hash: its parameters are out of bounds")
	}
	match, err := argon2id.ComparePasswordAndHash(norm.NFC.String(string(password)), hash)
	if err != nil {
		return false, fmt.Errorf("compare password: %w", err)
	}
	return match && known, nil
}

// checkPassword says what keeps a text from being a password.
func checkPassword(password Secret) error {
	switch n := utf8.RuneCountInString(string(password)); {
	case !utf8.ValidString(string(password)):
		return errors.New("password must be valid UTF-8")
	case n < minPassword:
		return fmt.Errorf("password must have at least %d characters, and has %d", minPassword, n)
	case len(password) > maxPassword:
		return fmt.Errorf("password must have at most %d bytes, and has %d", maxPassword, len(password))
	}
	return nil
}
