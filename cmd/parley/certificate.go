package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

// A certificate is that of a listener, read again when its files have changed: they are renewed while the server runs. It may be asked by any
// goroutine.
type certificate struct {
	cert, key string // files
	of        atomic.Pointer[certificateFiles]
	looked    atomic.Int64 // when the files were last looked at, in nanoseconds
}

// certificateFiles are a certificate as its files had it when they were read.
type certificateFiles struct {
	pair   tls.Certificate
	stamps [2]fileStamp
}

// A fileStamp tells a file from what it was before.
type fileStamp struct {
	changed time.Time
	size    int64
}

// lookEvery is how often the files are looked at, while handshakes come.
const lookEvery = time.Second

// renewed are the settings of a listener with the certificate of these files.
func renewed(cert, key string) (*tls.Config, error) {
	c := &certificate{cert: cert, key: key}
	if err := c.read(); err != nil {
		return nil, err
	}
	return &tls.Config{GetCertificate: c.get, MinVersion: tls.VersionTLS12}, nil
}

// get is tls.Config's: the certificate of now. Files that cannot be used, such as while they are being written, leave that of before, and are
// tried again.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	last, now := c.looked.Load(), time.Now().UnixNano()
	if time.Duration(now-last) >= lookEvery && c.looked.CompareAndSwap(last, now) {
		_ = c.read()
	}
	return &c.of.Load().pair, nil
}

// read reads the files, if they are not as they were.
func (c *certificate) read() error {
	var now certificateFiles
	for i, name := range []string{c.cert, c.key} {
		at, err := os.Stat(name)
		if err != nil {
			return fmt.Errorf("look at certificate: %w", err)
		}
		now.stamps[i] = fileStamp{at.ModTime(), at.Size()}
	}
	if before := c.of.Load(); before != nil && before.stamps == now.stamps {
		return nil
	}
	var err error
	if now.pair, err = tls.LoadX509KeyPair(c.cert, c.key); err != nil {
		return fmt.Errorf("read certificate: %w", err)
	}
	c.of.Store(&now)
	return nil
}
