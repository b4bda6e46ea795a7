package main

import (
	"strings"
	"testing"
)

func TestGenesysSettings(t *testing.T) {
	t.Parallel()
	const secret = "TXlTdXBlclNlY3JldEtleVRlbGxOby0xITJAMyM0JDU="
	for _, c := range []struct {
		settings contactCentre
		want     string // of what is wrong; empty: nothing
	}{
		{contactCentre{}, ""},
		{contactCentre{GenesysAPIKey: "k", GenesysSecret: secret}, ""},
		{contactCentre{GenesysAPIKey: "k"}, "want both"},
		{contactCentre{GenesysSecret: secret}, "want both"},
		{contactCentre{GenesysAPIKey: "k", GenesysSecret: "short"}, "base64 of at least 16 bytes"},
	} {
		bad := c.settings.check()
		if len(bad) > 1 || (len(bad) == 1) != (c.want != "") || len(bad) == 1 && !strings.Contains(bad[0].Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.settings, bad, c.want)
		}
	}
}
