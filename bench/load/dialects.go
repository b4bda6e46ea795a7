package load

import (
	"maps"
	"slices"
	"strings"

	"parley/bench/carrier"
	"parley/bench/wire"
)

// dialects are what the carriers speak as which a load test can call.
var dialects = map[carrier.Kind]*wire.Dialect{
	carrier.Twilio: wire.Twilio, carrier.Telnyx: wire.Telnyx, carrier.Plivo: wire.Plivo, carrier.SignalWire: wire.SignalWire, carrier.Exotel: wire.Exotel,
	carrier.Vonage: wire.Vonage, carrier.Asterisk: wire.Asterisk, carrier.FreeSWITCH: wire.FreeSWITCH, carrier.Genesys: wire.Genesys,
	carrier.AudioSocket: wire.AudioSocket,
}

// carriers names the carriers as which a load test can call.
func carriers() string {
	var names []string
	for kind := range maps.Keys(dialects) {
		names = append(names, string(kind))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// schemes are those that the URL may have: who asks nobody dials a socket.
func (p *Plan) schemes() []string {
	switch p.Carrier {
	case carrier.Asterisk, carrier.FreeSWITCH, carrier.Exotel, carrier.Genesys:
		return []string{"http", "https", "ws", "wss"}
	}
	return []string{"http", "https"}
}
