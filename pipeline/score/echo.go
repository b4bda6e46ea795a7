package score

import (
	"slices"
	"time"
)

// An Echo sends what sounds at the far end back into its microphone, as a speakerphone does. The zero Echo is none.
type Echo struct {
	Delay  float64 // from the speaker to the recogniser
	Garble int     // every nth word is not understood as it was said; 0: none
	Upto   float64 // the caller picks up the handset then; 0: never
}

// hears is all that the microphone has caught: the caller's cues and, as cues too, the agent's words that came back.
func (st *Stage) hears() []Cue {
	e := st.score.Echo
	if e.Delay == 0 {
		return st.score.Caller
	}
	st.caught.Lock()
	defer st.caught.Unlock()
	if !st.caught.at.Equal(time.Now()) { // the ear asks, and then the recogniser
		st.caught.at, st.caught.cues = time.Now(), st.catch(e)
	}
	return st.caught.cues
}

// catch is what hears has caught by now.
func (st *Stage) catch(e Echo) []Cue {
	all := slices.Clone(st.score.Caller)
	stretches := st.Carrier.Sounded()
	if len(stretches) == 0 {
		return all
	}
	first := stretches[0].At.Sub(st.began)
	const thin = 8 // one sample of eight tells as much, and is read at every frame
	for k, s := range stretches {
		stretches[k].PCM = every(thin, s.PCM)
	}
	for i, s := range st.voice.decode(stretches, st.Leg.Info().Rate/thin) {
		c := Cue{from: first + s.From + seconds(e.Delay), sure: true}
		c.to = c.from + s.Took
		if e.Upto > 0 && c.from > seconds(e.Upto) {
			break
		}
		if s.Took > s.Full/2 {
			word := s.Word
			if e.Garble > 0 && (i+1)%e.Garble == 0 {
				word = "hay"
			}
			c.words = []string{word}
		}
		if c.from <= time.Since(st.began) {
			all = append(all, c)
		}
	}
	slices.SortStableFunc(all, func(a, b Cue) int { return int(a.from - b.from) })
	return all
}

// every is each n-th of pcm.
func every(n int, pcm []int16) []int16 {
	thinned := pcm[:0]
	for i := 0; i < len(pcm); i += n {
		thinned = append(thinned, pcm[i])
	}
	return thinned
}
