package access

import (
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"parley/store"
)

var tokenSecret = []byte("0123456789abcdef0123456789abcdef")

func newTestTokens(t testing.TB, secrets ...[]byte) *Tokens {
	t.Helper()
	tokens, err := NewTokens(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

var aSession = store.Session{
	ID: "0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e", Org: "0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8f", User: "0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d90",
	Role: store.Member, Expires: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
}

var tokenTime = time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)

func TestToken(t *testing.T) {
	t.Parallel()
	tokens := newTestTokens(t, tokenSecret)
	token, expires, err := tokens.Issue(aSession, tokenTime)
	if err != nil || !expires.Equal(tokenTime.Truncate(time.Second).Add(TokenLife)) {
		t.Fatalf("expires %v, %v", expires, err)
	}
	if checkShape(token) != nil {
		t.Errorf("a token of %d characters is no Bearer secret", len(token))
	}
	for after, valid := range map[time.Duration]bool{
		0: true, TokenLife - time.Second: true, TokenLife + clockSkew: false, -clockSkew: true, -clockSkew - 2*time.Second: false,
	} {
		session, org, err := tokens.Read(token, tokenTime.Add(after))
		if (err == nil) != valid || valid && (session != aSession.ID || org != aSession.Org) {
			t.Errorf("after %v: %s of %s, %v", after, session, org, err)
		}
	}
	short := aSession
	short.Expires = tokenTime.Add(time.Minute)
	if _, expires, _ := tokens.Issue(short, tokenTime); expires.After(short.Expires) {
		t.Errorf("the token outlives its session: %v", expires)
	}
}

func TestTokenSecretsChange(t *testing.T) {
	t.Parallel()
	other := []byte("another secret, which is the new one")
	before, during, after := newTestTokens(t, tokenSecret), newTestTokens(t, other, tokenSecret), newTestTokens(t, other)
	old, _, _ := before.Issue(aSession, tokenTime)
	young, _, _ := during.Issue(aSession, tokenTime)
	for _, c := range []struct {
		name   string
		tokens *Tokens
		token  string
		valid  bool
	}{{"old while changing", during, old, true}, {"new while changing", during, young, true}, {"old after", after, old, false}, {"new after", after, young, true}, {"new before", before, young, false}} {
		if _, _, err := c.tokens.Read(c.token, tokenTime); (err == nil) != c.valid {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, secrets := range [][][]byte{nil, {[]byte("short")}, {tokenSecret, nil}} {
		if _, err := NewTokens(secrets...); err == nil {
			t.Errorf("%q are good enough", secrets)
		}
	}
}

// A forgery is a token that somebody else made.
type forgery struct {
	name           string
	header, claims string
	sign           func(text string) []byte // nil: as we do
}

// forgeries are what has been tried on others (RFC 8725, and the CVEs of JWT libraries).
func forgeries(t *testing.T, tokens *Tokens) (all []forgery) {
	kid, key := tokens.kid, tokens.keys[tokens.kid]
	head := func(change map[string]any) string {
		return object(t, map[string]any{"alg": "HS256", "typ": "JWT", "kid": kid}, change)
	}
	said := func(change map[string]any) string {
		return object(t, map[string]any{
			"iss": "parley", "aud": []string{"parley-api"}, "sub": aSession.User, "sid": aSession.ID, "org": aSession.Org, "role": "owner",
			"iat": tokenTime.Unix(), "exp": tokenTime.Add(TokenLife).Unix(),
		}, change)
	}
	mac := func(key []byte) func(string) []byte {
		return func(text string) []byte {
			h := hmac.New(sha256.New, key)
			h.Write([]byte(text))
			return h.Sum(nil)
		}
	}
	for _, alg := range []any{"none", "None", "NONE", "nOnE", "", nil, "HS384", "HS512", "hs256", "RS256", "PS256", "ES256", "EdDSA", "HS256 ", 256, []string{"HS256"}, true} {
		all = append(all, forgery{fmt.Sprintf("alg %v", alg), head(map[string]any{"alg": alg}), said(nil), nil},
			forgery{fmt.Sprintf("alg %v, unsigned", alg), head(map[string]any{"alg": alg}), said(nil), func(string) []byte { return nil }})
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	for _, k := range []any{"", "x", "../../../../dev/null", "/dev/null", "' OR '1'='1", "x' UNION SELECT 'key", kid + "\x00", strings.ToUpper(kid) + " ", 1, nil, []string{kid}, map[string]any{"kid": kid}} {
		all = append(all, forgery{fmt.Sprintf("kid %v", k), head(map[string]any{"kid": k}), said(nil), nil}, forgery{fmt.Sprintf("kid %v, empty key", k), head(map[string]any{"kid": k}), said(nil), mac(nil)})
	}
	for name, v := range map[string]any{"jku": "https://evil.example/jwks", "x5u": "https://evil.example/x", "x5c": []string{"AA=="}, "jwk": map[string]any{"kty": "oct", "k": "AAAA"}, "crit": []string{"exp"}, "cty": "JWT", "zip": "DEF", "b64": false} {
		all = append(all, forgery{"header " + name, head(map[string]any{name: v}), said(nil), nil})
	}
	all = append(all, forgery{"typ", head(map[string]any{"typ": "at+jwt"}), said(nil), nil}, forgery{"huge header", head(map[string]any{"x": strings.Repeat("a", 1<<16)}), said(nil), nil})
	for _, c := range []struct {
		name string
		v    any
	}{
		{"exp", nil}, {"exp", fmt.Sprint(tokenTime.Add(TokenLife).Unix())}, {"exp", tokenTime.Unix() - 100}, {"exp", -1}, {"exp", 0}, {"exp", "never"}, {"exp", []int{1}}, {"exp", true},
		{"iat", tokenTime.Unix() + 100}, {"iat", "now"}, {"nbf", tokenTime.Unix() + 100}, {"nbf", "later"},
		{"iss", nil}, {"iss", "Parley"}, {"iss", []string{"parley"}}, {"aud", nil}, {"aud", "other"}, {"aud", []string{}}, {"aud", 1},
		{"sid", nil}, {"sid", ""}, {"sid", 1}, {"org", nil}, {"org", ""}, {"org", []string{aSession.Org}},
	} {
		all = append(all, forgery{fmt.Sprintf("%s %v", c.name, c.v), head(nil), said(map[string]any{c.name: c.v}), nil})
	}
	all = append(all,
		forgery{"another secret", head(nil), said(nil), mac([]byte("guess"))},
		forgery{"the secret itself, not the key", head(nil), said(nil), mac(tokenSecret)},
		forgery{"the kid as key", head(nil), said(nil), mac([]byte(kid))},
		forgery{"RSA", head(map[string]any{"alg": "RS256"}), said(nil), func(text string) []byte {
			sum := sha256.Sum256([]byte(text))
			s, _ := rsa.SignPKCS1v15(rand.Reader, rsaKey, crypto.SHA256, sum[:])
			return s
		}},
		forgery{"Ed25519", head(map[string]any{"alg": "EdDSA"}), said(nil), func(text string) []byte { return ed25519.Sign(edKey, []byte(text)) }},
		forgery{"half a signature", head(nil), said(nil), func(text string) []byte { return mac(key)(text)[:16] }},
		forgery{"a longer signature", head(nil), said(nil), func(text string) []byte { return append(mac(key)(text), 0) }},
		forgery{"no object", `"x"`, said(nil), nil}, forgery{"claims null", head(nil), "null", nil}, forgery{"claims a list", head(nil), "[]", nil}, forgery{"two objects", head(nil), said(nil) + said(nil), nil},
		forgery{"nothing", "", "", nil},
	)
	return all
}

func object(t *testing.T, v, change map[string]any) string {
	maps.Copy(v, change)
	for name, value := range change {
		if value == nil {
			delete(v, name)
		}
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTokenForgeries(t *testing.T) {
	t.Parallel()
	tokens := newTestTokens(t, tokenSecret)
	b64 := base64.RawURLEncoding.EncodeToString
	sign := func(text string) []byte {
		h := hmac.New(sha256.New, tokens.keys[tokens.kid])
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	all := forgeries(t, tokens)
	if len(all) < 60 {
		t.Fatalf("only %d forgeries", len(all))
	}
	for _, f := range all {
		if f.sign == nil {
			f.sign = sign
		}
		text := b64([]byte(f.header)) + "." + b64([]byte(f.claims))
		if session, org, err := tokens.Read(text+"."+b64(f.sign(text)), tokenTime); err != ErrUnauthenticated || session != "" || org != "" {
			t.Errorf("%s: %s of %s, %v", f.name, session, org, err)
		}
	}
	// The last bits of a signature that has 43 characters mean nothing; only one way to write them is taken.
	good, _, _ := tokens.Issue(aSession, tokenTime)
	taken := 0
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=" {
		if _, _, err := tokens.Read(good[:len(good)-1]+string(c), tokenTime); err == nil {
			taken++
		}
	}
	if taken != 1 {
		t.Errorf("%d ways to write one token are taken", taken)
	}
	for _, token := range []string{good + ".", good + "." + good, "." + good, good[:len(good)-1], strings.Replace(good, ".", "..", 1), good + "=", " " + good, good + "\n"} {
		if _, _, err := tokens.Read(token, tokenTime); err == nil {
			t.Errorf("taken: %s", token)
		}
	}
}

// FuzzToken: nothing but what was issued is taken.
func FuzzToken(f *testing.F) {
	tokens, err := NewTokens(tokenSecret)
	if err != nil {
		f.Fatal(err)
	}
	good, _, err := tokens.Issue(aSession, tokenTime)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{good, "", "..", "eyJ..", good[:100], strings.Replace(good, "e", "E", 1), "eyJhbGciOiJub25lIn0.e30."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		session, org, err := tokens.Read(token, tokenTime)
		if (err == nil) != (token == good) || err == nil && (session != aSession.ID || org != aSession.Org) || err != nil && session+org != "" {
			t.Errorf("%q is of %s in %s, %v", token, session, org, err)
		}
	})
}
