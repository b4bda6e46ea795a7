package pipeline

import "time"

// Manners is how an agent behaves in conversation. The zero of a field means its default (DefaultManners).
type Manners struct {
	Hangover        time.Duration // silence that ends the caller's turn; default 500 ms, 100 ms to 5 s
	Guess           time.Duration // silence after which an answer is prepared; default 200 ms, less than Hangover
	BargeIn         time.Duration // speech that interrupts the agent even without words; default 300 ms
	BargeInWords    int           // recognised words that interrupt the agent; default 1
	FalseAlarm      time.Duration // a held agent resumes when so long after the speech ended no words came; default 500 ms
	KeyGap          time.Duration // an entry of keys ends when no key follows for so long; default 3 s
	Silence         time.Duration // silence before the caller is asked again; default 8 s
	Reprompts       int           // how often the caller is asked again before goodbye; default 2
	TranscriptLimit time.Duration // wait for the recogniser after the caller's turn; default 4 s
	TokenLimit      time.Duration // wait for the model's first token; default 8 s
	AudioLimit      time.Duration // wait for the voice's first audio after the first text; default 5 s
	MaxLength       time.Duration // longest call; default 1 h
	ToolSteps       int           // most tool rounds in one turn; default 5

	Sorry   string // said when a provider failed; then the call goes on
	Goodbye string // said before hanging up for silence
	TooLong string // said before hanging up at MaxLength
}
