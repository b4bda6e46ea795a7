package local

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"strconv"
	"strings"
)

//go:embed vocabulary.txt.gz
var vocabularyFile []byte

// A vocabulary is the pieces of text that tokens stand for. "▁" in a piece is a space; <0xNN> is a byte.
type vocabulary struct{ pieces []string }

func openVocabulary() (*vocabulary, error) {
	z, err := gzip.NewReader(bytes.NewReader(vocabularyFile))
	if err != nil {
		return nil, fmt.Errorf("open vocabulary: %w", err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("read vocabulary: %w", err)
	}
	v := &vocabulary{pieces: strings.Split(string(text), "\n")}
	for i := range v.pieces {
		p := v.pieces[i]
		if hex, ok := strings.CutPrefix(p, "<0x"); ok && len(p) == 6 {
			b, err := strconv.ParseUint(strings.TrimSuffix(hex, ">"), 16, 8)
			if err != nil {
				return nil, fmt.Errorf("read vocabulary: piece %d: %w", i, err)
			}
			v.pieces[i] = string([]byte{byte(b)})
			continue
		}
		v.pieces[i] = strings.ReplaceAll(p, "▁", " ")
	}
	return v, nil
}

// text puts tokens together. Control tokens, and those beyond the vocabulary, say nothing.
func (v *vocabulary) text(tokens []int64) string {
	var b strings.Builder
	for _, t := range tokens {
		if t > 2 && t < int64(len(v.pieces)) {
			b.WriteString(v.pieces[t])
		}
	}
	return strings.ToValidUTF8(strings.TrimSpace(b.String()), "")
}

// loop recognises a decoder that repeats itself: the same 1 to 12 tokens at least four times, over a dozen tokens or more. People
// do say "one one one one". It returns how many tokens to keep: up to the end of the first time.
func loop(tokens []int64) (keep int, looping bool) {
	const longest, times, least = 12, 4, 12
	for n := 1; n <= longest; n++ {
		span := max(times*n, (least+n-1)/n*n)
		if span > len(tokens) {
			continue
		}
		tail := tokens[len(tokens)-span:]
		same := true
		for i := n; i < span && same; i++ {
			same = tail[i] == tail[i-n]
		}
		if same {
			return len(tokens) - span + n, true
		}
	}
	return len(tokens), false
}
