package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// A pair is a certificate of this run and its key, in files as parley serve wants them.
type pair struct {
	cert, key string
	tls       tls.Certificate
	pool      *x509.CertPool
}

// newPair makes a certificate for this machine that is good for a day.
func newPair(dir string) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	of := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sipp"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	p := &pair{cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"), pool: x509.NewCertPool()}
	for path, block := range map[string]*pem.Block{p.cert: {Type: "CERTIFICATE", Bytes: der}, p.key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			return nil, err
		}
	}
	p.tls, err = tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		return nil, err
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	p.pool.AddCert(made)
	return p, nil
}

// env are a server's settings for it.
func (p *pair) env() []string {
	return []string{"PARLEY_SIP_TLS_CERT=" + p.cert, "PARLEY_SIP_TLS_KEY=" + p.key}
}

// roots trust it.
func (p *pair) roots() *tls.Config { return &tls.Config{RootCAs: p.pool, MinVersion: tls.VersionTLS12} }

// A door is where sipp calls, or is called. sipp as Debian has it speaks no TLS: a door of TLS does, and says to sipp over TCP what it hears.
//
//	sipp ── TCP ──▶ door ── TLS ──▶ parley serve            sip.Agent ── TLS ──▶ door ── TCP ──▶ sipp
type door struct {
	to   string // where sipp calls
	port int    // where it is called; 0: at its own

	listener net.Listener
	open     func(context.Context) (net.Conn, error) // the other side of a connection
	stop     context.CancelFunc
	work     sync.WaitGroup
}

// door opens the door of a trial. sipp listens on port.
func (t *trial) door(ctx context.Context, b *bench, port int) (*door, error) {
	d := &door{}
	if t.scenario.role == callee {
		d.to = b.servers[t.server()].at[t.transport]
	}
	if t.transport != "tls" {
		return d, nil
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if t.scenario.role == callee {
		server := d.to
		d.to, d.listener = l.Addr().String(), l
		d.open = func(ctx context.Context) (net.Conn, error) {
			return (&tls.Dialer{Config: b.pair.roots()}).DialContext(ctx, "tcp", server)
		}
	} else {
		d.port, d.listener = l.Addr().(*net.TCPAddr).Port, tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{b.pair.tls}, MinVersion: tls.VersionTLS12})
		d.open = func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		}
	}
	ctx, d.stop = context.WithCancel(ctx)
	d.work.Go(func() { d.serve(ctx) })
	return d, nil
}

// serve joins each connection with one to the other side, until the door is closed.
func (d *door) serve(ctx context.Context) {
	for {
		near, err := d.listener.Accept()
		if err != nil {
			return
		}
		d.work.Go(func() {
			far, err := d.open(ctx)
			if err != nil { // who waits there sees that nobody comes
				_ = near.Close()
				return
			}
			both := func() { _ = errors.Join(near.Close(), far.Close()) } // the scenario has ended
			defer context.AfterFunc(ctx, both)()
			d.work.Go(func() { _, _ = io.Copy(far, near); both() })
			_, _ = io.Copy(near, far) // what is lost of it the scenario misses
			both()
		})
	}
}

// close ends what goes through.
func (d *door) close() {
	if d.listener == nil {
		return
	}
	d.stop()
	_ = d.listener.Close() // nobody comes any more
	d.work.Wait()
}
