// Package text takes the text of an utterance from whoever makes it, for voices that speak while it arrives.
//
//	iter.Seq2 ──▶ Pull's goroutine ──▶ feed ──▶ the utterance ──▶ Clauses ──▶ what a speaker says in one breath
//
// It knows no vendor. Clauses are for one goroutine; Pull has one of its own, and waits for it.
package text

import (
	"context"
	"iter"
	"strings"
	"unicode"
)

// A Piece is text as it arrives, or the error with which it ended.
type Piece struct {
	Text string
	Err  error
}

// Pull pulls text on a goroutine of its own while use runs, which it calls on the caller's. The feed ends with the text, with its error
// or with ctx, which ends with use. Pull returns when text is pulled no more, so text must end when ctx does. If text panics, use sees
// the feed end, and Pull panics with the same value.
func Pull(ctx context.Context, text iter.Seq2[string, error], use func(ctx context.Context, feed <-chan Piece)) {
	ctx, stop := context.WithCancel(ctx)
	feed := make(chan Piece)
	joined := make(chan struct{})
	var crash any
	go func() {
		defer close(joined)
		defer close(feed)
		defer func() { crash = recover() }()
		pull(ctx, text, feed)
	}()
	defer func() {
		stop()
		<-joined
		if crash != nil {
			panic(crash) // on the goroutine whose call it is
		}
	}()
	use(ctx, feed)
}

func pull(ctx context.Context, text iter.Seq2[string, error], feed chan<- Piece) {
	for s, err := range text {
		select {
		case feed <- Piece{s, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// Speakable says whether s has anything to be spoken: a letter or a number.
func Speakable(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) })
}
