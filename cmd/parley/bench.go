package main

// benchCmd holds the load test's programs.
type benchCmd struct {
	Vendors benchVendorsCmd `cmd:"" help:"Run mock vendors (an OpenAI-compatible model, Deepgram) on loopback, and print their addresses as one line of JSON."`
}
