package score

import (
	"cmp"
	"context"

	"parley/media"
	"parley/media/legtest"
)

// A Guest is who answers when the call calls somebody (pipeline.Bridge). Its Script's times are from the guest's answer, and their words
// are heard by nobody: what they say is Tones.
type Guest struct {
	Rings  float64 // before they answer
	Err    error   // they do not
	Rate   int     // of their leg; default 8000
	Keys   bool    // their leg is a media.Keypad
	Script []Cue
}

// connecting is a leg whose carrier connects its far end with a guest's.
type connecting struct {
	media.Leg
	media.Marker
	handOver func(context.Context) error
}

// TransferTo implements media.Connector.
func (c connecting) TransferTo(ctx context.Context, _ media.Leg) error { return c.handOver(ctx) }

// dial is the score's pipeline.Parts.Dial; nil: it has none.
func (st *Stage) dial() func(context.Context, string) (media.Leg, error) {
	if st.score.Guest == nil {
		return nil
	}
	return func(ctx context.Context, to string) (media.Leg, error) {
		g := st.score.Guest
		if err := sleep(ctx, seconds(g.Rings)+phase); err != nil {
			return nil, err
		}
		if g.Err != nil {
			return nil, g.Err
		}
		info := media.Info{Kind: "score", ID: "CA2", To: to, Rate: cmp.Or(g.Rate, 8000), Outbound: true}
		leg, far := legtest.New(legtest.Line{Info: info, Open: true, Hum: 1, Keys: g.Keys})
		st.guest = &Stage{Leg: leg, Carrier: far, Call: st.Call, score: &Score{Caller: g.Script}}
		go st.guest.Script(ctx.Done())
		return leg, nil
	}
}

// closeGuest looks at what the guest has heard.
func (st *Stage) closeGuest() {
	if g := st.guest; g != nil {
		st.p.GuestHeard = g.Carrier.Heard()
		st.p.GuestCause, _ = g.Carrier.Cause()
		for _, k := range g.Carrier.Pressed() {
			st.p.GuestKeys += string(k.Key)
		}
		for _, s := range st.voice.decode(g.Carrier.Sounded(), g.Leg.Info().Rate) {
			st.p.GuestTold += s.Word + " "
		}
	}
}
