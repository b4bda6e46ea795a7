package envelope

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// Format is JSON as the API reads and writes it: nothing is escaped for HTML, a field that is given twice is refused by its name.
var Format = huma.Format{Marshal: marshal, Unmarshal: unmarshal}

// Formats are the content types that the API takes: application/json and what ends in +json.
var Formats = map[string]huma.Format{"application/json": Format, "json": Format}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// marshal writes v in one piece.
func marshal(w io.Writer, v any) error {
	buf := buffers.Get().(*bytes.Buffer)
	defer func() {
		if buf.Cap() <= MaxBody {
			buf.Reset()
			buffers.Put(buf)
		}
	}()
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	_, err := w.Write(buf.Bytes())
	return err
}

// unmarshal reads data into v. huma calls it twice: with a *any, to validate, and then with the type itself.
func unmarshal(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("malformed JSON at byte %d: %w", syntax.Offset, err)
	case errors.As(err, &kind):
		return fmt.Errorf("a %s at byte %d does not fit", kind.Value, kind.Offset)
	case err != nil:
		return errors.New("malformed JSON")
	}
	if _, ok := v.(*any); ok {
		return twice(data)
	}
	return nil
}

// twice finds a field that an object has more than once. The data is valid JSON.
func twice(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	type level struct {
		seen map[string]bool // nil: an array
		key  bool            // the next token is a key
	}
	var open []level
	for {
		token, err := dec.Token()
		if err != nil {
			return nil //nolint:nilerr // the end: the data is valid
		}
		top := len(open) - 1
		switch t := token.(type) {
		case json.Delim:
			switch t {
			case '{':
				open = append(open, level{seen: map[string]bool{}, key: true})
				continue
			case '[':
				open = append(open, level{})
				continue
			}
			open = open[:top]
			top--
		case string:
			if top >= 0 && open[top].key {
				if open[top].seen[t] {
					return fmt.Errorf("the field %q is given twice", t)
				}
				open[top].seen[t], open[top].key = true, false
				continue
			}
		}
		if top >= 0 && open[top].seen != nil {
			open[top].key = true
		}
	}
}
