package whatsapp

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"parley/providers/message"
)

// A verdict is what a code means to us.
type verdict struct {
	reason message.Reason
	retry  bool
	after  time.Duration
}

// verdicts are of Meta's codes, which answers and statuses share.
var verdicts = map[int]verdict{
	0: {reason: message.Token}, 190: {reason: message.Token},
	3: {reason: message.Forbidden}, 10: {reason: message.Forbidden}, 131005: {reason: message.Forbidden},
	100: {reason: message.Invalid}, 131008: {reason: message.Invalid}, 131009: {reason: message.Invalid}, 131021: {reason: message.Invalid},
	131051: {reason: message.Invalid}, 138017: {reason: message.Invalid},

	1: {reason: message.Unavailable, retry: true}, 2: {reason: message.Unavailable, retry: true},
	131000: {reason: message.Unavailable, retry: true}, 131016: {reason: message.Unavailable, retry: true},
	131057: {reason: message.Unavailable, retry: true}, 131060: {reason: message.Unavailable}, 138004: {reason: message.Unavailable, retry: true},

	4: {message.RateLimited, true, time.Minute}, 613: {message.RateLimited, true, time.Minute}, 80007: {message.RateLimited, true, time.Minute},
	130429: {message.RateLimited, true, time.Second}, 131056: {message.PairLimited, true, time.Minute},
	133016: {message.RateLimited, true, 72 * time.Hour}, 138002: {message.RateLimited, true, time.Minute},
	138005: {message.RateLimited, true, time.Minute}, 138009: {message.RateLimited, true, 24 * time.Hour},
	138012: {message.RateLimited, true, 24 * time.Hour},

	131026: {reason: message.Undeliverable}, 130472: {reason: message.Undeliverable}, 138001: {reason: message.Undeliverable},
	131049: {message.Undeliverable, true, 24 * time.Hour},
	131047: {reason: message.WindowClosed}, 131050: {reason: message.OptedOut},

	131030: {reason: message.NotReady}, 131031: {reason: message.NotReady}, 131042: {reason: message.NotReady}, 131044: {reason: message.NotReady},
	131045: {reason: message.NotReady}, 131055: {reason: message.NotReady}, 133010: {reason: message.NotReady}, 138000: {reason: message.NotReady},
	138013: {reason: message.NotReady}, 138015: {reason: message.NotReady}, 138018: {reason: message.NotReady},
	368: {reason: message.Policy}, 131048: {reason: message.Policy}, 138014: {reason: message.Policy},

	131052: {reason: message.MediaFailed}, 131053: {reason: message.MediaFailed},
	132000: {reason: message.BadTemplate}, 132001: {reason: message.BadTemplate}, 132005: {reason: message.BadTemplate},
	132007: {reason: message.BadTemplate}, 132012: {reason: message.BadTemplate}, 132015: {reason: message.BadTemplate},
	132016: {reason: message.BadTemplate}, 132068: {reason: message.BadTemplate}, 132069: {reason: message.BadTemplate},

	138006: {reason: message.NoConsent}, 138003: {reason: message.CallFailed}, 138007: {reason: message.CallFailed},
	138019: {reason: message.CallFailed}, 138020: {reason: message.CallFailed}, 138021: {reason: message.CallFailed},
	138022: {reason: message.CallFailed}, 138023: {reason: message.CallFailed},
}

// judge says what a code means; the status of HTTP, 0 if there is none, decides on codes that nobody knows.
func judge(code, status int) verdict {
	if v, known := verdicts[code]; known && (code != 0 || status == http.StatusUnauthorized) {
		return v
	}
	switch {
	case code >= 200 && code <= 299, status == http.StatusForbidden:
		return verdict{reason: message.Forbidden}
	case code/1000 == 132:
		return verdict{reason: message.BadTemplate}
	case status == http.StatusUnauthorized:
		return verdict{reason: message.Token}
	case status == http.StatusTooManyRequests:
		return verdict{message.RateLimited, true, time.Second}
	case status >= 500:
		return verdict{reason: message.Unavailable, retry: true}
	}
	return verdict{reason: message.Other}
}

// wireError is an error as Meta tells it, in answers and in webhooks.
type wireError struct {
	Code    loose  `json:"code"`
	Title   string `json:"title"`
	Message string `json:"message"`
	Data    struct {
		Details string `json:"details"`
	} `json:"error_data"`
	UserMessage string `json:"error_user_msg"`
	Trace       string `json:"fbtrace_id"`
}

// error is what is known of it.
func (w wireError) error(status int) *message.Error {
	code, _ := strconv.Atoi(string(w.Code)) // 0 where there is none
	v := judge(code, status)
	e := &message.Error{
		Reason: v.reason, Status: status, Code: code, Message: cmp.Or(w.Message, w.Title), Details: cmp.Or(w.Data.Details, w.UserMessage), Trace: w.Trace,
		Retry: v.retry, After: v.after,
	}
	if e.Message == "" && status != 0 {
		e.Message = http.StatusText(status)
	}
	return e
}

// refusal reads an answer that is none of success. One from which Meta's own words are missing, with a status of 500 and more, is of something
// between Meta and us: what was asked for may have been done.
func refusal(status int, header http.Header, body []byte, now time.Time) *message.Error {
	var told struct {
		Error *wireError `json:"error"`
	}
	_ = json.Unmarshal(body, &told) // what is no JSON has no code
	if told.Error == nil {
		told.Error = &wireError{}
		if status >= 500 {
			return &message.Error{Reason: message.Unanswered, Status: status, Message: http.StatusText(status)}
		}
	}
	e := told.Error.error(status)
	if wait := retryAfter(header.Get("Retry-After"), now); wait > 0 && e.Retry {
		e.After = wait
	}
	return e
}

// retryAfter reads seconds or a date (RFC 9110, section 10.2.3).
func retryAfter(s string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(s); err == nil && seconds > 0 && seconds < 1e6 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(s); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
