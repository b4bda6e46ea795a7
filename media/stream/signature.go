package stream

import (
	"crypto/hmac"
	"crypto/sha1" // #nosec G505 -- Twilio's choice; HMAC-SHA1 is not broken by SHA-1's collisions
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Sign is the X-Twilio-Signature of a request to target with form (nil: none): base64 of the HMAC-SHA1, keyed with the account's
// auth token, of the URL and then every key and value, keys in byte order, a key's repeated values once each and in byte order.
// A stream's upgrade is signed over its wss URL. Source: twilio.com/docs/usage/security.
func Sign(token, target string, form url.Values) string {
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(target))
	keys := make([]string, 0, len(form))
	for k := range form {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		values := slices.Clone(form[k])
		slices.Sort(values)
		for _, v := range slices.Compact(values) {
			mac.Write([]byte(k))
			mac.Write([]byte(v))
		}
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Signed says whether signature is that of target and form in any of the spellings of the URL that Twilio is known to sign.
// Without a token nothing is. All spellings are tried, so that the time tells nothing.
func Signed(token, signature, target string, form url.Values) bool {
	if token == "" {
		return false
	}
	good := 0
	for _, spelling := range spellings(target) {
		good |= subtle.ConstantTimeCompare([]byte(Sign(token, spelling, form)), []byte(signature))
	}
	return good == 1
}

// spellings are the forms of target in the order of Twilio's own validator (twilio-node 6.2.0): as it is, without a port and with
// one (its own, or the scheme's), and then with its query normalised as browsers do and as Node once did.
func spellings(target string) []string {
	scheme, rest, ok := strings.Cut(target, "://")
	if !ok {
		return []string{target}
	}
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	bare, ported := authority, authority
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexAny(authority, "@]") {
		bare = authority[:i]
	} else {
		ported += map[string]string{"http": ":80", "ws": ":80", "https": ":443", "wss": ":443"}[scheme]
	}
	path, query, asked := strings.Cut(tail, "?")
	queries := []string{query}
	if asked {
		queries = append(queries, browserQuery(query), nodeQuery(query))
		path += "?"
	}
	var all []string
	for _, q := range queries {
		for _, authority := range [...]string{bare, ported} {
			if s := scheme + "://" + authority + path + q; !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	return all
}

// browserQuery is q as the WHATWG URL standard writes a special scheme's query.
func browserQuery(q string) string {
	return strings.NewReplacer(" ", "%20", `"`, "%22", "#", "%23", "<", "%3C", ">", "%3E", "'", "%27").Replace(q)
}

// nodeQuery is q as Node's querystring module writes it after reading it.
func nodeQuery(q string) string {
	var b strings.Builder
	for i, pair := range strings.Split(q, "&") {
		if i > 0 {
			b.WriteByte('&')
		}
		k, v, _ := strings.Cut(pair, "=")
		b.WriteString(nodeEscape(k) + "=" + nodeEscape(v))
	}
	return b.String()
}

func nodeEscape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		s = plain
	}
	const kept = "-_.!~*'()"
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte(kept, c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// signedBody says whether a request with a body that is no form is Twilio's: its URL, which the signature covers, names the
// body's SHA-256.
func signedBody(token, signature, target string, body []byte) bool {
	sum := sha256.Sum256(body)
	u, err := url.Parse(target)
	if err != nil {
		return false
	}
	told := strings.ToLower(u.Query().Get("bodySHA256"))
	same := subtle.ConstantTimeCompare([]byte(told), []byte(hex.EncodeToString(sum[:]))) == 1
	return Signed(token, signature, target, nil) && same
}
