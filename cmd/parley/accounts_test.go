package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/control/directory"
	"parley/control/lines"
	"parley/control/vault"
	"parley/providers/providertest"
	"parley/providers/twilio"
	"parley/store"
	"parley/store/sql"
)

// away is a database that does not answer.
type away struct{}

func (away) Revision(context.Context) (int64, error) { return 0, store.ErrUnavailable }
func (away) Directory(context.Context) (store.Directory, error) {
	return store.Directory{}, store.ErrUnavailable
}

// another is what another node knows of a bureau's database: it has its own connection, snapshot file and vault.
func (b *bureau) another(path string, keys ...string) (*accounts, *directory.Directory) {
	b.t.Helper()
	db, err := sql.Open(b.t.Context(), sql.Options{URL: "sqlite:" + filepath.Join(b.env["PARLEY_DATA_DIR"], "parley.db")})
	if err != nil {
		b.t.Fatal(err)
	}
	d := directory.New(directory.Options{Router: db, Path: path, Every: 10 * time.Millisecond})
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	b.t.Cleanup(func() { cancel(); <-done; _ = db.Close() })
	return b.accounts(d, keys...), d
}

func (b *bureau) accounts(d *directory.Directory, keys ...string) *accounts {
	b.t.Helper()
	var all [][]byte
	for _, k := range keys {
		all = append(all, []byte(k))
	}
	v, err := vault.New(all...)
	if err != nil {
		b.t.Fatal(err)
	}
	c := &config{PublicURL: "https://voice.example.com/", TwilioBaseURL: "https://api.twilio.example", deepgramSettings: deepgramSettings{DeepgramBaseURL: "wss://stt.example"}}
	a, err := newAccounts(c, d, v, slog.New(slog.DiscardHandler))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(a.close)
	return a
}

// TestAccountsOfOtherNodes: what is entered on one node is used on another soon after, also from its file while the database is away, and by
// nobody who lacks the key.
func TestAccountsOfOtherNodes(t *testing.T) {
	t.Parallel()
	b := newBureau(t)
	const sid, token = "AC00000000000000000000000000000001", "8f0c2b7d41e94f0ab0c1d2e3f4a5b6c7"
	key, path := b.env["PARLEY_SECRET"], filepath.Join(t.TempDir(), "directory.json")
	a, d := b.another(path, key)
	if id, err := a.Account(b.org, "+15005550001"); id != "" || err != nil {
		t.Errorf("the account of nobody is %q, %v", id, err)
	}
	b.ok(token+"\n", nil, "credentials", "set", "Main", "--vendor=twilio", "--account-id="+sid)
	b.ok("sk-0123456789\n", nil, "credentials", "set", "Brain", "--vendor=openai", "--base-url=https://llm.example.com")
	b.ok("dg-0123456789\n", nil, "credentials", "set", "Ear", "--vendor=deepgram")
	b.ok("el-0123456789\n", nil, "credentials", "set", "Voice", "--vendor=elevenlabs", "--base-url=https://voice.example.com")
	b.ok(token+"\n", nil, "credentials", "set", "Spare", "--vendor=twilio", "--account-id="+strings.Replace(sid, "1", "2", 1))
	b.ok("", nil, "trunks", "set", "Carrier", "--host=sip.example.com")
	b.ok("", nil, "numbers", "set", "+15005550002", "--credential=Spare")
	b.ok("", nil, "numbers", "set", "+15005550003", "--trunk=Carrier")
	waitFor(t, "the other node knows", func() bool { _, ok := d.Number(b.org, "+15005550003"); return ok })

	main, err := a.Account(b.org, "+15005550001")
	spare, serr := a.Account(b.org, "+15005550002")
	if err != nil || serr != nil || main == "" || spare == "" || main == spare {
		t.Errorf("accounts %q, %v and %q, %v", main, err, spare, serr)
	}
	if _, err := a.Account(b.org, "+15005550003"); err == nil || !strings.Contains(err.Error(), "SIP") {
		t.Errorf("a number that is reached by SIP: %v", err)
	}
	shared := *a.cfg
	shared.DatabaseURL = "postgres://db.example.com/parley"
	if id, err := (&accounts{cfg: &shared, directory: a.directory}).Account(b.org, "+15005550003"); err != nil || !strings.HasPrefix(id, store.TrunkAccount) {
		t.Errorf("a number that another node may reach by SIP: %q, %v", id, err)
	}
	carrier, err := a.Carrier(b.org, main)
	if got, ok := carrier.(*twilio.Account); err != nil || !ok || got.SID != sid || got.Token != token || got.Base != "https://api.twilio.example" ||
		got.Voice != "https://voice.example.com/twilio/voice" {
		t.Errorf("placed by %+v, %v", carrier, err)
	}
	if _, err := a.Carrier(store.NewID(), main); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("another organisation places calls by it: %v", err)
	}
	if all := a.signers(lines.Twilio, sid); len(all) != 1 || all[0].Token != token || all[0].Owner != b.org {
		t.Errorf("signers %+v", all)
	}
	want := own{"deepgram": {key: "dg-0123456789"}, "elevenlabs": {key: "el-0123456789", base: "https://voice.example.com"}, "openai": {key: "sk-0123456789", base: "https://llm.example.com"}}
	if got := a.own(b.org); !maps.Equal(got, want) {
		t.Errorf("its own are %+v", got)
	}
	if got := a.own(store.NewID()); len(got) != 0 {
		t.Errorf("another's own are %+v", got)
	}
	if c := want.settings(a.cfg); c.OpenAIBaseURL != "https://llm.example.com" || c.DeepgramBaseURL != "wss://stt.example" || c.DeepgramKey != "dg-0123456789" || a.cfg.DeepgramKey != "" ||
		c.ElevenLabsKey != "el-0123456789" || c.ElevenLabsBaseURL != "https://voice.example.com" {
		t.Errorf("settings %+v", c)
	}
	if w := a.ways(want); w["elevenlabs"].dial == nil || w["openai"].http == nil || w["deepgram"].dial != nil {
		t.Error("servers that the organisation has named are not asked past the gate, or others are")
	}

	// A secret that is changed, and sealed anew, is known as well; a node without the key has none, and says so.
	b.ok("another-token-0123\n", nil, "credentials", "set", "Main")
	waitFor(t, "the new token is known", func() bool {
		all := a.signers(lines.Twilio, sid)
		return len(all) == 1 && all[0].Token == "another-token-0123"
	})
	next := strings.Repeat("n", 32)
	b.ok("", []string{"PARLEY_VAULT_KEY", next}, "credentials", "rotate")
	waitFor(t, "what only the next key opens is known", func() bool { return len(a.signers(lines.Twilio, sid)) == 0 })
	if _, err := a.Carrier(b.org, main); !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, vault.ErrClosed) {
		t.Errorf("without the key: %v", err)
	}
	if got := a.own(b.org); len(got) != 0 {
		t.Errorf("without the key its own are %+v", got)
	}

	// While the database is away, the file knows: sealed.
	waitFor(t, "the file has what is sealed by the next key", func() bool {
		last := directory.New(directory.Options{Router: away{}, Path: path})
		return last.Load() == nil && len(b.accounts(last, next).signers(lines.Twilio, sid)) == 1
	})
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{token, "another-token-0123", "sk-0123456789", "dg-0123456789", "el-0123456789"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("%s is in the snapshot", secret)
		}
	}
}

// waitFor looks often, and gives up after twenty seconds.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for limit := time.After(time.Minute); !done(); {
		select {
		case <-look.C:
		case <-limit:
			t.Fatalf("never: %s", what)
		}
	}
}

// TestOwnServerIsToldNoOtherKey: a server that an organisation has named is sent its own key alone, whatever the server's own account has besides.
func TestOwnServerIsToldNoOtherKey(t *testing.T) {
	t.Parallel()
	const evil, whisper = "https://llm.example.com", "https://whisper.example.net/v1"
	for _, tc := range []struct {
		what, base string // of the server's speech
		own        ownAccount
		want       [2]string // server and key of speech
	}{
		{"another key at the same server", "", ownAccount{key: "own", base: evil}, [2]string{evil, "own"}},
		{"that server, named twice", "https://api.openai.com/v1", ownAccount{key: "own", base: evil}, [2]string{evil, "own"}},
		{"no server is named", "", ownAccount{key: "own"}, [2]string{"https://api.openai.com/v1", "own"}},
		{"a server of its own", whisper, ownAccount{key: "own", base: evil}, [2]string{whisper, "operator"}},
	} {
		c := &config{}
		c.OpenAIBaseURL, c.OpenAIKey = "https://api.openai.com/v1", "main"
		c.OpenAISTTBaseURL, c.OpenAISTTKey, c.OpenAITTSBaseURL, c.OpenAITTSKey = tc.base, "operator", tc.base, "operator"
		mine := own{"openai": tc.own}.settings(c)
		ears, voice := mine.openAIEars("", wiring{}), mine.openAIVoice(wiring{})
		if got := [2]string{ears.BaseURL, ears.Key}; got != tc.want {
			t.Errorf("%s: it is heard by %v, want %v", tc.what, got, tc.want)
		}
		if got := [2]string{voice.BaseURL, voice.Key}; got != tc.want {
			t.Errorf("%s: it is spoken by %v, want %v", tc.what, got, tc.want)
		}
		if c.OpenAISTTKey != "operator" {
			t.Errorf("%s: the server's own settings have changed", tc.what)
		}
	}
}

// TestOwnServerAndTheOperators: an organisation's server is asked past the gate, which refuses private addresses; a server of speech that the
// operator has named beside it, maybe a private one, is asked as for all others.
func TestOwnServerAndTheOperators(t *testing.T) {
	t.Parallel()
	whisper := providertest.StartOpenAIAudio(t, &providertest.OpenAIAudio{})
	a := (&bureau{t: t}).accounts(directory.New(directory.Options{Router: away{}}), strings.Repeat("k", 32))
	o := own{"openai": {key: "own", base: "https://llm.example.com"}}
	c := &config{}
	c.OpenAISTTBaseURL, c.OpenAITTSBaseURL = whisper, ""
	mine, w := o.settings(c), wiring{road: a.ways(o)["openai"]}
	if ears := mine.openAIEars("", w); ears.HTTP != nil || ears.NetDial != nil || ears.BaseURL != whisper {
		t.Errorf("the operator's server is asked past the gate: %+v", ears)
	}
	if voice := mine.openAIVoice(w); voice.HTTP == nil || voice.NetDial == nil || voice.BaseURL != "https://llm.example.com" {
		t.Errorf("the organisation's server is not asked past the gate: %+v", voice)
	}
}

// TestOwnAzure: an organisation's region is asked at Azure itself, with its key as a key, whatever the server's own account has.
func TestOwnAzure(t *testing.T) {
	t.Parallel()
	c := &config{}
	c.AzureKey, c.AzureRegion, c.AzureBaseURL, c.AzureBearer = "token", "westus", "https://speech.example.net", true
	mine := own{"azure": ownAccount{key: "own", place: "westeurope"}}.settings(c)
	if got := mine.azureSettings.client(wiring{}); got.Key != "own" || got.Region != "westeurope" || got.BaseURL != "" || got.Bearer {
		t.Errorf("it is spoken by %+v", got)
	}
	if !c.AzureBearer || c.AzureRegion != "westus" {
		t.Error("the server's own settings have changed")
	}
}
