package control

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
)

// A seal keeps answers from being read in the database: some show a secret, once. AES-256-GCM, with keys derived from the nodes' secrets.
type seal struct{ keys []cipher.AEAD } // the first one seals, any opens

func newSeal(secrets ...[]byte) (*seal, error) {
	s := &seal{}
	for _, secret := range secrets {
		key, err := hkdf.Key(sha256.New, secret, nil, "parley first answers AES-256-GCM", 32)
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
	return s, nil
}

// close seals text; label says what it is of, and is needed to open it.
func (s *seal) close(text []byte, label string) []byte {
	return s.keys[0].Seal(nil, nil, text, []byte(label))
}

// open is the text that was sealed.
func (s *seal) open(sealed []byte, label string) ([]byte, error) {
	for _, k := range s.keys {
		if text, err := k.Open(nil, nil, sealed, []byte(label)); err == nil {
			return text, nil
		}
	}
	return nil, errors.New("sealed with another secret")
}
