package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"parley/media"
	"parley/pipeline"
	"parley/providers/local"
)

// listener puts recordings into words with the local recogniser. It is nil where there is none; end frees its models.
func listener(ctx context.Context, dir string) (hear func(context.Context, []int16, int) (string, error), end func()) {
	engine := local.New(local.Options{Dir: dir, Exact: true, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = engine.Run(ctx) // what it could not load, Status tells
	}()
	end = func() { cancel(); <-done }
	select {
	case <-engine.Ready():
	case <-done:
		return nil, end
	}
	if engine.Status().Recogniser.Level == local.RecogniserNone {
		return nil, end
	}
	return func(ctx context.Context, pcm []int16, rate int) (string, error) {
		return transcribe(ctx, engine, pcm, rate)
	}, end
}

// transcribe has a recogniser hear one passage of speech and returns its words.
func transcribe(ctx context.Context, by pipeline.Transcriber, pcm []int16, rate int) (text string, err error) {
	t, err := by.Transcribe(ctx, pipeline.Listening{Rate: rate})
	if err != nil {
		return "", fmt.Errorf("open transcription: %w", err)
	}
	closed := false
	defer func() {
		if !closed {
			_ = t.Close()
		}
	}()
	end := media.Samples(len(pcm), rate)
	if err := t.Mark(pipeline.Edge{Kind: pipeline.Began, N: 1}); err != nil {
		return "", fmt.Errorf("mark: %w", err)
	}
	frame := rate * int(media.FrameTime/time.Millisecond) / 1000
	for i := 0; i < len(pcm); i += frame {
		f := media.Frame{PCM: pcm[i:min(i+frame, len(pcm))], Rate: rate, At: media.Samples(i, rate)}
		if err := t.Write(f); err != nil {
			return "", fmt.Errorf("write: %w", err)
		}
	}
	if err := t.Mark(pipeline.Edge{Kind: pipeline.Ended, N: 1, At: end}); err != nil {
		return "", fmt.Errorf("mark: %w", err)
	}
	for heard, err := range t.Results() {
		if err != nil {
			return "", fmt.Errorf("recognise: %w", err)
		}
		if heard.Kind == pipeline.Final && heard.Edge == 1 {
			text = heard.Text
			break
		}
	}
	closed = true
	if err := t.Close(); err != nil {
		return "", fmt.Errorf("close transcription: %w", err)
	}
	return text, nil
}
