package sip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"parley/media/rtp"
	"parley/media/sip/sdp"
)

// A voice is the media of a dialog: what both ends have agreed on, and the session that carries it. It belongs to its Leg's loop, but for
// the session.
type voice struct {
	session *rtp.Session
	said    sdp.Session
	local   sdp.Local
	chosen  sdp.Chosen
	agreed  bool // chosen is what both ends have said
	silence time.Duration
	jitter  rtp.Jitter
	source  netip.Addr // of the far end's signalling
	latch   bool       // media may come from elsewhere than the far end says

	certificate *rtp.Certificate // ours, of DTLS; nil: there is none
	shakes      bool             // our offers are of DTLS
	secure      func()           // makes the handshake of DTLS that was agreed on; nil: the call is not answered yet
}

// terms are what one call's media is bound to.
type terms struct {
	face      netip.Addr // ours, as the far end sees it
	peer      netip.Addr // the far end, as we see it
	codecs    []sdp.Codec
	crypto    sdp.Mode
	symmetric bool
}

// voice opens a port for a call.
func (a *Agent) voice(ctx context.Context, t terms) (*voice, error) {
	session, err := a.o.Ports.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open media: %w", err)
	}
	v := &voice{session: session, silence: a.o.Silence, jitter: a.o.Jitter, certificate: a.certificate, shakes: a.o.DTLS}
	v.meet(t)
	return v, nil
}

// meet is the beginning with a far end: nothing is agreed on yet.
func (v *voice) meet(t terms) {
	v.source, v.latch = t.peer, t.symmetric
	v.said.ID = uint64(time.Now().UnixMicro()) //nolint:gosec // after 1970
	v.local = sdp.Local{
		Address: netip.AddrPortFrom(t.face, v.session.Local().Port()), Codecs: t.codecs, Events: true, Crypto: t.crypto, Loopback: t.peer.IsLoopback(),
	}
	if t.crypto != sdp.None {
		v.local.Keys = sdp.NewKeys(sdp.AES128SHA80, sdp.AES256GCM)
	}
	if v.certificate != nil {
		v.local.Fingerprint = v.certificate.Fingerprint().String()
		v.local.DTLS, v.local.Mux = v.shakes, v.shakes
	}
}

// towards is the same session's voice with another far end. What v has agreed on holds until that is (take).
func (v *voice) towards(t terms) *voice {
	next := &voice{session: v.session, silence: v.silence, jitter: v.jitter, certificate: v.certificate, shakes: v.shakes}
	next.meet(t)
	return next
}

// take makes v what next is. The session, which others use meanwhile, is theirs both.
func (v *voice) take(next *voice) {
	v.said, v.local, v.chosen, v.agreed = next.said, next.local, next.chosen, next.agreed
	v.source, v.latch = next.source, next.latch
	if v.secure != nil {
		v.secure()
	}
}

// rest has the session neither send nor expect anything, until it is agreed on what goes on.
func (v *voice) rest() error {
	nobody := v.chosen
	nobody.Remote, nobody.RTCP = netip.AddrPort{}, netip.AddrPort{}
	return v.apply(nobody)
}

// describe answers the offer of an INVITE; late: it has made none, and ours is in the answer.
func (v *voice) describe(req *gosip.Request) (body []byte, late bool, err error) {
	if len(req.Body()) == 0 {
		return v.offer(), true, nil
	}
	body, err = v.answer(req.Body())
	return body, false, err
}

// answer answers their offer.
func (v *voice) answer(offer []byte) ([]byte, error) {
	d, err := sdp.Parse(offer)
	if err != nil {
		return nil, err
	}
	if theirs, ok := d.Audio(); ok {
		v.local.Mux = theirs.Shakes() // one handshake for both; in the clear two ports are as good
		v.local.Wait = v.elsewhere(theirs.Address)
	}
	body, chosen, err := v.said.Answer(d, v.local)
	if err != nil {
		return nil, err
	}
	return body, v.apply(chosen)
}

// offer is ours.
func (v *voice) offer() []byte { return v.said.Offer(v.local) }

// settle takes their answer to our offer.
func (v *voice) settle(answer []byte) error {
	d, err := sdp.Parse(answer)
	if err != nil {
		return err
	}
	chosen, err := sdp.Settle(v.local, d)
	if err != nil {
		return err
	}
	return v.apply(chosen)
}

// errUseless is of what both ends could agree on, and no session can carry.
var errUseless = errors.New("media that cannot be carried")

// elsewhere says whether media may come from elsewhere than from an address that the far end says: a private one that is not where it calls from.
func (v *voice) elsewhere(says netip.Addr) bool { return v.latch || inside(says) && says != v.source }

// begin makes the handshake that was agreed on, if there is one, and from now on every further one. The call is answered: before, it might still
// be another of many that ring.
func (v *voice) begin(a *Agent) {
	v.secure = func() {
		if v.local.Mux = v.chosen.Mux; v.chosen.Print != "" {
			a.work.Go(func() { v.session.Secure(a.ctx) })
		}
	}
	v.secure()
}

// apply tells the session what was agreed on. What is secured by DTLS stays so in our offers, so that nothing changes of itself.
func (v *voice) apply(c sdp.Chosen) error {
	config := rtp.Config{
		Remote: c.Remote, Control: c.RTCP, Mux: c.Mux,
		Codec: rtp.Codec{Name: c.Codec.Name, PT: c.Codec.PT, Clock: c.Codec.Clock, Ptime: c.Ptime, Fmtp: c.Codec.Fmtp},
		Hear:  c.HearPT, HearEvents: c.HearEvents,
		Events: c.Events, EventsClock: c.EventClock, Direction: rtp.Direction(c.Direction), Timeout: v.silence, Jitter: v.jitter,
		Symmetric: v.elsewhere(c.Remote.Addr()),
	}
	if !c.Remote.IsValid() { // held as before RFC 3264
		config.Remote, config.Direction = netip.AddrPortFrom(netip.IPv4Unspecified(), discard), rtp.Inactive
	}
	if c.Send != nil && c.Hear != nil {
		config.Keys = &rtp.Keys{Suite: rtp.Suite(c.Send.Suite), Local: join(c.Send), Remote: join(c.Hear)}
	}
	if c.Print != "" {
		theirs, err := rtp.ParseFingerprint(c.Print)
		if err != nil {
			return fmt.Errorf("%w: %w", errUseless, err)
		}
		config.DTLS = &rtp.Handshake{Certificate: v.certificate, Theirs: theirs, Active: c.Active}
	}
	if err := v.session.Configure(config); err != nil {
		return fmt.Errorf("%w: %w", errUseless, err)
	}
	v.chosen, v.agreed = c, true
	v.local.Made, v.local.DTLS = c, c.Print != ""
	if v.secure != nil {
		v.secure()
	}
	return nil
}

// join is a master key and its salt, one after the other.
func join(k *sdp.Key) []byte { return append(append([]byte(nil), k.Master...), k.Salt...) }

// status is what a request is refused with whose description failed.
func status(err error) int {
	if errors.Is(err, errUseless) {
		return 488
	}
	return sdp.Status(err)
}
