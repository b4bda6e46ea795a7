package crm

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// Any is JSON of any kind that a body may have.
type Any struct {
	Set  bool
	Text json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler.
func (a *Any) UnmarshalJSON(data []byte) error {
	a.Set, a.Text = true, bytes.Clone(data)
	return nil
}

// Schema implements huma.SchemaProvider: anything.
func (Any) Schema(huma.Registry) *huma.Schema { return &huma.Schema{} }

// Flag is a boolean that may also come as a text, as the page's own example has it.
type Flag bool

// UnmarshalJSON implements json.Unmarshaler. What is neither was complained about by the schema.
func (f *Flag) UnmarshalJSON(data []byte) error {
	*f = string(data) == "true" || string(data) == `"true"`
	return nil
}

// Schema implements huma.SchemaProvider.
func (Flag) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{{Type: huma.TypeBoolean}, {Type: huma.TypeString, Enum: []any{"true", "false"}}}}
}

// compact is JSON without spaces, and with nothing escaped for HTML; empty for null.
func compact(text json.RawMessage) string {
	var value any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&value) != nil || value == nil {
		return ""
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(value) // it was JSON
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// decimal writes a number as JSON does; nil is no text.
func decimal(n *float64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatFloat(*n, 'f', -1, 64)
}

// figure reads what decimal wrote.
func figure(text string) *float64 {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil
	}
	return &n
}
