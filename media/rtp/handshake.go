package rtp

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/logging"
	"github.com/pion/transport/v4/packetio"
)

// A Handshake is DTLS as signalling has agreed on it (RFC 5763): who both ends are, and which of them begins.
type Handshake struct {
	Certificate *Certificate // ours
	Theirs      Fingerprint  // of the far end's: one with another certificate is a stranger
	Active      bool         // we begin, as DTLS's client
}

// check says what is wrong with a handshake. None is fine.
func (h *Handshake) check() error {
	if h != nil && (h.Certificate == nil || h.Theirs == Fingerprint{}) {
		return errors.New("DTLS: want our certificate, and the fingerprint of theirs")
	}
	return nil
}

// errStranger is of a certificate that signalling has not named.
var errStranger = errors.New("the certificate is not the one that signalling has named")

// flightTime is how long an answer may take before a flight of the handshake is sent again; each time twice as long.
const flightTime = 100 * time.Millisecond

// profiles are how SRTP is secured, in our order, by their names in DTLS (RFC 5764, section 4.1.2; RFC 7714, section 14.2).
var profiles = [...]struct {
	profile dtls.SRTPProtectionProfile
	suite   Suite
}{
	{dtls.SRTP_AEAD_AES_128_GCM, AES128GCM},
	{dtls.SRTP_AES128_CM_HMAC_SHA1_80, AES128SHA80},
	{dtls.SRTP_AEAD_AES_256_GCM, AES256GCM},
}

// Make makes the handshake over records, and takes the keys of the sound from it. The connection must be closed. proved says that the far end
// has shown that it is where it says it is, as ICE does: else DTLS asks it to, before anything large is sent there (RFC 6347, section 4.2.1).
func (h *Handshake) Make(ctx context.Context, over *Records, proved bool, log logging.LoggerFactory) (*dtls.Conn, *Keys, error) {
	conn, err := h.open(over, proved, log)
	if err != nil {
		return nil, nil, fmt.Errorf("open DTLS: %w", err)
	}
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("shake hands: %w", err), conn.Close())
	}
	keys, err := h.keys(conn)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("make SRTP keys: %w", err), conn.Close())
	}
	return conn, keys, nil
}

// open makes a connection on which nothing has been said.
func (h *Handshake) open(over *Records, proved bool, log logging.LoggerFactory) (*dtls.Conn, error) {
	names := make([]dtls.SRTPProtectionProfile, len(profiles))
	for i, p := range profiles {
		names[i] = p.profile
	}
	both := []dtls.Option{
		dtls.WithCertificates(h.Certificate.tls), dtls.WithSRTPProtectionProfiles(names...), dtls.WithFlightInterval(flightTime),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret), dtls.WithLoggerFactory(log), dtls.WithInsecureSkipVerify(true), // it is known by its fingerprint
		dtls.WithVerifyPeerCertificate(func(raw [][]byte, _ [][]*x509.Certificate) error {
			if len(raw) == 0 || !h.Theirs.is(raw[0]) {
				return errStranger
			}
			return nil
		}),
	}
	if h.Active {
		var options []dtls.ClientOption
		for _, o := range both {
			options = append(options, o)
		}
		return dtls.ClientWithOptions(over, faraway{}, options...)
	}
	options := []dtls.ServerOption{dtls.WithClientAuth(dtls.RequireAnyClientCert), dtls.WithInsecureSkipVerifyHello(proved)}
	for _, o := range both {
		options = append(options, o)
	}
	return dtls.ServerWithOptions(over, faraway{}, options...)
}

// keys are those that a handshake has made for SRTP (RFC 5764, section 4.2): the client's key, the server's, and their salts.
func (h *Handshake) keys(conn *dtls.Conn) (*Keys, error) {
	profile, _ := conn.SelectedSRTPProtectionProfile()
	for _, p := range profiles {
		if p.profile != profile {
			continue
		}
		key, salt, err := p.suite.KeySize()
		if err != nil {
			return nil, err
		}
		state, ok := conn.ConnectionState()
		if !ok {
			return nil, errors.New("the handshake is not over")
		}
		b, err := state.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", nil, 2*(key+salt))
		if err != nil {
			return nil, err
		}
		client, server, salts := b[:key:key], b[key:2*key:2*key], b[2*key:]
		client, server = append(client, salts[:salt]...), append(server, salts[salt:]...)
		if h.Active {
			return &Keys{Suite: p.suite, Local: client, Remote: server}, nil
		}
		return &Keys{Suite: p.suite, Local: server, Remote: client}, nil
	}
	return nil, errors.New("both ends have no way of securing sound in common")
}

// isRecord says whether what came to a port is DTLS (RFC 7983, section 7).
func isRecord(b []byte) bool { return len(b) > 0 && b[0] >= 20 && b[0] <= 63 }

// maxRecords is how many bytes of DTLS wait to be read at most.
const maxRecords = 1 << 17

// Records are a transport as DTLS sees it: what has come is given to Take, and what goes is written as the transport does. They must be closed,
// by themselves or by the connection that is made over them. Their methods may be called by any goroutine.
type Records struct {
	come  *packetio.Buffer
	write func([]byte) error // does not wait
}

var _ net.PacketConn = (*Records)(nil)

// NewRecords are those of a transport.
func NewRecords(write func(record []byte) error) *Records {
	r := &Records{packetio.NewBuffer(), write}
	r.come.SetLimitSize(maxRecords)
	return r
}

// Take takes what has come, if it is DTLS and there is room. It does not wait, and keeps a copy.
func (r *Records) Take(b []byte) {
	if isRecord(b) {
		_, _ = r.come.Write(b) // full: lost, as on any network
	}
}

// ReadFrom implements [net.PacketConn].
func (r *Records) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := r.come.Read(b)
	return n, faraway{}, err
}

// WriteTo implements [net.PacketConn]. A record that the transport does not take is lost: DTLS says it again.
func (r *Records) WriteTo(b []byte, _ net.Addr) (int, error) {
	if err := r.write(b); err != nil && errors.Is(err, ErrClosed) {
		return 0, err
	}
	return len(b), nil
}

// Close implements [net.PacketConn].
func (r *Records) Close() error { return r.come.Close() }

// LocalAddr implements [net.PacketConn].
func (r *Records) LocalAddr() net.Addr { return faraway{} }

// SetDeadline implements [net.PacketConn].
func (r *Records) SetDeadline(t time.Time) error { return r.come.SetReadDeadline(t) }

// SetReadDeadline implements [net.PacketConn].
func (r *Records) SetReadDeadline(t time.Time) error { return r.come.SetReadDeadline(t) }

// SetWriteDeadline implements [net.PacketConn]. Writing does not wait.
func (r *Records) SetWriteDeadline(time.Time) error { return nil }

// faraway stands for an address: where the far end is, the transport alone knows.
type faraway struct{}

func (faraway) Network() string { return "transport" }
func (faraway) String() string  { return "far end" }
