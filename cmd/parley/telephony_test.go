package main

import (
	"slices"
	"strings"
	"testing"
)

// TestDigests: algorithms are known in letters of either size, and stay in their order; others are told.
func TestDigests(t *testing.T) {
	t.Parallel()
	got, err := (&telephony{SIPDigest: []string{"sha-256", " MD5"}}).digests()
	if err != nil || !slices.Equal(got, []string{"SHA-256", "MD5"}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range [][]string{nil, {"SHA-1"}, {"MD5", ""}} {
		if _, err := (&telephony{SIPDigest: bad}).digests(); err == nil || !strings.Contains(err.Error(), "--sip-digest") {
			t.Errorf("%q is answered %v", bad, err)
		}
	}
}
