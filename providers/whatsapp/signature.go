package whatsapp

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/url"
	"strings"
)

// SignatureHeader is the header that holds a webhook's signature.
const SignatureHeader = "X-Hub-Signature-256"

// MaxWebhook is how many bytes a webhook has at most.
const MaxWebhook = 3 << 20

// Sign is the signature of a webhook's body, as it comes: sha256= and the hex of its HMAC, keyed with the app's secret.
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// Signed says whether a body, byte for byte as it came, bears the app's signature. Without a secret nothing does.
func Signed(secret, signature string, body []byte) bool {
	told, ok := strings.CutPrefix(signature, "sha256=")
	if !ok || secret == "" || len(told) != 2*sha256.Size {
		return false
	}
	given, err := hex.DecodeString(told)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return err == nil && hmac.Equal(given, mac.Sum(nil))
}

// Verify answers the question by which Meta makes sure that a webhook is ours: the text to answer, if the token is the one that was agreed on. Else
// 403 is to be said.
func Verify(query url.Values, token string) (challenge string, ok bool) {
	same := subtle.ConstantTimeCompare([]byte(query.Get("hub.verify_token")), []byte(token)) == 1
	challenge = query.Get("hub.challenge")
	if token == "" || !same || query.Get("hub.mode") != "subscribe" || challenge == "" || len(challenge) > 256 {
		return "", false
	}
	return challenge, true
}
