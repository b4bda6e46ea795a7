package stream

import (
	"fmt"
	"strings"
)

// This file is SignalWire's dialect (signalwire.com/docs, cXML <Stream>): Twilio's messages word for word, in more codecs. What it calls linear
// sound in a start is on no page that was at hand, nor the order of its bytes: OpenAI's voices take what comes and give what goes as it is, so
// the lower byte is the first.

// signalwireDialect is SignalWire's.
var signalwireDialect = dialect{
	kind:  "signalwire",
	parse: parseTwilio,
	sound: func(s *start) (sounds, error) {
		f := format{rate: s.rate}
		switch encoding, _, _ := strings.Cut(strings.ToLower(strings.TrimPrefix(s.encoding, "audio/")), "@"); encoding {
		case "x-mulaw", "mulaw", "pcmu":
		case "x-alaw", "alaw", "pcma":
			f.coding = alaw
		case "x-l16", "l16":
			f.coding = linear
		default:
			f.rate = 0
		}
		if f.rate == telephone.rate || f.coding == linear && (f.rate == 16000 || f.rate == 24000) {
			return sounds{f, f}, nil
		}
		return sounds{}, fmt.Errorf("want PCMU or PCMA at 8000, or L16 at 8000, 16000 or 24000, not %.32q at %d", s.encoding, s.rate)
	},
	words: twilioDialect.words,
}
