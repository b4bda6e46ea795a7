package main

import (
	"context"
	"log/slog"
	"maps"
	"net"
	"slices"
	"testing"
	"time"

	"parley/media"
	"parley/media/legtest"
	"parley/pipeline"
	"parley/providers/providertest"
	"parley/store"
	"parley/store/storetest/litetest"
)

// fakes starts a stand-in for each vendor of the table, and has the settings that lead to them.
func fakes(t testing.TB) map[string]string {
	t.Helper()
	deepgram := &providertest.Deepgram{Transcripts: []string{"a table for two, please"}}
	openai := &providertest.OpenAI{Answer: func(providertest.OpenAIRequest) providertest.OpenAIAnswer {
		return providertest.OpenAISay("Certainly. For two, then.")
	}}
	speech := providertest.StartOpenAIAudio(t, &providertest.OpenAIAudio{})
	wyoming := providertest.StartWyoming(t, &providertest.Wyoming{})
	return map[string]string{
		"DEEPGRAM_API_KEY": "k", "DEEPGRAM_BASE_URL": providertest.StartDeepgram(t, deepgram),
		"ELEVENLABS_API_KEY": "k", "ELEVENLABS_BASE_URL": providertest.StartElevenLabs(t, &providertest.ElevenLabs{}),
		"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": providertest.StartOpenAI(t, openai),
		"PARLEY_OPENAI_STT_BASE_URL": speech, "PARLEY_OPENAI_TTS_BASE_URL": speech,
		"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": providertest.StartModel(t, &providertest.Model{Dialect: providertest.Anthropic{}}),
		"GEMINI_API_KEY": "k", "GEMINI_BASE_URL": providertest.StartModel(t, &providertest.Model{Dialect: providertest.Gemini{}}),
		"CARTESIA_API_KEY": "k", "CARTESIA_BASE_URL": providertest.StartCartesia(t, &providertest.Cartesia{}),
		"RIME_API_KEY": "k", "RIME_BASE_URL": providertest.StartRime(t, &providertest.Rime{}),
		"AZURE_SPEECH_KEY": "k", "AZURE_TTS_BASE_URL": providertest.StartAzure(t, &providertest.Azure{}),
		"ASSEMBLYAI_API_KEY": "k", "ASSEMBLYAI_BASE_URL": providertest.StartAssemblyAI(t, &providertest.AssemblyAI{}),
		"WYOMING_STT_URL": wyoming, "WYOMING_TTS_URL": wyoming,
		"VOSK_URL": providertest.StartVosk(t, &providertest.Vosk{}),
	}
}

// A booth is a server in this process that runs, and its organisation.
type booth struct {
	*server
	t   *testing.T
	org string
}

// newBooth starts a server with these settings. What this machine is busy with is no matter.
func newBooth(t *testing.T, env map[string]string) *booth {
	t.Helper()
	cfg, err := parseServe(t, env, "--data-dir", t.TempDir(), "--database-url", litetest.New(t, ""), "--speech-dir", t.TempDir(), "--ear", "energy", "--no-record",
		"--twilio-auth-token", "t0ken", "--max-cpu", "0", "--max-lateness", "0s", "--max-speech-wait", "0s", "--webrtc-udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &booth{t: t}
	if s.server, err = newServer(t.Context(), &cfg, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.run(ctx, ctx, ln) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	orgs, err := s.office.store.Organisations(t.Context())
	if err != nil || len(orgs) != 1 {
		t.Fatalf("organisations %v, %v", orgs, err)
	}
	s.org = orgs[0].ID
	return s
}

// agent makes an agent with these settings.
func (s *booth) agent(name, settings string) string {
	s.t.Helper()
	row := store.Agent{ID: store.NewID(), Org: s.org, Name: name, SystemPrompt: "Be brief.", StartingMessage: "Good evening.", Enabled: true, Settings: settings}
	if _, err := s.office.store.CreateAgent(s.t.Context(), row); err != nil {
		s.t.Fatal(err)
	}
	if err := s.office.directory.Refresh(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	return row.ID
}

// converse calls an agent, says something to it, and hangs up when it has answered. It returns the call's record, and the caller's turn.
func (s *booth) converse(agent string) (store.Call, store.Turn) {
	s.t.Helper()
	id := store.NewID()
	leg, far := legtest.New(legtest.Line{Open: true, Info: media.Info{
		Kind: "webrtc", ID: id, Rate: 8000, Owners: []string{s.org}, Params: map[string]string{agentParam: agent},
	}})
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	over := make(chan struct{})
	go func() { defer close(over); s.answer(ctx, leg) }()
	if _, err := far.Hear(ctx, 1600); err != nil {
		s.t.Errorf("the greeting is not heard: %v", err)
	}
	call := func() store.Call {
		rows, _, err := s.office.store.Calls(ctx, s.org, store.CallFilter{Agent: agent}, store.Page{Limit: 1})
		if err != nil || len(rows) == 0 {
			return store.Call{}
		}
		return rows[0]
	}
	if err := far.Say(append(legtest.Speech(8000, 900*time.Millisecond, 7), legtest.Silence(8000, time.Second)...)); err != nil {
		s.t.Error(err)
	}
	var turn store.Turn
	waitFor(s.t, "the agent answers", func() bool {
		turns, err := s.office.store.Turns(ctx, s.org, call().ID)
		i := slices.IndexFunc(turns, func(t store.Turn) bool { return t.Why == string(pipeline.ForWords) && t.Heard != "" })
		if err == nil && i >= 0 {
			turn = turns[i]
		}
		return i >= 0
	})
	if err := far.Stop(); err != nil {
		s.t.Error(err)
	}
	<-over
	waitFor(s.t, "the record is whole", func() bool { return call().Status.Final() })
	return call(), turn
}

// TestVendorsOnCalls: each vendor of the table hears, and speaks, for an agent that names it; what it did stands on the bill.
func TestVendorsOnCalls(t *testing.T) {
	t.Parallel()
	env := fakes(t)
	env["PARLEY_STT"], env["PARLEY_TTS"], env["PARLEY_LLM"] = "deepgram", "deepgram", "openai"
	s := newBooth(t, env)
	for _, e := range table {
		if e.name == "local" { // its models are heard in tests of their own
			continue
		}
		cases := map[string]string{}
		if e.hears != nil {
			cases["stt"] = `{"providers":{"stt":{"vendor":"` + e.name + `"}}}`
		}
		if e.speaks != nil {
			cases["tts"] = `{"providers":{"tts":{"vendor":"` + e.name + `"}}}`
		}
		for kind, settings := range cases {
			t.Run(e.name+" "+kind, func(t *testing.T) {
				own := *s
				own.t = t
				agent := own.agent(e.name+" "+kind, settings) // one after the other: the calls of all are enough for the database
				t.Parallel()
				call, turn := own.converse(agent)
				if turn.Said == "" || turn.Error != "" || call.Cause != string(media.CauseCaller) {
					t.Errorf("the caller said %q; %q; the call ended by %s: %s", turn.Said, turn.Error, call.Cause, call.Error)
				}
				used := map[string]string{}
				if call.Cost != nil {
					for _, l := range call.Cost.Lines {
						used[l.Kind] = l.Vendor
						if l.Server != "" && l.Server != "localhost" {
							t.Errorf("%s %s is at %s", l.Vendor, l.Kind, l.Server)
						}
					}
				}
				if used[kind] != e.name || used["llm"] != "openai" {
					t.Errorf("who heard, thought and spoke: %v", slices.Sorted(maps.Keys(used)))
				}
				if found := own.company.Problems(store.Agent{ID: agent, Org: own.org, Settings: settings}); len(found) > 0 {
					t.Errorf("%v", found)
				}
			})
		}
	}
}
