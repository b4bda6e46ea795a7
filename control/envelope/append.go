package envelope

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
)

// An Appender writes its own JSON, which is what encoding/json would write of it. It is for rows of long lists, where reflection takes
// more time than the database does. A test beside each holds it to its word.
type Appender interface {
	AppendJSON(b []byte) []byte
}

// appendJSON writes a page of appenders; of other rows it says no.
func (l Listing[T]) appendJSON(b []byte) ([]byte, bool) {
	if _, ok := any((*T)(nil)).(Appender); !ok {
		return b, false
	}
	meta, err := json.Marshal(l.Meta)
	if err != nil {
		return b, false
	}
	b = append(b, `{"success":true,"data":[`...)
	for i := range l.Data {
		if i > 0 {
			b = append(b, ',')
		}
		b = any(&l.Data[i]).(Appender).AppendJSON(b)
	}
	b = append(b, `],"meta":`...)
	b = append(b, meta...)
	return append(b, "}\n"...), true
}

// AppendText writes a text.
func AppendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return appendStrange(b, s)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// appendStrange writes a text that has more than plain ASCII.
func appendStrange(b []byte, s string) []byte {
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a text can always be written
	return append(b, strings.TrimSuffix(out.String(), "\n")...)
}

// AppendOptional writes a text or null.
func AppendOptional(b []byte, s *string) []byte {
	if s == nil {
		return append(b, "null"...)
	}
	return AppendText(b, *s)
}

// Append writes the moment as MarshalJSON does.
func (t Time) Append(b []byte) []byte {
	at := time.Time(t)
	if at.IsZero() {
		return append(b, "null"...)
	}
	at = at.UTC()
	year, month, day := at.Date()
	if year < 0 || year > 9999 {
		return at.AppendFormat(b, `"`+layout+`"`)
	}
	hour, minute, second := at.Clock()
	ms := at.Nanosecond() / int(time.Millisecond)
	two := func(c byte, n int) { b = append(b, c, byte('0'+n/10), byte('0'+n%10)) }
	two('"', year/100)
	b = append(b, byte('0'+year/10%10), byte('0'+year%10))
	two('-', int(month))
	two('-', day)
	two('T', hour)
	two(':', minute)
	two(':', second)
	two('.', ms/10)
	return append(b, byte('0'+ms%10), 'Z', '"')
}
