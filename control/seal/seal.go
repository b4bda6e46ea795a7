// Package seal keeps what is in the database from being read there.
//
//	text, label ──▶ Close ──▶ a row ──▶ Open, with the same label ──▶ text
//	                  ▲ a key for each purpose, derived from the nodes' secret
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
)

// A Seal seals and opens texts of one purpose: AES-256-GCM, with keys derived from the nodes' secrets (HKDF, SHA-256). It is safe for any
// number of goroutines.
type Seal struct{ keys []cipher.AEAD } // the first one seals, any opens

// New makes a Seal. What was sealed for another purpose, or with a secret that is not among these, it does not open.
func New(purpose string, secrets ...[]byte) (*Seal, error) {
	s := &Seal{}
	for _, secret := range secrets {
		key, err := hkdf.Key(sha256.New, secret, nil, "parley "+purpose+" AES-256-GCM", 32)
		if err != nil {
			return nil, err
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		gcm, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		s.keys = append(s.keys, gcm)
	}
	if len(s.keys) == 0 {
		return nil, errors.New("no secret to seal with")
	}
	return s, nil
}

// Close seals a text; label says what it is of, and is needed to open it.
func (s *Seal) Close(text []byte, label string) []byte {
	return s.keys[0].Seal(nil, nil, text, []byte(label))
}

// ErrSecret says that a text was sealed with a secret that is not at hand, or is of something else.
var ErrSecret = errors.New("sealed with another secret")

// Open is the text that was sealed, or ErrSecret.
func (s *Seal) Open(sealed []byte, label string) ([]byte, error) {
	for _, k := range s.keys {
		if text, err := k.Open(nil, nil, sealed, []byte(label)); err == nil {
			return text, nil
		}
	}
	return nil, ErrSecret
}
