package stream

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// seal is a token as it travels: the secret, when it runs out, whether the call was placed by this side, and a signature over all of it
// and the call. So a node that did not give it can
// tell that another with the same auth token has: the webhook and the stream of a call need not reach the same one.
func seal(key, call, secret string, outbound bool, expires time.Time) string {
	text := secret + "." + strconv.FormatInt(expires.UnixMilli(), 10)
	if outbound {
		text += ".out"
	}
	return text + "." + sealOf(key, call, text)
}

func sealOf(key, call, text string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte("stream " + call + " " + text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// unseal is the secret of a token whose seal is good, and the call's direction; false: it is not good, or its time has run out.
func unseal(key, call, token string, now time.Time) (secret string, outbound, ok bool) {
	i := strings.LastIndexByte(token, '.')
	if i < 0 || key == "" || !hmac.Equal([]byte(token[i+1:]), []byte(sealOf(key, call, token[:i]))) {
		return "", false, false
	}
	secret, rest, _ := strings.Cut(token[:i], ".")
	until, direction, _ := strings.Cut(rest, ".")
	expires, err := strconv.ParseInt(until, 10, 64)
	return secret, direction == "out", err == nil && secret != "" && now.Before(time.UnixMilli(expires))
}

// redeem takes a call's token back, of this node or another. Each is good once on each node, and on the node that gave it no other is good
// while it waits. key sealed it; outbound is what the webhook said of the call.
func (h *Host) redeem(key, call, token string, now time.Time) (outbound, ok bool) {
	secret, outbound, good := unseal(key, call, token, now)
	if h.tokens.has(call) {
		return outbound, h.tokens.redeem(call, secret, now) && good
	}
	return outbound, good && h.tokens.spend(secret, now, h.Limits.orDefaults().Token)
}
