package envelope

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
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
	if l, ok := v.(interface{ appendJSON(b []byte) ([]byte, bool) }); ok {
		if text, ok := l.appendJSON(buf.AvailableBuffer()); ok {
			buf.Write(text) // which keeps the memory for the next
			_, err := w.Write(buf.Bytes())
			return err
		}
	}
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
	if tree, ok := v.(*any); ok {
		disguise(*tree)
		return twice(data)
	}
	return nil
}

// huma keeps the place of what it validates as a path, and leaves a field by cutting the path at its last dot or bracket: a field whose
// name has one would stay in the path of those after it. So while huma looks, such names wear a mask, of runes for private use; names
// in complaints have it taken off.
var (
	mask   = strings.NewReplacer(".", "\uE02E", "[", "\uE05B")
	unmask = strings.NewReplacer("\uE02E", ".", "\uE05B", "[")
)

// disguise masks the names in a tree of JSON.
func disguise(tree any) {
	switch v := tree.(type) {
	case map[string]any:
		for name, value := range v {
			disguise(value)
			if strings.ContainsAny(name, ".[") {
				delete(v, name)
				v[mask.Replace(name)] = value
			}
		}
	case []any:
		for _, value := range v {
			disguise(value)
		}
	}
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
