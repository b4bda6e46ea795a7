package vonage

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"
)

// tokenAge is how long a request's token is good, for clocks that go apart.
const tokenAge = 5 * time.Minute

// token is a JWT that says who asks (RFC 7519, RS256 of RFC 7518; developer.vonage.com, "JSON Web Tokens").
func (a *Account) token(now time.Time) (string, error) {
	key, err := parseKey(a.Key)
	if err != nil {
		return "", err
	}
	part := func(v any) string {
		text, _ := json.Marshal(v) // of texts and numbers
		return base64.RawURLEncoding.EncodeToString(text)
	}
	signed := part(map[string]string{"alg": "RS256", "typ": "JWT"}) + "." + part(map[string]any{
		"application_id": a.Application, "iat": now.Unix(), "exp": now.Add(tokenAge).Unix(), "jti": rand.Text(),
	})
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

var errKey = errors.New("private key: want the application's RSA key, as PEM or on one line in base64")

// parseKey reads a private key as Vonage gives it, or as it fits on one line.
func parseKey(text string) (*rsa.PrivateKey, error) {
	raw := []byte(text)
	if plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text)); err == nil {
		raw = plain
	}
	if block, _ := pem.Decode(bytes.TrimSpace(raw)); block != nil {
		raw = block.Bytes
	}
	if key, err := x509.ParsePKCS1PrivateKey(raw); err == nil {
		return key, nil
	}
	any8, err := x509.ParsePKCS8PrivateKey(raw)
	if key, ok := any8.(*rsa.PrivateKey); ok && err == nil {
		return key, nil
	}
	return nil, errKey
}
