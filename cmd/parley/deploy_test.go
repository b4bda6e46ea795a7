package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// settingName is what looks like one of our settings.
var settingName = regexp.MustCompile(`\b(?:(?:PARLEY|OTEL|TWILIO|OPENAI|DEEPGRAM|ELEVENLABS|AWS)_[A-Z0-9_]*[A-Z0-9]|DATABASE_URL|NATS_URL)\b`)

// libraries are the settings that OpenTelemetry's own library reads.
var libraries = regexp.MustCompile(`^OTEL_(?:BSP_|EXPORTER_OTLP_(?:TRACES_)?(?:CERTIFICATE|CLIENT_KEY|CLIENT_CERTIFICATE|COMPRESSION|TIMEOUT))`)

// deployed is a file under deploy/.
func deployed(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestDeployNamesSettings: what deploy/ and the docs on it set is what the program reads.
func TestDeployNamesSettings(t *testing.T) {
	t.Parallel()
	known := map[string]bool{"PARLEY_CONFIG": true}
	for _, f := range settingsOf(t) {
		known[f.Tag.Get("var")] = true
	}
	files := []string{"../../docs/deploy.md", "../../docs/traces.md"}
	err := filepath.WalkDir("../../deploy", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && filepath.Ext(path) != ".go" {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range settingName.FindAllString(string(text), -1) {
			if seen++; !known[name] && !libraries.MatchString(name) {
				t.Errorf("%s names %s, which is no setting", path, name)
			}
		}
	}
	if seen < 50 {
		t.Errorf("%d settings in %d files: the test looks at the wrong place", seen, len(files))
	}
}

// TestDeployAgrees: ports, paths and times are those of the program.
func TestDeployAgrees(t *testing.T) {
	t.Parallel()
	c, err := parseServe(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	port := strings.TrimPrefix(c.HTTPAddr, ":")
	chart := deployed(t, "helm/parley/templates/statefulset.yaml")
	image := deployed(t, "Dockerfile")
	for what, has := range map[string]bool{
		"the image's port":           strings.Contains(image, "EXPOSE "+port+"\n"),
		"the image's health check":   strings.Contains(image, "/127.0.0.1/"+port+" "),
		"the image's command":        strings.Contains(image, `ENTRYPOINT ["parley"]`) && strings.Contains(image, `CMD ["serve"]`),
		"the chart's port":           strings.Contains(chart, "containerPort: "+port+"\n"),
		"the chart's address":        strings.Contains(chart, `value: ":`+port+`"`),
		"compose's port":             strings.Contains(deployed(t, "compose.yaml"), `- "`+port+":"+port+`"`),
		"what Prometheus scrapes":    strings.Contains(deployed(t, "prometheus/compose.yml"), "port: "+port+"\n"),
		"the image's user and group": strings.Contains(image, "USER 10001:10001") && strings.Contains(chart, "runAsUser: 10001"),
	} {
		if !has {
			t.Errorf("%s is not the program's", what)
		}
	}
	routes, err := os.ReadFile("routes.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, probe := range regexp.MustCompile(`path: (/[a-z]+), port: http`).FindAllStringSubmatch(chart, -1) {
		if !strings.Contains(string(routes), `"GET `+probe[1]+`"`) {
			t.Errorf("the chart asks for %s, which is no route", probe[1])
		}
	}
	number := func(file, pattern string) time.Duration {
		m := regexp.MustCompile(pattern).FindStringSubmatch(deployed(t, file))
		if m == nil {
			t.Fatalf("%s has no %s", file, pattern)
		}
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		return time.Duration(n) * time.Second
	}
	if got := number("systemd/parley.service", `(?m)^TimeoutStopSec=(\d+)$`); got < c.Drain+20*time.Second {
		t.Errorf("systemd kills %v after SIGTERM, while calls may last %v", got, c.Drain)
	}
	if got := number("helm/parley/values.yaml", `(?m)^drainSeconds: (\d+)$`); got != c.Drain {
		t.Errorf("the chart's drainSeconds are %v, the program's %v", got, c.Drain)
	}
}

// TestUnit: systemd takes the unit, and finds little that it could still be kept from.
func TestUnit(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Fatal("systemd-analyze is missing: apt-get install systemd")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "parley.service")
	text := strings.Replace(deployed(t, "systemd/parley.service"), "ExecStart=/usr/local/bin/parley ", "ExecStart="+self+" ", 1) // verify wants a program that is there
	if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"verify", unit}, {"security", "--offline=true", "--threshold=20", "--no-pager", unit}} {
		out, err := exec.Command(analyze, args...).CombinedOutput()
		if err != nil || args[0] == "verify" && len(bytes.TrimSpace(out)) > 0 {
			t.Errorf("systemd-analyze %s: %v\n%s", args[0], err, out)
		}
	}
}
