package main

import (
	"errors"
	"fmt"
	"time"

	"parley/media/stream"
)

// contactCentre is how calls come from Genesys Cloud.
type contactCentre struct {
	GenesysAPIKey string `name:"genesys-api-key" help:"API key of the Audio Connector integration of Genesys Cloud. Empty: its calls are not taken." var:"GENESYS_API_KEY"`
	GenesysSecret string `name:"genesys-client-secret" help:"Client secret of that integration, in base64, which signs its connections." var:"GENESYS_CLIENT_SECRET"`
}

// check says what is wrong with it.
func (c *contactCentre) check() (bad []error) {
	if (c.GenesysAPIKey == "") != (c.GenesysSecret == "") {
		bad = append(bad, errors.New("--genesys-api-key and --genesys-client-secret: want both, or none"))
	}
	if _, err := stream.ParseGenesysSecret(c.GenesysSecret); c.GenesysSecret != "" && err != nil {
		bad = append(bad, fmt.Errorf("--genesys-client-secret: %w", err))
	}
	return bad
}

// genesysPatience is how long Genesys may take to answer that a call is over.
const genesysPatience = 5 * time.Second

// listenGenesys takes Genesys' calls, if its integration is known.
func (s *server) listenGenesys() error {
	if s.cfg.GenesysAPIKey == "" {
		return nil
	}
	secret, err := stream.ParseGenesysSecret(s.cfg.GenesysSecret)
	if err != nil {
		return fmt.Errorf("--genesys-client-secret: %w", err)
	}
	g := &stream.Genesys{Host: s.host("genesys"), APIKey: s.cfg.GenesysAPIKey, ClientSecret: secret}
	g.Limits.Linger = genesysPatience
	s.doors = append(s.doors, door{g, &g.Host})
	return nil
}
