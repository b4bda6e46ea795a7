package sdp

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// A Mode is whether SRTP is wanted.
type Mode uint8

// None answers plain offers only, Allow takes encryption where it is offered and offers it beside plain RTP, Require takes nothing else.
const (
	None Mode = iota
	Allow
	Require
)

// A Suite is a cipher of SRTP, in RFC 4568's words.
type Suite string

// The suites that we know (RFC 4568, section 6.2; RFC 6188; RFC 7714).
const (
	AES128SHA80  Suite = "AES_CM_128_HMAC_SHA1_80"
	AES128SHA32  Suite = "AES_CM_128_HMAC_SHA1_32"
	AES256SHA80  Suite = "AES_256_CM_HMAC_SHA1_80"
	AES256SHA32  Suite = "AES_256_CM_HMAC_SHA1_32"
	AES128GCM    Suite = "AEAD_AES_128_GCM"
	AES256GCM    Suite = "AEAD_AES_256_GCM"
	longestInput       = 46 // bytes of key and salt
)

// size is how many bytes of master key and of master salt a suite has; 0, 0: it is not known.
func (s Suite) size() (key, salt int) {
	switch s {
	case AES128SHA80, AES128SHA32:
		return 16, 14
	case AES256SHA80, AES256SHA32:
		return 32, 14
	case AES128GCM:
		return 16, 12
	case AES256GCM:
		return 32, 12
	}
	return 0, 0
}

// A Key is what one side encrypts with: secret, and never logged.
type Key struct {
	Suite        Suite
	Master, Salt []byte
}

// String hides the key.
func (k Key) String() string { return string(k.Suite) + " (hidden)" }

// GoString hides the key from %#v, too.
func (k Key) GoString() string { return k.String() }

// NewKeys makes a fresh key for each suite that is known. A dialog keeps its keys: a re-INVITE with others would begin SRTP anew.
func NewKeys(suites ...Suite) []Key {
	var keys []Key
	for _, s := range suites {
		key, salt := s.size()
		if key == 0 {
			continue
		}
		b := make([]byte, key+salt)
		_, _ = rand.Read(b) // it never fails (crypto/rand)
		keys = append(keys, Key{s, b[:key:key], b[key:]})
	}
	return keys
}

// A Crypto is one a=crypto line: the key that who says it encrypts with.
type Crypto struct {
	Tag uint32
	Key Key
}

// line is the attribute's value.
func (c Crypto) line() string {
	inline := append(append(make([]byte, 0, longestInput), c.Key.Master...), c.Key.Salt...)
	return fmt.Sprintf("%d %s inline:%s", c.Tag, c.Key.Suite, base64.StdEncoding.EncodeToString(inline))
}

// parseCrypto reads the value of an a=crypto line. use is false for one that is well formed and not for us: a suite that we do not know,
// a master key identifier, several keys, or a session parameter that must be understood (RFC 4568, sections 6.1 and 6.3).
func parseCrypto(value string) (c Crypto, use bool, bad string) {
	fields := strings.Fields(value)
	if len(fields) < 3 {
		return Crypto{}, false, "needs a tag, a suite and a key"
	}
	tag, err := strconv.ParseUint(fields[0], 10, 32)
	if err != nil || len(fields[0]) > 9 {
		return Crypto{}, false, "the tag is not a number of 1 to 9 digits"
	}
	suite := Suite(fields[1])
	key, salt := suite.size()
	if key == 0 || strings.Contains(fields[2], ";") {
		return Crypto{}, false, ""
	}
	for _, p := range fields[3:] {
		if !strings.HasPrefix(p, "-") && !strings.HasPrefix(p, "WSH=") {
			return Crypto{}, false, ""
		}
	}
	method, info, _ := strings.Cut(fields[2], ":")
	if !strings.EqualFold(method, "inline") {
		return Crypto{}, false, ""
	}
	parts := strings.Split(info, "|")
	for _, p := range parts[1:] { // a lifetime is a number, maybe of the form 2^31; an identifier has a colon
		if strings.Contains(p, ":") {
			return Crypto{}, false, ""
		}
	}
	b, err := base64.StdEncoding.DecodeString(parts[0])
	if err != nil || len(b) != key+salt {
		return Crypto{}, false, fmt.Sprintf("the key of %s must be %d bytes in base64", suite, key+salt)
	}
	return Crypto{uint32(tag), Key{suite, b[:key:key], b[key:]}}, true, ""
}
