package records

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// A refusal is one line of refused.jsonl: an entry that the database will never take.
type refusal struct {
	At     time.Time `json:"at"` // when the entry was made
	Reason string    `json:"reason"`
	Entry  any       `json:"entry"`
}

// refuse keeps an entry that will never be in the database.
func (r *Records) refuse(i item, cause error) {
	r.refused.Add(1)
	line := refusal{At: i.at, Reason: cause.Error(), Entry: i.entry}
	if i.raw != nil {
		line.Entry = string(i.raw)
	}
	err := appendRefusal(r.refusals, line)
	r.o.Log.Error("record refused", "kind", kindOf(i), "call", callOf(i), "reason", cause, "file", r.refusals, "error", err)
}

// appendRefusal writes one line that lasts. The file is opened each time: refusals are rare, and the file may be moved away.
func appendRefusal(path string, r refusal) error {
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode refusal: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}

func kindOf(i item) string {
	switch e := i.entry; {
	case e.Began != nil:
		return "began"
	case e.Turned != nil:
		return "turned"
	case e.Ended != nil:
		return "ended"
	case e.Crashed != nil:
		return "crashed"
	}
	return "unknown"
}

func callOf(i item) string {
	switch e := i.entry; {
	case e.Began != nil:
		return e.Began.ID
	case e.Turned != nil:
		return e.Turned.Turn.Call
	case e.Ended != nil:
		return e.Ended.Call
	}
	return ""
}
