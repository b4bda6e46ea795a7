package db

import (
	"strconv"
	"strings"
	"time"
)

// Lists read hundreds of moments and figures, which are written in one way only: what is written so is read here, without the general
// readers of time and encoding/json. Of everything else these say no.

// quickly reads a moment in the layout.
func quickly(s string) (time.Time, bool) {
	if len(s) != len(layout) || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[19] != '.' || s[26] != 'Z' {
		return time.Time{}, false
	}
	ok := true
	number := func(from, to int) (n int) {
		for _, c := range []byte(s[from:to]) {
			ok = ok && c >= '0' && c <= '9'
			n = 10*n + int(c-'0')
		}
		return n
	}
	year, month, day := number(0, 4), number(5, 7), number(8, 10)
	hour, minute, second, micro := number(11, 13), number(14, 16), number(17, 19), number(20, 26)
	if !ok || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	at := time.Date(year, time.Month(month), day, hour, minute, second, micro*1000, time.UTC)
	return at, at.Day() == day
}

// readFigures reads an object of whole numbers whose names need no unquoting. The empty text is none.
func readFigures(s string) (Figures, bool) {
	if s == "" {
		return nil, true
	}
	if len(s) < 3 || s[0] != '{' || s[len(s)-1] != '}' {
		return nil, false
	}
	rest := s[1 : len(s)-1]
	f := make(Figures, 2)
	for more := true; more; {
		var pair string
		pair, rest, more = strings.Cut(rest, ",")
		name, figure, ok := strings.Cut(pair, ":")
		if !ok || len(name) < 2 || name[0] != '"' || name[len(name)-1] != '"' || !plain(name[1:len(name)-1]) || !whole(figure) {
			return nil, false
		}
		n, err := strconv.ParseInt(figure, 10, 64)
		if err != nil {
			return nil, false
		}
		f[name[1:len(name)-1]] = n
	}
	return f, true
}

// plain says that a name is of letters, digits and underscores.
func plain(name string) bool {
	for _, c := range []byte(name) {
		if c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// whole says that a text is a number as JSON writes whole ones.
func whole(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return digits == "0" || digits != "" && digits[0] != '0'
}
