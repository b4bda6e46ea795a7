package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

// parseServe reads settings as `parley serve` does.
func parseServe(t testing.TB, env map[string]string, args ...string) (config, error) {
	t.Helper()
	args = append([]string{"serve"}, args...)
	s, err := loadSettings(args, func(k string) string { return env[k] })
	if err != nil {
		return config{}, err
	}
	var c commands
	p, err := kong.New(&c, kong.Resolvers(s), kong.PostBuild(s.name), vars)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Parse(args)
	if err != nil {
		err = s.explain(err)
	}
	return c.Serve.config, err
}

func TestSettingsPrecedence(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "parley.yaml")
	if err := os.WriteFile(file, []byte("http_addr: ':1'\ndata_dir: /file\nhangover: 700ms\nrecord: false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := parseServe(t, map[string]string{"PARLEY_HTTP_ADDR": ":2", "PARLEY_DATA_DIR": "/env", "PARLEY_SNAP": "no"},
		"--config", file, "--http-addr", ":3")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{":3", "/env", 700 * time.Millisecond, false, false, 1000},
		[]any{got.HTTPAddr, got.DataDir, *got.Hangover, got.Record, got.Snap, got.MaxCalls}); diff != "" {
		t.Errorf("flags > environment > file > defaults (-want +got):\n%s", diff)
	}
}

func TestSettingsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file string
		env  map[string]string
		args []string
		want []string // all of it in the error
	}{
		"unknown key":     {file: "http_adr: ':1'\n", want: []string{"line 1", "http_adr", "unknown"}},
		"two unknown":     {file: "a: 1\nb: 2\n", want: []string{"a: unknown", "b: unknown"}},
		"twice":           {file: "lang: en\nlang: de\n", want: []string{"line 2", "lang", "twice"}},
		"nested":          {file: "lang:\n  a: b\n", want: []string{"line 2", "lang", "single value"}},
		"not YAML":        {file: "{", want: []string{"yaml"}},
		"bad in file":     {file: "\nmax_calls: many\n", want: []string{"max-calls", "many", "line 2"}},
		"bad in env":      {env: map[string]string{"PARLEY_HANGOVER": "soon"}, want: []string{"hangover", "soon", "PARLEY_HANGOVER"}},
		"bad bool in env": {env: map[string]string{"PARLEY_RECORD": "perhaps"}, want: []string{"record", "perhaps"}},
		"bad enum in env": {env: map[string]string{"PARLEY_STT": "parrot"}, want: []string{"stt", "parrot"}},
		"unknown flag":    {args: []string{"--nonsense"}, want: []string{"--nonsense"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := c.args
			if c.file != "" {
				file := filepath.Join(t.TempDir(), "parley.yaml")
				if err := os.WriteFile(file, []byte(c.file), 0o600); err != nil {
					t.Fatal(err)
				}
				args = append(args, "--config="+file)
			}
			_, err := parseServe(t, c.env, args...)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
		})
	}
}

func TestConfigCheckNamesAll(t *testing.T) {
	t.Parallel()
	c, err := parseServe(t, nil, "--max-calls=-1", "--reprompts=-2", "--drain=-1s", "--public-url=voice.example.com", "--hangover=1ms", "--speech-workers=-3",
		"--recordings=here", "--keep-recordings=-1", "--opus-cache=-1", "--elevenlabs-api-key=k", "--elevenlabs-base-url=ftp://x",
		"--elevenlabs-voice=../user", "--elevenlabs-model=eleven_v3", "--org-calls=-1", "--max-cpu=1.5", "--max-lateness=2s", "--max-speech-wait=-1s",
		"--sip-ring=2m", "--sip-redirects=9", "--turn=3478",
		"--exotel-stream-auth=user:short", "--signalwire-stream-token=short")
	if err != nil {
		t.Fatal(err)
	}
	err = c.check()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, name := range []string{"--max-calls", "reprompts", "--drain", "--public-url", "--speech-workers", "hangover", "--recordings", "--keep-recordings",
		"--opus-cache", "--elevenlabs-base-url", "--elevenlabs-voice", "--elevenlabs-model",
		"--org-calls", "--max-cpu", "--max-lateness", "--max-speech-wait", "--sip-ring", "--sip-redirects", "--turn", "--exotel-stream-auth",
		"--signalwire-stream-token"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%q does not name %s", err, name)
		}
	}
	if c, err := parseServe(t, nil, "--turn=:3478", "--webrtc-udp=off"); err != nil || c.check() == nil || !strings.Contains(c.check().Error(), "--turn") {
		t.Errorf("a relay to nobody: %v, %v", err, c.check())
	}
	if c, err := parseServe(t, nil, "--tts=elevenlabs"); err != nil || c.check() == nil || !strings.Contains(c.check().Error(), "ELEVENLABS_API_KEY") {
		t.Errorf("a voice without its key: %v, %v", err, c.check())
	}
	if c, err := parseServe(t, nil); err != nil || c.check() != nil {
		t.Errorf("the defaults are refused: %v, %v", err, c.check())
	}
}

// TestEnvExample keeps .env.example complete and its defaults true.
func TestEnvExample(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(k, "#") {
			v, _, _ = strings.Cut(v, "#")
			listed[k] = strings.TrimSpace(v)
		}
	}
	want := map[string]string{"PARLEY_CONFIG": ""}
	for _, f := range settingsOf(t) {
		name, def := f.Tag.Get("var"), f.Tag.Get("default")
		if name == "" {
			t.Errorf("config.%s has no variable", f.Name)
		}
		if strings.HasPrefix(def, "${") {
			def = ""
		}
		want[name] = def
	}
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf(".env.example (-want +listed):\n%s", diff)
	}
}

// TestHelpNamesVariables holds the promise that --help names each variable.
func TestHelpNamesVariables(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"serve", "--help"}, func(string) string { return "" }, nil, &out, &out); err != nil {
		t.Fatal(err)
	}
	for _, f := range settingsOf(t) {
		if v := f.Tag.Get("var"); !strings.Contains(strings.Join(strings.Fields(out.String()), " "), "["+v+"]") {
			t.Errorf("serve --help does not name %s", v)
		}
	}
}

// settingsOf lists the settings of serve.
func settingsOf(t *testing.T) []reflect.StructField {
	t.Helper()
	fields := reflect.VisibleFields(reflect.TypeFor[config]())
	return slices.DeleteFunc(fields, func(f reflect.StructField) bool { return f.Anonymous || !f.IsExported() })
}
