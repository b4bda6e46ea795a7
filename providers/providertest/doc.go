// Package providertest holds providers to the contracts of package pipeline, and stands in for their vendors.
//
//	suite:  Transcriber, Synthesizer, Responder ──▶ any vendor's client, or the offline engine
//	fake:   a vendor's client ──▶ real socket ──▶ Deepgram, ElevenLabs, OpenAI, Anthropic, Gemini (scripted, at once or paced, healthy or not)
//	channel: a client ──▶ real socket ──▶ WhatsApp (Meta's Graph API), TwilioMessages ──signed webhooks──▶ our server
//
// A suite is the doc comments of package pipeline as tests. A fake speaks its vendor's protocol exactly and understands nothing; it
// serves hundreds of calls, so that tests and load runs need no key and no network.
package providertest
