package jitter

// A concealer makes up what was lost, in the manner of ITU-T G.711, appendix I: the last pitch period goes on, after 10 ms the last two and after 20 ms the
// last three, as one alone would buzz; from 10 ms on it fades, to the noise behind the speech.
type concealer struct {
	rate   int
	search search
	voice  []int16 // the last three periods and a quarter, of the longest that are looked for
	period int
	at     int     // in the loop
	gone   int     // samples that were made up
	step   float32 // by which the loop's first sample does not join what sounded
	noise  noise
}

// Times of the concealer, in ms.
const (
	whole  = 10 // made up as loud as before
	fading = 60 // until there is noise alone
	joint  = 4  // over which a step at the beginning is evened out
)

func newConcealer(rate int) concealer {
	s := search{least: rate / 400, most: rate * 15 / 1000, window: rate / 50, stride: max(1, rate/8000)}
	return concealer{rate: rate, search: s, voice: make([]int16, 3*s.most+s.most/4+1), noise: noise{seed: 1}}
}

// history is how much of the line a concealer looks at.
func (c *concealer) history() int { return max(len(c.voice), c.search.most+c.search.window) }

// begin looks at the end of a line, which is as long as history at least. soon: what ended was silence, so that noise may take its place at once.
func (c *concealer) begin(pcm []int16, soon bool) {
	c.period, _ = c.search.lag(pcm, len(pcm)-c.search.window, false)
	copy(c.voice, pcm[len(pcm)-len(c.voice):])
	c.at, c.gone = 0, 0
	c.step = float32(pcm[len(pcm)-1]) - float32(pcm[len(pcm)-1-c.period])
	if soon {
		c.gone = c.rate * (fading - joint) / 1000
	}
}

// faded says whether there is noise alone.
func (c *concealer) faded() bool { return c.gone >= c.rate*fading/1000 }

// fill goes on with what is made up.
func (c *concealer) fill(pcm []int16) {
	for i := range pcm {
		pcm[i] = round(c.sample())
	}
}

// sample is the next one.
func (c *concealer) sample() float32 {
	gone, ms := c.gone, c.rate/1000
	c.gone++
	if gone >= fading*ms {
		return c.noise.sample()
	}
	loud := float32(1)
	if gone > whole*ms {
		loud = 1 - float32(gone-whole*ms)/float32((fading-whole)*ms)
	}
	periods := min(1+gone/(whole*ms), 3)
	v := c.loop(periods)
	// A longer loop takes over within a quarter of a period.
	if into := gone - (periods-1)*whole*ms; periods > 1 && into < c.period/4 {
		w := ramp(into, c.period/4)
		v = v*w + c.loop(periods-1)*(1-w)
	}
	if c.at < joint*ms {
		v += c.step * (1 - ramp(c.at, joint*ms))
	}
	c.at++
	if loud == 1 {
		return v
	}
	return v*loud + c.noise.sample()*(1-loud)
}

// loop is the sample at which a loop of so many periods is. Its last quarter of a period is blended with what comes before its first.
func (c *concealer) loop(periods int) float32 {
	n, quarter := periods*c.period, c.period/4
	at := c.at % n
	v := float32(c.voice[len(c.voice)-n+at])
	if into := at - (n - quarter); into >= 0 {
		w := ramp(into, quarter)
		v = v*(1-w) + float32(c.voice[len(c.voice)-2*n+at])*w
	}
	return v
}

// join blends what was made up into what goes on: speech over speech, and speech beside noise, of which nothing is taken away.
func (c *concealer) join(pcm []int16) {
	ms := c.rate / 1000
	if c.faded() {
		n := min(len(pcm), joint*ms)
		for i := range n {
			pcm[i] = round(float32(pcm[i]) + c.sample()*(1-ramp(i, n)))
		}
		return
	}
	n := min(len(pcm), joint*ms+c.gone*joint/whole, whole*ms)
	for i := range n {
		w := ramp(i, n)
		pcm[i] = round(c.sample()*(1-w) + float32(pcm[i])*w)
	}
}
