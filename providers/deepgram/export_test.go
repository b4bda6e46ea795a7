package deepgram

import (
	"net/url"

	"parley/pipeline"
)

// ListenQuery is how a transcription is asked for.
func ListenQuery(c *Client, o pipeline.Listening) url.Values {
	enc, err := encodingFor(o.Rate)
	if err != nil {
		panic(err)
	}
	return c.listenQuery(o, enc)
}

// IdleLines is how many lines wait in the pool.
func (c *Client) IdleLines() int { return len(c.pool.Idle()) }

// FluxQuery is how a transcription of Flux is asked for.
func FluxQuery(c *Client, o pipeline.Listening) url.Values {
	enc, err := encodingFor(o.Rate)
	if err != nil {
		panic(err)
	}
	return c.fluxQuery(o, enc)
}
