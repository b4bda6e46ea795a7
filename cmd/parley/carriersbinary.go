package main

import (
	"fmt"

	"parley/control/lines"
	"parley/media/stream"
	"parley/pipeline"
	"parley/providers/vonage"
)

// binarySockets are the settings of carriers whose sound comes in binary frames of a WebSocket.
type binarySockets struct {
	VonageSignatureSecret string `name:"vonage-signature-secret" help:"Signature secret of the Vonage account (Dashboard, Settings), which signs webhooks. Empty: only calls by organisations' own applications are taken, where --public-url is set." var:"VONAGE_SIGNATURE_SECRET"`
	VonageRate            int    `name:"vonage-rate" help:"Samples a second of Vonage's calls: 8000, as telephones have; or 16000 or 24000, for callers who come by an app." default:"8000" enum:"8000,16000,24000" var:"VONAGE_RATE"`

	AsteriskPassword string `name:"asterisk-password" help:"Password with which one's own Asterisk dials /asterisk/media by chan_websocket, 16 characters or more. Empty: its calls are not taken there." var:"PARLEY_ASTERISK_PASSWORD"`

	FreeSWITCHToken string `name:"freeswitch-token" help:"Token with which one's own FreeSWITCH streams to /freeswitch/media by mod_audio_stream, 16 characters or more. Empty: its calls are not taken there." var:"PARLEY_FREESWITCH_TOKEN"`
	FreeSWITCHSound string `name:"freeswitch-sound" help:"How mod_audio_stream is sent sound: binary, or json (streamAudio)." default:"binary" enum:"binary,json" var:"PARLEY_FREESWITCH_SOUND"`
}

// secretLength is the fewest characters of a secret that alone lets somebody in.
const secretLength = 16

// check says what is wrong with them.
func (b *binarySockets) check() (bad []error) {
	for _, s := range [][2]string{{"asterisk-password", b.AsteriskPassword}, {"freeswitch-token", b.FreeSWITCHToken}} {
		if n := len(s[1]); n > 0 && n < secretLength {
			bad = append(bad, fmt.Errorf("--%s has %d characters: want %d or more", s[0], n, secretLength))
		}
	}
	return bad
}

// listenBinary takes the calls of those carriers whose secrets are set.
func (s *server) listenBinary() error {
	if c := s.cfg.binarySockets; c.VonageSignatureSecret != "" || s.cfg.PublicURL != "" {
		secret, err := s.cfg.master(s.cfg.DataDir)
		if err != nil {
			return err
		}
		v := &stream.Vonage{
			Host: s.host("vonage"), SignatureSecret: c.VonageSignatureSecret, Secret: []byte(secret), Rate: c.VonageRate, Admit: s.expected,
			Token: pipeline.TokenParam, Progress: s.progress(vonage.State), Accounts: s.signed(lines.VonageSigning),
		}
		s.doors = append(s.doors, door{v, &v.Host})
	}
	if password := s.cfg.AsteriskPassword; password != "" {
		a := &stream.Asterisk{Host: s.host("asterisk"), Password: password}
		s.doors = append(s.doors, door{a, &a.Host})
	}
	if token := s.cfg.FreeSWITCHToken; token != "" {
		f := &stream.FreeSWITCH{Host: s.host("freeswitch"), Token: token, JSON: s.cfg.FreeSWITCHSound == "json"}
		s.doors = append(s.doors, door{f, &f.Host})
	}
	return nil
}
