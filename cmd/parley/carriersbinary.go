package main

import (
	"parley/media/stream"
)

// binarySockets are the settings of carriers whose sound comes in binary frames of a WebSocket.
type binarySockets struct {
	VonageSignatureSecret string `name:"vonage-signature-secret" help:"Signature secret of the Vonage account (Dashboard, Settings), which signs webhooks. Empty: calls of Vonage's are not taken." var:"VONAGE_SIGNATURE_SECRET"`
	VonageRate            int    `name:"vonage-rate" help:"Samples a second of Vonage's calls: 8000, as telephones have; or 16000 or 24000, for callers who come by an app." default:"8000" enum:"8000,16000,24000" var:"VONAGE_RATE"`
}

// host is what the sockets of a carrier need of this server.
func (s *server) host() stream.Host {
	return stream.Host{PublicURL: s.cfg.PublicURL, Answer: s.answer, Accepting: s.welcome, Log: s.log}
}

// listenBinary takes the calls of those carriers whose secrets are set.
func (s *server) listenBinary() error {
	if s.cfg.VonageSignatureSecret == "" {
		return nil
	}
	secret, err := s.cfg.master(s.cfg.DataDir)
	if err != nil {
		return err
	}
	v := &stream.Vonage{Host: s.host(), SignatureSecret: s.cfg.VonageSignatureSecret, Secret: []byte(secret), Rate: s.cfg.VonageRate}
	s.doors = append(s.doors, door{v, &v.Host})
	return nil
}
