package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/media/rtp"
	"parley/media/sip"
	"parley/media/sip/digest"
	"parley/media/sip/sdp"
)

// telephony is how calls come by SIP, and where their sound goes.
type telephony struct {
	SIPListen   []string      `name:"sip-listen" help:"Where SIP is listened to, such as udp://0.0.0.0:5060,tcp://0.0.0.0:5060,tls://0.0.0.0:5061; separated by commas. Empty: no calls come or go by SIP." placeholder:"URL" var:"PARLEY_SIP_LISTEN"`
	SIPTLSCert  string        `name:"sip-tls-cert" help:"File of the certificate (PEM, with its chain) of tls:// listeners." type:"path" var:"PARLEY_SIP_TLS_CERT"`
	SIPTLSKey   string        `name:"sip-tls-key" help:"File of its key (PEM)." type:"path" var:"PARLEY_SIP_TLS_KEY"`
	SIPExternal string        `name:"sip-external-address" help:"Address at which far ends outside of private networks reach this machine, where that is not its own: behind a translation of addresses. Empty: that of the interface that leads to them." placeholder:"IP" var:"PARLEY_SIP_EXTERNAL_ADDRESS"`
	SIPOpen     []string      `name:"sip-open" help:"Networks from which anybody may call by SIP, without a trunk or a password; separated by commas." placeholder:"CIDR" default:"127.0.0.0/8,::1/128" var:"PARLEY_SIP_OPEN"`
	SIPSRTP     string        `name:"sip-srtp" help:"Encryption of sound: none, allow (where the far end has it: DTLS, or SDES, whose keys are exchanged over TLS alone), require, dtls (as require, and placed calls offer DTLS in place of SDES)." default:"allow" enum:"none,allow,require,dtls" var:"PARLEY_SIP_SRTP"`
	SIPCodecs   []string      `name:"sip-codecs" help:"Codecs of calls by SIP, the preferred one first, where the trunk has no list of its own: opus, G722, PCMU, PCMA." default:"opus,G722,PCMU,PCMA" var:"PARLEY_SIP_CODECS"`
	SIPSession  time.Duration `name:"sip-session" help:"A call by SIP whose far end gives no sign of life for so long is over (RFC 4028); 90s to 24h." default:"30m" var:"PARLEY_SIP_SESSION"`

	SIPDigest    []string      `name:"sip-digest" help:"Algorithms with which telephones may prove their passwords, in the order in which they are offered: SHA-256, MD5. Many know MD5 alone, and fail where another is offered with it." default:"MD5" var:"PARLEY_SIP_DIGEST"`
	SIPRing      time.Duration `name:"sip-ring" help:"How long a call by SIP rings before it is answered; 0s to 1m." default:"0s" var:"PARLEY_SIP_RING"`
	SIPEarly     bool          `name:"sip-early-media" help:"Tell callers by SIP while it rings where their sound goes (183), so that the first words of both sides are not lost." var:"PARLEY_SIP_EARLY_MEDIA"`
	SIPRedirects int           `name:"sip-redirects" help:"How many times a call that is placed by SIP follows the far end to another address (3xx): where to, it alone says; 0 to 5." default:"0" var:"PARLEY_SIP_REDIRECTS"`
	SIPRefer     string        `name:"sip-refer" help:"What comes of a far end's wish (REFER) that its call by SIP goes on with somebody else: refuse, trunk (they are called by the trunk of the call's number, and nowhere else, if the organisation may call them)." default:"refuse" enum:"refuse,trunk" var:"PARLEY_SIP_REFER"`

	RTPPorts   string        `name:"rtp-ports" help:"UDP ports of calls' sound, first and last; two a call, and for 30s after it." default:"10000-20000" var:"PARLEY_RTP_PORTS"`
	RTPBind    string        `name:"rtp-bind" help:"Address that these ports are opened on; :: takes IPv6 and IPv4." default:"0.0.0.0" var:"PARLEY_RTP_BIND"`
	RTPTimeout time.Duration `name:"rtp-timeout" help:"A call by SIP from which no sound comes for so long, while it is not on hold, is lost; 1s to 1h." default:"30s" var:"PARLEY_RTP_TIMEOUT"`
}

// referTrunk is the --sip-refer that calls others.
const referTrunk = "trunk"

// check says all that is wrong with it.
func (c *telephony) check() (bad []error) {
	secure := false
	for _, text := range c.SIPListen {
		l, err := sip.ParseListener(strings.TrimSpace(text))
		if err != nil {
			bad = append(bad, fmt.Errorf("--sip-listen has %w", err))
		}
		secure = secure || l.Transport == "tls"
	}
	if secure && (c.SIPTLSCert == "" || c.SIPTLSKey == "") {
		bad = append(bad, errors.New("--sip-listen has a tls:// address: --sip-tls-cert and --sip-tls-key are not set"))
	}
	if a, err := netip.ParseAddr(c.SIPExternal); c.SIPExternal != "" && (err != nil || a.IsUnspecified()) {
		bad = append(bad, fmt.Errorf("--sip-external-address is %q: want an address such as 198.51.100.7", c.SIPExternal))
	}
	if _, err := c.openNetworks(); err != nil {
		bad = append(bad, err)
	}
	if _, err := c.codecs(); err != nil {
		bad = append(bad, err)
	}
	if _, err := c.digests(); err != nil {
		bad = append(bad, err)
	}
	if c.SIPSession < 90*time.Second || c.SIPSession > 24*time.Hour {
		bad = append(bad, fmt.Errorf("--sip-session is %v: want 90s to 24h", c.SIPSession))
	}
	if c.SIPRing < 0 || c.SIPRing > time.Minute {
		bad = append(bad, fmt.Errorf("--sip-ring is %v: want 0s to 1m", c.SIPRing))
	}
	if c.SIPRedirects < 0 || c.SIPRedirects > 5 {
		bad = append(bad, fmt.Errorf("--sip-redirects is %d: want 0 to 5", c.SIPRedirects))
	}
	if _, _, err := c.ports(); err != nil {
		bad = append(bad, err)
	}
	if _, err := netip.ParseAddr(c.RTPBind); err != nil {
		bad = append(bad, fmt.Errorf("--rtp-bind is %q: want an address such as 0.0.0.0", c.RTPBind))
	}
	if c.RTPTimeout < time.Second || c.RTPTimeout > time.Hour {
		bad = append(bad, fmt.Errorf("--rtp-timeout is %v: want 1s to 1h", c.RTPTimeout))
	}
	return bad
}

// openNetworks are the networks of --sip-open.
func (c *telephony) openNetworks() (all []netip.Prefix, err error) {
	for _, text := range c.SIPOpen {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		p, err := netip.ParsePrefix(text)
		if a, aerr := netip.ParseAddr(text); aerr == nil {
			p, err = a.Prefix(a.BitLen())
		}
		if err != nil {
			return nil, fmt.Errorf("--sip-open has %q: want networks such as 10.0.0.0/8", text)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}

// codecs are those of --sip-codecs, in its order.
func (c *telephony) codecs() (all []sdp.Codec, err error) {
	for _, name := range c.SIPCodecs {
		found := false
		for _, one := range sdp.Codecs() {
			if strings.EqualFold(one.Name, strings.TrimSpace(name)) {
				all, found = append(all, one), true
			}
		}
		if !found {
			return nil, fmt.Errorf("--sip-codecs has %q: want opus, G722, PCMU or PCMA", name)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("--sip-codecs is empty: want at least one of opus, G722, PCMU, PCMA")
	}
	return all, nil
}

// digests are those of --sip-digest, in its order.
func (c *telephony) digests() (all []string, err error) {
	for _, name := range c.SIPDigest {
		at := slices.IndexFunc(digest.Algorithms(), func(one string) bool { return strings.EqualFold(one, strings.TrimSpace(name)) })
		if at < 0 {
			return nil, fmt.Errorf("--sip-digest has %q: want MD5 or SHA-256", name)
		}
		all = append(all, digest.Algorithms()[at])
	}
	if len(all) == 0 {
		return nil, errors.New("--sip-digest is empty: want at least one of MD5, SHA-256")
	}
	return all, nil
}

// ports are those of --rtp-ports.
func (c *telephony) ports() (first, last int, err error) {
	from, to, _ := strings.Cut(c.RTPPorts, "-")
	first, ferr := strconv.Atoi(strings.TrimSpace(from))
	last, lerr := strconv.Atoi(strings.TrimSpace(to))
	if ferr != nil || lerr != nil || first < 1024 || last > 65535 || last-first < 1 {
		return 0, 0, fmt.Errorf("--rtp-ports is %q: want two ports from 1024 to 65535 such as 10000-20000", c.RTPPorts)
	}
	return first + first%2, last, nil
}

// certificate is that of tls:// listeners; nil: none is set.
func (c *telephony) certificate() (*tls.Config, error) {
	if c.SIPTLSCert == "" && c.SIPTLSKey == "" {
		return nil, nil
	}
	secure, err := renewed(c.SIPTLSCert, c.SIPTLSKey)
	if err != nil {
		return nil, fmt.Errorf("read --sip-tls-cert and --sip-tls-key: %w", err)
	}
	return secure, nil
}

// userAgent are the options of an Agent, but for what it asks of the server.
func (c *telephony) userAgent() (o sip.Options, err error) {
	for _, text := range c.SIPListen {
		l, err := sip.ParseListener(strings.TrimSpace(text))
		if err != nil {
			return o, fmt.Errorf("--sip-listen has %w", err)
		}
		o.Listen = append(o.Listen, l)
	}
	if o.TLS, err = c.certificate(); err != nil {
		return o, err
	}
	if c.SIPExternal != "" {
		if o.External, err = netip.ParseAddr(c.SIPExternal); err != nil {
			return o, fmt.Errorf("--sip-external-address: %w", err)
		}
	}
	if o.Open, err = c.openNetworks(); err != nil {
		return o, err
	}
	if o.Codecs, err = c.codecs(); err != nil {
		return o, err
	}
	if o.Digest, err = c.digests(); err != nil {
		return o, err
	}
	o.SRTP = map[string]sdp.Mode{"none": sdp.None, "allow": sdp.Allow, "require": sdp.Require, "dtls": sdp.Require}[c.SIPSRTP]
	o.DTLS = c.SIPSRTP == "dtls"
	o.Session, o.Silence, o.Redirects = c.SIPSession, c.RTPTimeout, c.SIPRedirects
	bind, err := netip.ParseAddr(c.RTPBind)
	if err != nil {
		return o, fmt.Errorf("--rtp-bind: %w", err)
	}
	first, last, err := c.ports()
	if err != nil {
		return o, err
	}
	o.Ports, err = rtp.NewPorts(rtp.PortsOptions{Bind: bind, First: first, Last: last})
	return o, err
}
