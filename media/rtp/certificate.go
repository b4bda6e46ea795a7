package rtp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// certificateLife is longer than any process lives; far ends look at the fingerprint alone.
const certificateLife = 10 * 365 * 24 * time.Hour

// A Certificate is what a process shows in DTLS. Nobody has signed it: signalling tells its fingerprint.
type Certificate struct {
	tls   tls.Certificate
	print Fingerprint
}

// NewCertificate makes one. It names nobody.
func NewCertificate() (*Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("make serial number: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "WebRTC"}, NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(certificateLife),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	sum := sha256.Sum256(der)
	return &Certificate{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, Fingerprint{"sha-256", string(sum[:])}}, nil
}

// Fingerprint is the certificate's, by SHA-256.
func (c *Certificate) Fingerprint() Fingerprint { return c.print }

// A Fingerprint is that of a certificate (RFC 8122, section 5). Two are the same if they are equal. The zero value is nobody's.
type Fingerprint struct{ hash, sum string }

var errFingerprint = errors.New("want sha-256, sha-384 or sha-512, and as many bytes as it has in hexadecimal digits")

// ParseFingerprint reads the value of an a=fingerprint: "sha-256 AA:BB:...".
func ParseFingerprint(text string) (Fingerprint, error) {
	hash, digits, _ := strings.Cut(text, " ")
	hash = strings.ToLower(hash)
	size, known := map[string]int{"sha-256": sha256.Size, "sha-384": sha512.Size384, "sha-512": sha512.Size}[hash]
	sum, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(digits), ":", ""))
	if !known || err != nil || len(sum) != size {
		return Fingerprint{}, fmt.Errorf("fingerprint %.20q: %w", text, errFingerprint)
	}
	return Fingerprint{hash, string(sum)}, nil
}

// String is the value of an a=fingerprint.
func (f Fingerprint) String() string {
	pairs := make([]string, len(f.sum))
	for i := range len(f.sum) { // its bytes: it is no text
		pairs[i] = fmt.Sprintf("%02X", f.sum[i])
	}
	return f.hash + " " + strings.Join(pairs, ":")
}

// is says whether a certificate is the one with the fingerprint.
func (f Fingerprint) is(der []byte) bool {
	switch f.hash {
	case "sha-256":
		sum := sha256.Sum256(der)
		return f.sum == string(sum[:])
	case "sha-384":
		sum := sha512.Sum384(der)
		return f.sum == string(sum[:])
	case "sha-512":
		sum := sha512.Sum512(der)
		return f.sum == string(sum[:])
	}
	return false
}
