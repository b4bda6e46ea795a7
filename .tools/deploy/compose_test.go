package deploy

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// compose is the file as `docker compose config` reads it.
func compose(t *testing.T, env ...string) (*types.Project, error) {
	t.Helper()
	o, err := cli.NewProjectOptions([]string{"../../deploy/compose.yaml"}, cli.WithEnv(env), cli.WithProfiles([]string{"traces"}))
	if err != nil {
		t.Fatal(err)
	}
	return o.LoadProject(t.Context())
}

// TestCompose: the file is one that Compose takes, and its parts fit.
func TestCompose(t *testing.T) {
	t.Parallel()
	p, err := compose(t, "POSTGRES_PASSWORD=x", "GRAFANA_PASSWORD=y")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"grafana", "jaeger", "nats", "parley", "postgres", "prometheus"}
	if got := p.ServiceNames(); !slices.Equal(got, want) {
		t.Errorf("services %v, want %v", got, want)
	}
	parley := p.Services["parley"]
	drain, err := time.ParseDuration(*parley.Environment["PARLEY_DRAIN"])
	if err != nil || time.Duration(*parley.StopGracePeriod) < drain+20*time.Second {
		t.Errorf("killed %v after it was to stop, while calls may last %v: %v", parley.StopGracePeriod, drain, err)
	}
	for name, s := range p.Services {
		if s.Image != "" && !strings.Contains(s.Image, ":") {
			t.Errorf("%s: %s has no version", name, s.Image)
		}
	}
}

// TestComposeRefuses: without a password nothing starts.
func TestComposeRefuses(t *testing.T) {
	t.Parallel()
	for missing, env := range map[string]string{"POSTGRES_PASSWORD": "GRAFANA_PASSWORD=y", "GRAFANA_PASSWORD": "POSTGRES_PASSWORD=x"} {
		if _, err := compose(t, env); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("%v, want it to name %s", err, missing)
		}
	}
}
