package webrtc

import "strings"

// A fragment is what a browser tells after its offer (RFC 8840): its candidates, and with an ICE restart new credentials. As we are the lite
// side, its candidates are not called: whoever comes with the credentials is the browser, from wherever it comes. So they are not kept.
type fragment struct{ ice credentials }

// readFragment checks a fragment. Its errors are faults.
func readFragment(text []byte) (f fragment, err error) {
	for i, line := range strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n") {
		if line == "" {
			continue
		}
		if len(line) < 3 || line[1] != '=' || line[0] != 'a' && line[0] != 'm' && line[0] != 'c' {
			return f, malformed("line %d of the fragment: want a=, m= or c=", i+1)
		}
		name, value, _ := strings.Cut(line[2:], ":")
		if line[0] != 'a' {
			continue
		}
		switch name {
		case "ice-ufrag":
			err = f.ice.set(&f.ice.ufrag, name, value)
		case "ice-pwd":
			err = f.ice.set(&f.ice.pwd, name, value)
		case "candidate":
			if n := len(strings.Fields(value)); n < 8 {
				err = malformed("line %d of the fragment: a candidate of %d words, want 8 or more", i+1, n)
			}
		}
		if err != nil {
			return f, err
		}
	}
	if f.ice != (credentials{}) {
		return f, f.ice.check()
	}
	return f, nil
}

// set takes one of the credentials, which may stand more than once if it is the same.
func (*credentials) set(to *string, name, value string) error {
	if *to != "" && *to != value {
		return malformed("a=%s stands twice, and differs", name)
	}
	*to = value
	return nil
}
