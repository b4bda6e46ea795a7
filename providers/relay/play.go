package relay

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"parley/media"
	"parley/media/opus"
	"parley/media/resample"
	"parley/media/wav"
	"parley/pipeline"
)

// What may be played.
const (
	mostBytes    = 16 << 20
	mostSound    = 10 * time.Minute
	fetchLimit   = 6 * time.Second // less than a call waits for its responder
	mostRedirect = 3
)

// play plays a sound. What is wrong with it is told to the app, which may say something else then.
func (s *Session) play(ctx context.Context, m message, yield func(pipeline.Delta, error) bool) (played, alive bool) {
	rate := s.o.Call.Info.Rate
	pcm, err := s.o.Sounds.Fetch(ctx, m.source, rate)
	if err != nil {
		s.o.Log.Debug("a sound is not played", "call", s.o.ID, "err", err)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.send(failure{"error", "Cannot be played: play: source: " + err.Error()})
		return false, true
	}
	step := rate / 5
	for range m.loop {
		for at := 0; at < len(pcm); at += step {
			if !yield(pipeline.Delta{Aloud: &pipeline.Aloud{PCM: pcm[at:min(at+step, len(pcm))]}}, nil) {
				return true, false
			}
		}
	}
	return true, true
}

// Sounds is where sounds come from: apps name them by any URL.
type Sounds struct {
	Transport http.RoundTripper         // dials what may be dialled, and nothing else
	Check     func(target string) error // says why a URL may not be asked
}

// Fetch fetches a sound, as samples of a rate. Each redirect is looked at like the first address.
func (s Sounds) Fetch(ctx context.Context, source string, rate int) ([]int16, error) {
	if err := s.Check(source); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	client := &http.Client{Transport: s.Transport, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > mostRedirect {
			return errors.New("it leads on too often")
		}
		r.Header.Del("Referer")
		return s.Check(r.URL.String())
	}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, source, nil)
	if err != nil {
		return nil, errors.New("is no URL")
	}
	r.Header.Set("User-Agent", "Parley")
	answer, err := client.Do(r)
	if err != nil {
		if named, ok := errors.AsType[*url.Error](err); ok {
			err = named.Err // without the URL, which may hold a signature
		}
		return nil, fmt.Errorf("cannot be fetched: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answers %d", answer.StatusCode)
	}
	return decode(io.LimitReader(answer.Body, mostBytes), rate)
}

// decode reads a WAV or Ogg Opus file, mixed to one channel.
func decode(file io.Reader, rate int) ([]int16, error) {
	in := bufio.NewReader(file)
	head, _ := in.Peek(4)
	switch string(head) {
	case "RIFF":
		sound, err := wav.Read(in, mostBytes)
		if err != nil {
			return nil, fmt.Errorf("cannot be read: %w", err)
		}
		return tuned(mixed(sound), sound.Rate, rate)
	case "OggS":
		o, err := opus.NewReader(in, rate)
		if err != nil {
			return nil, fmt.Errorf("cannot be read: %w", err)
		}
		defer o.Close()
		return readAll(o, rate)
	}
	return nil, errors.New("is neither WAV nor Ogg Opus")
}

// readAll reads the sound of an Ogg Opus file.
func readAll(o *opus.Reader, rate int) (pcm []int16, err error) {
	buf := make([]int16, rate)
	for err == nil {
		var n int
		n, err = o.Read(buf)
		if pcm = append(pcm, buf[:n]...); media.Samples(len(pcm), rate) > mostSound {
			return nil, fmt.Errorf("is longer than %v", mostSound)
		}
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	return pcm, nil
}

// mixed is the mean of all channels.
func mixed(s wav.Sound) []int16 {
	if s.Channels == 1 {
		return s.PCM
	}
	pcm := make([]int16, len(s.PCM)/s.Channels)
	for i := range pcm {
		sum := 0
		for _, v := range s.PCM[i*s.Channels : (i+1)*s.Channels] {
			sum += int(v)
		}
		pcm[i] = int16(sum / s.Channels) //nolint:gosec // a mean of samples is one
	}
	return pcm
}

// tuned is a sound at another rate.
func tuned(pcm []int16, from, to int) ([]int16, error) {
	if media.Samples(len(pcm), from) > mostSound {
		return nil, fmt.Errorf("is longer than %v", mostSound)
	}
	if from == to {
		return pcm, nil
	}
	r, err := resample.New(from, to)
	if err != nil {
		return nil, fmt.Errorf("has %d samples a second, which cannot be played", from)
	}
	return r.Flush(r.Append(nil, pcm)), nil
}
