package carrier

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
)

// sign is X-Twilio-Signature for a request to target with form fields (nil for none): base64 of HMAC-SHA1 under the account's
// auth token over the URL followed by each key and value, in the order of the keys; repeated values once each, sorted.
// It is written apart from the server's own check on purpose, so that the two prove each other.
// Source: twilio.com/docs/usage/security.
func sign(token, target string, form url.Values) string {
	var b strings.Builder
	b.WriteString(target)
	keys := make([]string, 0, len(form))
	for k := range form {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		values := slices.Clone(form[k])
		slices.Sort(values)
		for _, v := range slices.Compact(values) {
			b.WriteString(k)
			b.WriteString(v)
		}
	}
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(b.String()))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// sid makes an identifier as Twilio's look: two letters (CA a call, MZ a stream, AC an account) and 32 hex digits.
func sid(kind string) string {
	var b [16]byte
	rand.Read(b[:])
	return kind + hex.EncodeToString(b[:])
}
