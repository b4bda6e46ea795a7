package elevenlabs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// What a caller decides by; other errors say that ElevenLabs cannot be reached, or is not what it was.
var (
	ErrNotFound = errors.New("elevenlabs: no such conversation")
	ErrPending  = errors.New("elevenlabs: the conversation is not finished yet")
)

// Limits of patience, and of what is read.
const (
	tries     = 3
	firstWait = 300 * time.Millisecond // before the second try; then twice that
	lastWait  = 5 * time.Second        // a server that wants a longer wait gets no further try
	oneTry    = 15 * time.Second
	maxBody   = 8 << 20
)

// A Remark is one thing that was said.
type Remark struct {
	Agent       bool // else the caller
	Text        string
	At          time.Duration // since the conversation began, in whole seconds
	Interrupted bool
}

// A Conversation is one that is over.
type Conversation struct {
	ID        string
	Failed    bool // else it is done
	Lines     []Remark
	Began     time.Time // zero: not told
	Length    time.Duration
	CallSID   string         // the carrier's id of the phone call; empty: not told
	Summary   string         // empty: none was made
	Success   string         // success, failure or unknown
	Collected map[string]any // the values of its data collection, by name
}

// Conversation fetches one. It tries again where that may help, as long as ctx lasts.
func (c *Client) Conversation(ctx context.Context, id string) (Conversation, error) {
	if err := c.Check(); err != nil {
		return Conversation{}, err
	}
	wait := firstWait
	for n := 1; ; n++ {
		v, again, err := c.try(ctx, id)
		if err == nil || again < 0 || n == tries || again > lastWait || ctx.Err() != nil {
			return v, err
		}
		timer := time.NewTimer(max(again, wait))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return v, err
		}
		wait *= 2
	}
}

// final says of an error that trying again does not help.
const final = -1

// try asks once. again is the least time to wait before another try, or final.
func (c *Client) try(ctx context.Context, id string) (v Conversation, again time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, oneTry)
	defer cancel()
	base, err := c.base()
	if err != nil {
		return v, final, err
	}
	to := strings.TrimRight(base.String(), "/") + "/v1/convai/conversations/" + url.PathEscape(id)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to, nil)
	if err != nil {
		return v, final, fmt.Errorf("elevenlabs: %w", err)
	}
	req.Header.Set("xi-api-key", c.Key)
	req.Header.Set("Accept", "application/json")
	client := c.HTTP
	if client == nil {
		client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	res, err := client.Do(req)
	if err != nil {
		return v, 0, fmt.Errorf("elevenlabs: fetch conversation: %w", err)
	}
	defer res.Body.Close() //nolint:errcheck // read-only
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	switch {
	case res.StatusCode != http.StatusOK:
		return v, patience(res), refusal(res.StatusCode, body)
	case err != nil:
		return v, 0, fmt.Errorf("elevenlabs: read conversation: %w", err)
	case len(body) > maxBody:
		return v, final, errors.New("elevenlabs: read conversation: it does not end")
	}
	v, err = read(body)
	if err == nil && v.ID != "" && v.ID != id {
		err = errors.New("elevenlabs: read conversation: it is another than the one that was asked for")
	}
	return v, final, err
}

// patience is how long the server wants to be left alone, or final.
func patience(res *http.Response) time.Duration {
	if res.StatusCode != http.StatusTooManyRequests && res.StatusCode < 500 {
		return final
	}
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && s > 0 {
		return time.Duration(min(s, 3600)) * time.Second
	}
	return 0
}

// refusal reads the answer of a server that did not say 200: {"detail": {"status": ..., "message": ...}}.
func refusal(status int, body []byte) error {
	if status == http.StatusNotFound {
		return ErrNotFound
	}
	var e struct {
		Detail struct{ Status, Message string }
	}
	says := http.StatusText(status)
	if json.Unmarshal(body, &e) == nil && e.Detail.Message != "" {
		says = e.Detail.Message
	}
	if len(says) > 300 {
		says = strings.ToValidUTF8(says[:300], "")
	}
	return fmt.Errorf("elevenlabs: fetch conversation: status %d: %s", status, says)
}
