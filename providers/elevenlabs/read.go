package elevenlabs

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// answer is a conversation on the wire, as far as it is used.
type answer struct {
	ID         string  `json:"conversation_id"`
	Status     string  `json:"status"` // initiated, in-progress, processing, done, failed
	Transcript []entry `json:"transcript"`
	Metadata   struct {
		Began  int64   `json:"start_time_unix_secs"`
		Length float64 `json:"call_duration_secs"`
		Phone  *struct {
			CallSID string `json:"call_sid"`
		} `json:"phone_call"`
	} `json:"metadata"`
	Analysis *struct {
		Summary   string               `json:"transcript_summary"`
		Success   string               `json:"call_successful"`
		Collected map[string]collected `json:"data_collection_results"`
	} `json:"analysis"`
}

type entry struct {
	Role        string  `json:"role"` // user, agent
	Message     *string `json:"message"`
	At          float64 `json:"time_in_call_secs"`
	Interrupted bool    `json:"interrupted"`
}

type collected struct {
	Value any `json:"value"`
}

// maxSeconds is a day: what is later in a call is a mistake.
const maxSeconds = 24 * 60 * 60

// read takes a conversation out of an answer.
func read(body []byte) (Conversation, error) {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return Conversation{}, fmt.Errorf("elevenlabs: read conversation: %w", err)
	}
	switch a.Status {
	case "done", "failed":
	case "initiated", "in-progress", "processing":
		return Conversation{}, ErrPending
	default:
		return Conversation{}, fmt.Errorf("elevenlabs: read conversation: its status is %.50q", a.Status)
	}
	v := Conversation{ID: a.ID, Failed: a.Status == "failed", Length: seconds(a.Metadata.Length)}
	if a.Metadata.Began > 0 {
		v.Began = time.Unix(a.Metadata.Began, 0).UTC()
	}
	if p := a.Metadata.Phone; p != nil {
		v.CallSID = p.CallSID
	}
	for _, e := range a.Transcript {
		if e.Role != "user" && e.Role != "agent" {
			return Conversation{}, fmt.Errorf("elevenlabs: read conversation: somebody is a %.50q", e.Role)
		}
		if e.Message == nil || strings.TrimSpace(*e.Message) == "" {
			continue // a tool's
		}
		if e.At < 0 || e.At > maxSeconds {
			return Conversation{}, errors.New("elevenlabs: read conversation: something was said at no time of it")
		}
		v.Lines = append(v.Lines, Remark{Agent: e.Role == "agent", Text: strings.TrimSpace(*e.Message), At: seconds(e.At), Interrupted: e.Interrupted})
	}
	if a.Analysis != nil {
		v.Summary, v.Success = strings.TrimSpace(a.Analysis.Summary), a.Analysis.Success
		for name, c := range a.Analysis.Collected {
			if v.Collected == nil {
				v.Collected = map[string]any{}
			}
			v.Collected[name] = c.Value
		}
	}
	return v, nil
}

func seconds(s float64) time.Duration {
	return time.Duration(min(max(s, 0), maxSeconds) * float64(time.Second))
}
