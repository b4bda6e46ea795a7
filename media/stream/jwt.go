package stream

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// claims are what a signed webhook's token says of it (developer.vonage.com, "Decoding signed webhooks").
type claims struct {
	Issued      float64 `json:"iat"`
	Payload     string  `json:"payload_hash"`
	Application string  `json:"application_id"`
}

// claimedApplication is the application that a JWT says it is of, whoever has signed it; empty: it says none.
func claimedApplication(token string) string {
	_, rest, _ := strings.Cut(token, ".")
	body, _, _ := strings.Cut(rest, ".")
	var c claims
	if !decodePart(body, &c) {
		return ""
	}
	return c.Application
}

// VonageSign is the Authorization of a webhook with a payload: the bearer token that a signature secret makes.
func VonageSign(secret string, payload []byte, now time.Time) string {
	text := base64.RawURLEncoding
	signed := text.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." +
		text.EncodeToString(fmt.Appendf(nil, `{"iat":%d,"payload_hash":"%x"}`, now.Unix(), sha256.Sum256(payload)))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	return "Bearer " + signed + "." + text.EncodeToString(mac.Sum(nil))
}

// readToken returns what a JWT says that is signed with secret by HS256 (RFC 7515, RFC 7519); false: it is not, or secret is empty.
func readToken(secret, token string) (c claims, ok bool) {
	signed, signature, whole := cutLast(token, '.')
	head, body, two := strings.Cut(signed, ".")
	sum, err := base64.RawURLEncoding.DecodeString(signature)
	if !whole || !two || err != nil || secret == "" {
		return c, false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	if !hmac.Equal(sum, mac.Sum(nil)) {
		return c, false
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	return c, decodePart(head, &header) && header.Algorithm == "HS256" && decodePart(body, &c)
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

func decodePart(part string, into any) bool {
	text, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(text, into) == nil
}

// fresh says whether a token was made within age of now, either way.
func (c claims) fresh(now time.Time, age time.Duration) bool {
	return now.Sub(time.Unix(int64(c.Issued), 0)).Abs() <= age
}

// covers says whether the token is of this payload.
func (c claims) covers(payload []byte) bool {
	sum := sha256.Sum256(payload)
	return subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum[:])), []byte(strings.ToLower(c.Payload))) == 1
}
