package pipeline

import (
	"context"
	"iter"
	"strings"
)

// A Greeter is a Responder with opening lines of its own, which must be told when somebody else's are spoken: a script has to take its
// place and to say what it waits for, whoever greets.
type Greeter interface {
	Responder
	// Greet is Respond to ForGreeting, except that it says text, and nothing else. What is not text stays as it would have been:
	// Expect, and Commands.
	Greet(ctx context.Context, talk Talk, text string) iter.Seq2[Delta, error]
}

// Greeting lets an agent's own words open the call: text answers ForGreeting, at once, and r answers all that follows. A Greeter is
// asked to say it; any other r is not asked, and finds the greeting in the History of the next Talk. Text without words leaves r alone.
func Greeting(text string, r Responder) Responder {
	if !speakable(text) {
		return r
	}
	return greeting{strings.TrimSpace(text), r}
}

type greeting struct {
	text string
	then Responder
}

// Respond implements [Responder].
func (g greeting) Respond(ctx context.Context, talk Talk) iter.Seq2[Delta, error] {
	if talk.Why != ForGreeting {
		return g.then.Respond(ctx, talk)
	}
	if r, ok := g.then.(Greeter); ok {
		return r.Greet(ctx, talk, g.text)
	}
	return func(yield func(Delta, error) bool) {
		if err := context.Cause(ctx); err != nil {
			yield(Delta{}, err)
			return
		}
		yield(Delta{Text: g.text}, nil)
	}
}
