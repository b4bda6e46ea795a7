package score

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	"parley/media"
	"parley/media/dtmf"
	"parley/pipeline"
)

// phase keeps the deeds of a script off the grid of the frames.
const phase = 7 * time.Millisecond

// A Cue is one thing that a caller does, or that is done to the call.
type Cue struct {
	from, to time.Duration // of speech
	words    []string
	sure     bool
	deeds    []deed
}

// deed is what is done at an instant.
type deed struct {
	at time.Duration
	do func(*Stage)
}

// Says is clear speech from..to: the words take equal shares of the time.
func Says(words string, from, to float64) Cue {
	return Cue{from: seconds(from), to: seconds(to), words: strings.Fields(words), sure: true}
}

// Tones is a pure tone, or several at once, of -20 dBFS each: a beep, a fax, a ringback.
func Tones(from, to float64, hz ...float64) Cue {
	return does(from, func(st *Stage) {
		rate := st.Leg.Info().Rate
		pcm := make([]int16, int((to-from)*float64(rate)))
		for i := range pcm {
			for _, f := range hz {
				pcm[i] += int16(4600 * math.Cos(2*math.Pi*f*float64(i)/float64(rate)))
			}
			if pcm[i] == 0 { // as the open line never is: see silenced
				pcm[i] = 1
			}
		}
		_ = st.Carrier.Say(pcm)
	})
}

// Coughs is a loud sound without words.
func Coughs(from, to float64) Cue { return Cue{from: seconds(from), to: seconds(to), sure: true} }

// Rustles is a sound that is only barely like speech.
func Rustles(from, to float64) Cue { return Cue{from: seconds(from), to: seconds(to)} }

// Presses is keys, 200 ms apart.
func Presses(keys string, at float64) Cue {
	var c Cue
	for i, k := range keys {
		c.deeds = append(c.deeds, deed{seconds(at) + time.Duration(i)*200*time.Millisecond, func(st *Stage) { _ = st.Carrier.Press(k) }})
	}
	return c
}

// Sounds is keys, 200 ms apart, that are heard and not told of.
func Sounds(keys string, at float64) Cue {
	var pcm []int16
	for _, k := range keys {
		pcm = append(dtmf.Append(pcm, k, 8000), make([]int16, 160)...)
	}
	return does(at, func(st *Stage) { _ = st.Carrier.Say(pcm) })
}

// HangsUp ends the call from the far end.
func HangsUp(at float64) Cue { return does(at, func(st *Stage) { _ = st.Carrier.Stop() }) }

// LosesLine is a connection that breaks.
func LosesLine(at float64) Cue { return does(at, func(st *Stage) { _ = st.Carrier.Drop() }) }

// GoesSilent is the carrier's news that the far end's media stopped.
func GoesSilent(at float64) Cue { return tells(at, media.Note{Kind: media.Lost}) }

// Parks puts us on hold, from..to.
func Parks(from, to float64) Cue {
	c := tells(from, media.Note{Kind: media.Held})
	c.deeds = append(c.deeds, tells(to, media.Note{Kind: media.Resumed}).deeds...)
	return c
}

// Orders is a command from outside.
func Orders(cmd pipeline.Command, at float64) Cue {
	return does(at, func(st *Stage) { _ = st.Call.Do(context.Background(), cmd) })
}

// Stops is the house ending the call.
func Stops(cause media.Cause, at float64) Cue {
	return does(at, func(st *Stage) { st.Call.Stop(cause) })
}

// Does is anything else. It must not block.
func Does(at float64, f func(*Stage)) Cue { return does(at, f) }

func does(at float64, f func(*Stage)) Cue { return Cue{deeds: []deed{{seconds(at), f}}} }

func tells(at float64, n media.Note) Cue {
	return does(at, func(st *Stage) { _ = st.Carrier.Tell(n) })
}

// word i of the cue and when it has been said.
func (c Cue) word(i int) (text string, end time.Duration) {
	return c.words[i], c.from + (c.to-c.from)*time.Duration(i+1)/time.Duration(len(c.words))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// sleep waits for d, or as long as ctx lasts.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// A Fault is what goes wrong with a provider.
type Fault struct {
	Kind  Kind
	On    int // the use of the provider at which it happens, from 1; 0: every
	After int // pieces (words, deltas) that come before it
}

// Kind is a way in which a provider can fail.
type Kind uint8

// The kinds of Fault.
const (
	None     Kind = iota
	Hangs         // gives nothing more, until it is cancelled
	Ignores       // gives nothing more, and does not heed its context for 20 s
	Fails         // ends with an error
	StopsDry      // ends without an error
	Drips         // goes on, but far too slowly
	Panics
)

var errFault = errors.New("scripted fault")

// ignored is how long a provider hangs that does not heed its context, or has none.
const ignored = 20 * time.Second

// strike does what f says, if it says so of this use at this piece: over, if the provider is to end with err.
func (f Fault) strike(ctx context.Context, use, piece int) (over bool, err error) {
	if f.Kind == None || f.On != 0 && f.On != use || piece < f.After || piece > f.After && f.Kind != Drips {
		return false, nil
	}
	switch f.Kind {
	case Hangs:
		<-ctx.Done()
		return true, context.Cause(ctx)
	case Ignores:
		time.Sleep(ignored)
		return true, context.Cause(ctx)
	case Fails:
		return true, errFault
	case StopsDry:
		return true, nil
	case Drips:
		if err := sleep(ctx, 1900*time.Millisecond); err != nil {
			return true, err
		}
	case Panics:
		panic("scripted panic")
	}
	return false, nil
}
