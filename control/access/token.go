package access

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"parley/store"
)

// TokenLife is how long a JWT is valid. It is renewed by the session that it was issued for.
const TokenLife = 10 * time.Minute

const (
	tokenIssuer   = "parley"
	tokenAudience = "parley-api"
	clockSkew     = 10 * time.Second // of the nodes
)

// Tokens issue and read JWTs (RFC 7519, HS256). A token says which session it is of, and the session is looked up whenever it is used: so
// it ends with its session, and its person's role is the one that they have now.
//
// Keys are derived from secrets that all nodes share (HKDF, RFC 5869), none is stored. To change the secret, give the new one first and
// the old one after it until its tokens have expired: who has a session notices nothing.
type Tokens struct {
	keys map[string][]byte // by kid
	kid  string            // of the key that signs
}

// NewTokens signs with the first secret, and reads what was signed with any of them. Each has 16 bytes or more.
func NewTokens(secrets ...[]byte) (*Tokens, error) {
	if len(secrets) == 0 {
		return nil, errors.New("tokens need a secret")
	}
	t := &Tokens{keys: make(map[string][]byte, len(secrets))}
	for i, secret := range secrets {
		if len(secret) < 16 {
			return nil, errors.New("the secret has fewer than 16 bytes")
		}
		key, err := hkdf.Key(sha256.New, secret, nil, "parley session token HS256", sha256.Size)
		if err != nil {
			return nil, fmt.Errorf("derive key: %w", err)
		}
		sum := sha256.Sum256(key)
		kid := hex.EncodeToString(sum[:6])
		t.keys[kid] = key
		if i == 0 {
			t.kid = kid
		}
	}
	return t, nil
}

// claims are what a token says. They implement jwt.Claims, and are stricter than the library's: a time is a whole number.
type claims struct {
	Issuer    string           `json:"iss"`
	Audience  jwt.ClaimStrings `json:"aud"`
	User      string           `json:"sub"`
	Session   string           `json:"sid"`
	Org       string           `json:"org"`
	Role      store.Role       `json:"role"` // for the client: what counts is what the database says
	IssuedAt  int64            `json:"iat"`
	NotBefore int64            `json:"nbf"`
	Expires   int64            `json:"exp"`
}

// GetIssuer implements jwt.Claims, as do the others.
func (c claims) GetIssuer() (string, error) { return c.Issuer, nil }

// GetAudience is who it is for.
func (c claims) GetAudience() (jwt.ClaimStrings, error) { return c.Audience, nil }

// GetSubject is whose it is.
func (c claims) GetSubject() (string, error) { return c.User, nil }

// GetIssuedAt is when it was made.
func (c claims) GetIssuedAt() (*jwt.NumericDate, error) { return date(c.IssuedAt), nil }

// GetNotBefore is when it begins.
func (c claims) GetNotBefore() (*jwt.NumericDate, error) { return date(c.NotBefore), nil }

// GetExpirationTime is when it ends.
func (c claims) GetExpirationTime() (*jwt.NumericDate, error) { return date(c.Expires), nil }

func date(unix int64) *jwt.NumericDate {
	if unix == 0 {
		return nil
	}
	return jwt.NewNumericDate(time.Unix(unix, 0))
}

// Issue makes the token of a session; it expires with it.
func (t *Tokens) Issue(s store.Session, now time.Time) (token string, expires time.Time, err error) {
	now = now.Truncate(time.Second)
	expires = now.Add(TokenLife)
	if s.Expires.Before(expires) {
		expires = s.Expires.Truncate(time.Second)
	}
	made := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		Issuer: tokenIssuer, Audience: jwt.ClaimStrings{tokenAudience}, User: s.User, Session: s.ID, Org: s.Org, Role: s.Role,
		IssuedAt: now.Unix(), NotBefore: now.Unix(), Expires: expires.Unix(),
	})
	made.Header["kid"] = t.kid
	if token, err = made.SignedString(t.keys[t.kid]); err != nil {
		return "", time.Time{}, fmt.Errorf("sign token: %w", err)
	}
	return token, expires, nil
}

// Read tells which session a token is of, and in which organisation; ErrUnauthenticated of whatever is not a valid token of ours.
func (t *Tokens) Read(token string, now time.Time) (session, org string, err error) {
	if !tokenShaped(token) {
		return "", "", ErrUnauthenticated
	}
	var c claims
	_, err = jwt.ParseWithClaims(token, &c, t.key, jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithIssuer(tokenIssuer), jwt.WithAudience(tokenAudience), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(clockSkew),
		jwt.WithStrictDecoding(), jwt.WithTimeFunc(func() time.Time { return now }))
	if err != nil || c.Session == "" || c.Org == "" {
		return "", "", ErrUnauthenticated
	}
	return c.Session, c.Org, nil
}

// key is the key that a token's header names. A header with more in it than ours have is nobody's.
func (t *Tokens) key(token *jwt.Token) (any, error) {
	kid, _ := token.Header["kid"].(string)
	key := t.keys[kid]
	if key == nil || len(token.Header) != 3 || token.Header["typ"] != "JWT" {
		return nil, ErrUnauthenticated
	}
	return key, nil
}

// tokenShaped tells what may be a token from what must be a key.
func tokenShaped(secret string) bool {
	return checkShape(secret) == nil && strings.HasPrefix(secret, "eyJ") && strings.Count(secret, ".") == 2
}
