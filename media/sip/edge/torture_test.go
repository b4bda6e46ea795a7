package edge

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A torture is one message of RFC 4475 or RFC 5118.
type torture struct {
	name   string
	data   []byte
	accept bool // the parser's verdict
}

// tortures reads RFC 4475's messages. baddn lacks the empty line after its headers in every copy there is, and is also played with it.
func tortures(t testing.TB) []torture {
	t.Helper()
	table, err := os.ReadFile("testdata/rfc4475/EXPECTED.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var all []torture
	for i, line := range strings.Split(strings.TrimSpace(string(table)), "\n") {
		f := strings.Split(line, "\t")
		if i == 0 {
			continue
		}
		data, err := os.ReadFile(filepath.Join("testdata/rfc4475", f[0]))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != f[7] {
			t.Fatalf("%s is not the RFC's: was it checked out as text?", f[0])
		}
		name := strings.TrimSuffix(f[0], ".dat")
		all = append(all, torture{name, data, f[4] == "accept"})
		if name == "baddn" {
			all = append(all, torture{"baddn with its empty line", append(bytes.Clone(data), "\r\n"...), false})
		}
	}
	if len(all) != 50 {
		t.Fatalf("%d messages, want 49 and one more", len(all))
	}
	return all
}

// TestRFC4475 holds the parser's verdict on each of the 49 messages.
func TestRFC4475(t *testing.T) {
	t.Parallel()
	for _, c := range tortures(t) {
		var m Message
		n, err := m.Parse(bytes.Clone(c.data))
		fault := (*Fault)(nil)
		if accepted := err == nil || errors.As(err, &fault) && fault.Grammatical; accepted != c.accept {
			t.Errorf("%s: %v, want accepted %v", c.name, err, c.accept)
		}
		if n > len(c.data) {
			t.Errorf("%s: %d bytes of %d", c.name, n, len(c.data))
		}
	}
}

// TestRFC4475Shared compares our copy of the messages with the one that the house shares, where that is at hand.
func TestRFC4475Shared(t *testing.T) {
	t.Parallel()
	const shared = "../../../../shared/conformance/rfc4475"
	files, err := os.ReadDir(shared)
	if errors.Is(err, fs.ErrNotExist) {
		t.Log("no shared directory beside this clone: nothing to compare with")
		return
	}
	if err != nil || len(files) < 50 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		want, err := os.ReadFile(filepath.Join(shared, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join("testdata/rfc4475", f.Name())); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs: %v", f.Name(), err)
		}
	}
}
