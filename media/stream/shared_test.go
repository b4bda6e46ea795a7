package stream

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestVectorsComplete compares the signature vectors of signature_test.go with the wire sheet they come from, where that is at hand:
// a user's clone has no shared directory, and nothing to compare.
func TestVectorsComplete(t *testing.T) {
	t.Parallel()
	sheet, err := os.ReadFile("../../../shared/wire/carriers.md")
	if errors.Is(err, fs.ErrNotExist) {
		t.Log("no shared directory beside this clone: nothing to compare with")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(sheet), "### 1.7")
	section, _, ends := strings.Cut(section, "### 1.8")
	vectors := regexp.MustCompile(`[A-Za-z0-9+/]{27}=`).FindAllString(section, -1)
	if !ok || !ends || len(vectors) < 15 {
		t.Fatalf("%d vectors in section 1.7: has the sheet changed?", len(vectors))
	}
	ours, err := os.ReadFile("signature_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		if !strings.Contains(string(ours), v) {
			t.Errorf("vector %s of the sheet is not tested", v)
		}
	}
}
