package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// certify writes a certificate with a number, and its key.
func certify(t *testing.T, certFile, keyFile string, number int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(number), NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"voice.example.com"}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCertificateIsRenewed: a certificate whose files have changed is the one of the next handshakes; files that are no certificate leave the one
// of before.
func TestCertificateIsRenewed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	synctest.Test(t, func(t *testing.T) {
		certify(t, certFile, keyFile, 1)
		secure, err := (&browsers{TURNTLS: ":0", TURNTLSCert: certFile, TURNTLSKey: keyFile}).turnCertificate()
		if err != nil {
			t.Fatal(err)
		}
		number := func() int64 {
			t.Helper()
			time.Sleep(lookEvery)
			pair, err := secure.GetCertificate(nil)
			if err != nil {
				t.Fatal(err)
			}
			return pair.Leaf.SerialNumber.Int64()
		}
		if n := number(); n != 1 {
			t.Errorf("certificate %d", n)
		}
		certify(t, certFile, keyFile, 2)
		if n := number(); n != 2 {
			t.Errorf("renewed, certificate %d", n)
		}
		if err := os.WriteFile(keyFile, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		if n := number(); n != 2 {
			t.Errorf("while the key is being written, certificate %d", n)
		}
		certify(t, certFile, keyFile, 3)
		if n := number(); n != 3 {
			t.Errorf("renewed once more, certificate %d", n)
		}
	})
}
