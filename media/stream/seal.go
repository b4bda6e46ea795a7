package stream

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// seal is a token as it travels: the secret, when it runs out, and a signature over both and the call. So a node that did not give it can
// tell that another with the same auth token has: the webhook and the stream of a call need not reach the same one.
func seal(key, call, secret string, expires time.Time) string {
	text := secret + "." + strconv.FormatInt(expires.UnixMilli(), 10)
	return text + "." + sealOf(key, call, text)
}

func sealOf(key, call, text string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte("stream " + call + " " + text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// unseal is the secret of a token whose seal is good; false: it is not, or its time has run out.
func unseal(key, call, token string, now time.Time) (secret string, ok bool) {
	i := strings.LastIndexByte(token, '.')
	if i < 0 || key == "" || !hmac.Equal([]byte(token[i+1:]), []byte(sealOf(key, call, token[:i]))) {
		return "", false
	}
	secret, until, _ := strings.Cut(token[:i], ".")
	expires, err := strconv.ParseInt(until, 10, 64)
	return secret, err == nil && secret != "" && now.Before(time.UnixMilli(expires))
}

// redeem takes a call's token back, of this node or another. Each is good once on each node, and on the node that gave it no other is good
// while it waits.
func (t *Twilio) redeem(call, token string, now time.Time) bool {
	secret, good := unseal(t.AuthToken, call, token, now)
	if t.tokens.has(call) {
		return t.tokens.redeem(call, secret, now) && good
	}
	return good && t.tokens.spend(secret, now, t.Limits.orDefaults().Token)
}
