package rtp

import (
	"bytes"
	"errors"
	"fmt"

	pion "github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// A Suite is a way of securing packets, by its name in SDP (RFC 4568, section 6.2; RFC 7714, section 14.2).
type Suite string

// The suites.
const (
	AES128SHA80 Suite = "AES_CM_128_HMAC_SHA1_80"
	AES128SHA32 Suite = "AES_CM_128_HMAC_SHA1_32"
	AES128GCM   Suite = "AEAD_AES_128_GCM"
	AES256GCM   Suite = "AEAD_AES_256_GCM"
)

// profile is the suite in pion's words.
func (s Suite) profile() (srtp.ProtectionProfile, error) {
	switch s {
	case AES128SHA80:
		return srtp.ProtectionProfileAes128CmHmacSha1_80, nil
	case AES128SHA32:
		return srtp.ProtectionProfileAes128CmHmacSha1_32, nil
	case AES128GCM:
		return srtp.ProtectionProfileAeadAes128Gcm, nil
	case AES256GCM:
		return srtp.ProtectionProfileAeadAes256Gcm, nil
	}
	return 0, fmt.Errorf("suite %q: want %s, %s, %s or %s", s, AES128SHA80, AES128SHA32, AES128GCM, AES256GCM)
}

// KeySize is how many bytes a key of the suite has, and how many of salt follow it.
func (s Suite) KeySize() (key, salt int, err error) {
	profile, err := s.profile()
	if err != nil {
		return 0, 0, err
	}
	if key, err = profile.KeyLen(); err != nil {
		return 0, 0, err
	}
	salt, err = profile.SaltLen()
	return key, salt, err
}

// Keys secure a session both ways. Each end sends with a key of its own (RFC 4568, section 6.1): a master key and its salt, one after the other.
type Keys struct {
	Suite         Suite
	Local, Remote []byte
}

// check says what is wrong with keys. None are fine.
func (k *Keys) check() error {
	if k == nil {
		return nil
	}
	key, salt, err := k.Suite.KeySize()
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	for _, side := range [...]struct {
		name string
		key  []byte
	}{{"local", k.Local}, {"remote", k.Remote}} {
		if len(side.key) != key+salt {
			return fmt.Errorf("keys: %s key of %d bytes: %s has %d and %d of salt", side.name, len(side.key), k.Suite, key, salt)
		}
	}
	return nil
}

// The windows within which a packet that comes again is known for one (RFC 3711, section 3.3.2).
const (
	rtpWindow  = 256
	rtcpWindow = 64
)

// A lock secures or opens packets with one key. It is for one goroutine at a time.
type lock struct {
	suite   Suite
	key     []byte
	context *srtp.Context
	header  pion.Header
}

// of is a lock of a key that was checked. If l is one, it goes on, so that no packet is secured with the same counter twice.
func (l *lock) of(suite Suite, key []byte) (*lock, error) {
	if l != nil && l.suite == suite && bytes.Equal(l.key, key) {
		return l, nil
	}
	profile, err := suite.profile()
	if err != nil {
		return nil, err
	}
	size, err := profile.KeyLen()
	if err != nil {
		return nil, err
	}
	context, err := srtp.CreateContext(key[:size], key[size:], profile, srtp.SRTPReplayProtection(rtpWindow), srtp.SRTCPReplayProtection(rtcpWindow))
	if err != nil {
		return nil, fmt.Errorf("make an SRTP context: %w", err)
	}
	return &lock{suite: suite, key: bytes.Clone(key), context: context}, nil
}

var errShort = errors.New("too short")

// open opens an RTP packet in its own bytes.
func (l *lock) open(packet []byte) ([]byte, error) {
	if len(packet) < headerSize {
		return nil, errShort
	}
	l.header.CSRC, l.header.Extensions = l.header.CSRC[:0], l.header.Extensions[:0]
	return l.context.DecryptRTP(packet, packet, &l.header)
}

// seal secures an RTP packet in its own bytes; it has the capacity for what is added.
func (l *lock) seal(packet []byte) ([]byte, error) {
	return l.context.EncryptRTP(packet, packet, &l.header)
}

// openControl opens an RTCP packet.
func (l *lock) openControl(packet []byte) ([]byte, error) {
	return l.context.DecryptRTCP(nil, packet, nil)
}

// sealControl secures an RTCP packet.
func (l *lock) sealControl(packet []byte) ([]byte, error) {
	return l.context.EncryptRTCP(nil, packet, nil)
}
