package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/fingerprint"
	"github.com/pion/ice/v4"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v4"
	"github.com/pion/transport/v4/deadline"

	"parley/bench/phones"
)

// payloadType is Opus's in our offers.
const payloadType = 111

// checkAgain is when a check is sent again that nothing has answered.
const checkAgain = 100 * time.Millisecond

// A browser is one page's end of a call. While it connects its own goroutine runs it, then the crowd's thread.
type browser struct {
	crowd *crowd
	from  netip.Addr
	to    netip.AddrPort // the server's candidate
	ufrag string
	pwd   string
	peer  credentials
	token string

	answered chan struct{} // 1: a check was
	come     chan []byte   // DTLS
	late     *deadline.Deadline
	conn     *dtls.Conn
	out, in  *srtp.Context
	ready    atomic.Bool // there are keys

	stream // the crowd's
}

// credentials are ICE's.
type credentials struct{ ufrag, pwd string }

func newBrowser(c *crowd, n int) *browser {
	return &browser{
		crowd: c, from: phones.Address(n), ufrag: word(4), pwd: word(12), token: word(16),
		answered: make(chan struct{}, 1), come: make(chan []byte, 64), late: deadline.New(),
		stream: stream{header: rtp.Header{Version: 2, PayloadType: payloadType, SSRC: uint32(n) + 1}, said: n * 17}, //nolint:gosec // few
	}
}

// word is one that nobody guesses, of so many bytes.
func word(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails (crypto/rand)
	return hex.EncodeToString(b)
}

// connect opens a call: the offer, the check, the keys.
func (b *browser) connect(ctx context.Context, server string) error {
	if err := b.offer(ctx, "http://"+server+whipPath); err != nil {
		return err
	}
	b.crowd.meet(b)
	if err := b.check(ctx); err != nil {
		return err
	}
	return b.agree(ctx)
}

// offer asks the server for a call (RFC 9725).
func (b *browser) offer(ctx context.Context, to string) error {
	text := strings.ReplaceAll(fmt.Sprintf(`v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=audio 9 UDP/TLS/RTP/SAVPF %[1]d
c=IN IP4 0.0.0.0
a=ice-ufrag:%[2]s
a=ice-pwd:%[3]s
a=ice-options:trickle
a=fingerprint:sha-256 %[4]s
a=setup:active
a=mid:0
a=sendrecv
a=msid:page sound
a=rtcp-mux
a=rtpmap:%[1]d opus/48000/2
a=fmtp:%[1]d minptime=10;useinbandfec=1
a=ssrc:%[5]d cname:page
`, payloadType, b.ufrag, b.pwd, b.crowd.print, b.header.SSRC), "\n", "\r\n")
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(text))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/sdp")
	r.Header.Set("Authorization", "Bearer "+b.token)
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("offer: %w", err)
	}
	answer, err := io.ReadAll(a.Body)
	_ = a.Body.Close()
	if err == nil && a.StatusCode != http.StatusCreated {
		err = fmt.Errorf("answered %d: %s", a.StatusCode, answer)
	}
	if err == nil {
		err = b.read(string(answer))
	}
	if err != nil {
		return fmt.Errorf("offer: %w", err)
	}
	return nil
}

// read takes from an answer where the server is, and who.
func (b *browser) read(answer string) error {
	for line := range strings.SplitSeq(answer, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		switch name {
		case "a=ice-ufrag":
			b.peer.ufrag = value
		case "a=ice-pwd":
			b.peer.pwd = value
		case "a=candidate":
			if f := strings.Fields(value); len(f) > 5 && strings.EqualFold(f[2], "udp") && !b.to.IsValid() {
				at, err := netip.ParseAddrPort(net.JoinHostPort(f[4], f[5]))
				if err != nil {
					return fmt.Errorf("read %q: %w", line, err)
				}
				b.to = at
			}
		}
	}
	if b.peer.ufrag == "" || b.peer.pwd == "" || !b.to.IsValid() {
		return fmt.Errorf("want credentials and a candidate in %q", answer)
	}
	return nil
}

// request is a check by which the server knows that the browser is there, and that this is the way to it (RFC 8445, section 7.2).
func (b *browser) request() ([]byte, error) {
	m, err := stun.Build(stun.BindingRequest, stun.TransactionID, stun.NewUsername(b.peer.ufrag+":"+b.ufrag), ice.UseCandidate(), ice.AttrControlling(1),
		ice.PriorityAttr(1), stun.NewShortTermIntegrity(b.peer.pwd), stun.Fingerprint)
	if err != nil {
		return nil, fmt.Errorf("make a check: %w", err)
	}
	return m.Raw, nil
}

// check sends checks until one is answered.
func (b *browser) check(ctx context.Context) error {
	again := time.NewTicker(checkAgain)
	defer again.Stop()
	for {
		request, err := b.request()
		if err != nil {
			return err
		}
		if _, err := b.WriteTo(request, nil); err != nil {
			return err
		}
		select {
		case <-b.answered:
			return nil
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for ICE: %w", context.Cause(ctx))
		}
	}
}

// agree shakes hands, and makes the keys of the sound (RFC 5764).
func (b *browser) agree(ctx context.Context) error {
	var err error
	b.conn, err = dtls.ClientWithOptions(b, net.UDPAddrFromAddrPort(b.to), dtls.WithCertificates(b.crowd.certificate),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM), dtls.WithInsecureSkipVerify(true), dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret))
	if err != nil {
		return fmt.Errorf("open DTLS: %w", err)
	}
	if err := b.conn.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("shake hands: %w", err)
	}
	state, ok := b.conn.ConnectionState()
	if !ok {
		return errors.New("the handshake is not over")
	}
	keys := srtp.Config{Profile: srtp.ProtectionProfileAeadAes128Gcm}
	if err := keys.ExtractSessionKeysFromDTLS(&state, true); err != nil {
		return fmt.Errorf("make keys: %w", err)
	}
	k := keys.Keys
	if b.out, err = srtp.CreateContext(k.LocalMasterKey, k.LocalMasterSalt, keys.Profile); err == nil {
		b.in, err = srtp.CreateContext(k.RemoteMasterKey, k.RemoteMasterSalt, keys.Profile)
	}
	if err != nil {
		return fmt.Errorf("make keys: %w", err)
	}
	b.ready.Store(true)
	return nil
}

// close says goodbye.
func (b *browser) close() {
	if b.conn != nil {
		_ = b.conn.Close() // the server may be gone
	}
}

// fingerprintOf names a certificate in an offer.
func fingerprintOf(c tls.Certificate) (string, error) {
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		return "", err
	}
	return fingerprint.Fingerprint(leaf, crypto.SHA256)
}

// ReadFrom and what follows are the browser's way as DTLS sees it.
func (b *browser) ReadFrom(p []byte) (int, net.Addr, error) {
	select {
	case packet, ok := <-b.come:
		if !ok {
			return 0, nil, net.ErrClosed
		}
		return copy(p, packet), net.UDPAddrFromAddrPort(b.to), nil
	case <-b.late.Done():
		return 0, nil, os.ErrDeadlineExceeded
	}
}

func (b *browser) WriteTo(p []byte, _ net.Addr) (int, error) {
	return len(p), b.crowd.send([]phones.Datagram{{From: b.from, To: b.to, Data: p}})
}

func (b *browser) Close() error                       { b.late.Set(time.Unix(0, 1)); return nil }
func (b *browser) LocalAddr() net.Addr                { return &net.UDPAddr{IP: b.from.AsSlice()} }
func (b *browser) SetDeadline(t time.Time) error      { b.late.Set(t); return nil }
func (b *browser) SetReadDeadline(t time.Time) error  { b.late.Set(t); return nil }
func (b *browser) SetWriteDeadline(_ time.Time) error { return nil } // UDP does not wait
