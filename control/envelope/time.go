package envelope

import (
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// layout is RFC 3339 with milliseconds, in UTC.
const layout = "2006-01-02T15:04:05.000Z"

// Time is a moment as the API writes it: "2024-01-01T00:00:00.000Z", or null if it never was.
type Time time.Time

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) {
	if time.Time(t).IsZero() {
		return []byte("null"), nil
	}
	return time.Time(t).UTC().AppendFormat(make([]byte, 0, len(layout)+2), `"`+layout+`"`), nil
}

// Schema implements huma.SchemaProvider. A field that may be null says so by the tag nullable:"true".
func (Time) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time"}
}

// UnmarshalJSON implements json.Unmarshaler, for those who read what the API says.
func (t *Time) UnmarshalJSON(data []byte) error {
	var at *time.Time
	if err := json.Unmarshal(data, &at); err != nil {
		return err
	}
	*t = Time{}
	if at != nil {
		*t = Time(at.UTC())
	}
	return nil
}
