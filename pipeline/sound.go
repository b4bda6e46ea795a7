package pipeline

// Sound is how much sound went through calls, and where it was lost. Frames are of 20 ms; counts only grow.
type Sound struct {
	Heard  int64 // frames that came from callers while somebody was there to hear them
	Sent   int64 // frames that went to carriers
	Behind int64 // frames that recognisers did not take, since they were behind
	Dry    int64 // times that an agent's speech broke off since its voice brought no more of it in time
	Late   int64 // times that it broke off since it was sent too late
}

func (s *Sound) add(o Sound) {
	s.Heard += o.Heard
	s.Sent += o.Sent
	s.Behind += o.Behind
	s.Dry += o.Dry
	s.Late += o.Late
}

// passed is a call's. Its counters are each written by one goroutine; nobody waits for who reads them.
func (c *Call) passed() Sound {
	s := Sound{Heard: c.heard.Load(), Behind: c.drops.Load()}
	if c.ready.Load() { // else there is no playout, or not for others to see
		p := c.playout.Stats()
		s.Sent, s.Dry, s.Late = p.Sent, p.Dry, p.Late
	}
	return s
}

// Sound is that of all calls since the Switchboard was made, those in progress included. It costs a few loads a call.
func (s *Switchboard) Sound() Sound {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.past
	for _, c := range s.calls {
		all.add(c.passed())
	}
	return all
}
