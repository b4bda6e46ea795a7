// Package deploy checks what deploy/ says to Helm and to Compose, by those programs' own libraries: neither needs a cluster or an engine.
package deploy

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

const chart = "../../deploy/helm/parley"

// installations are values as people would have them.
var installations = map[string]string{
	"as it is": ``,
	"all of it": `
replicas: 3
settings: {PARLEY_PUBLIC_URL: "https://voice.example.com", PARLEY_MAX_CALLS: "500"}
secrets: {DATABASE_URL: "postgres://parley:x@postgres/parley", PARLEY_SECRET: x, TWILIO_AUTH_TOKEN: x}
imagePullSecrets: [{name: registry}]
drainSeconds: 600
data: {size: 5Gi, storageClass: fast, accessMode: ReadWriteOncePod}
speech: {existingClaim: models}
service: {type: LoadBalancer, port: 443, annotations: {a: b}}
ingress: {enabled: true, className: nginx, tlsSecret: tls, annotations: {a: b}}
podDisruptionBudget: {maxUnavailable: 30%}
serviceMonitor: {enabled: true, labels: {release: prometheus}}
debug: {enabled: true}
serviceAccount: {annotations: {a: b}}
podAnnotations: {a: b}
podLabels: {a: b}
nodeSelector: {a: b}
tolerations: [{key: voice, operator: Exists}]
`,
	"a secret that is there": `
replicas: 2
existingSecret: parley-settings
affinity: {nodeAffinity: {}}
`,
}

// refusals are values that are wrong, by what has to be said of them.
var refusals = map[string]string{
	"secrets.DATABASE_URL":       "replicas: 2",
	"secrets.PARLEY_SECRET":      "{replicas: 2, secrets: {DATABASE_URL: x}}",
	"settings.PARLEY_DRAIN":      "settings: {PARLEY_DRAIN: 1m}",
	"replica":                    "replica: 2",
	"drainSeconds":               "drainSeconds: 5m",
	"/settings/PARLEY_MAX_CALLS": "settings: {PARLEY_MAX_CALLS: 5}",
	"public-url":                 "settings: {public-url: x}",
	"/service/type":              "service: {type: Internet}",
}

func valuesOf(t *testing.T, text string) map[string]any {
	t.Helper()
	values, err := chartutil.ReadValues([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// render is the chart's objects, by their templates.
func render(t *testing.T, text string) (map[string]string, error) {
	t.Helper()
	c, err := loader.Load(chart)
	if err != nil {
		t.Fatal(err)
	}
	values, err := chartutil.ToRenderValues(c, valuesOf(t, text), chartutil.ReleaseOptions{Name: "parley", Namespace: "voice", IsInstall: true}, nil)
	if err != nil {
		return nil, err
	}
	return engine.Render(c, values)
}

// TestChartLints: `helm lint` finds nothing, not even a wish.
func TestChartLints(t *testing.T) {
	t.Parallel()
	for name, text := range installations {
		for _, m := range lint.All(chart, valuesOf(t, text), "voice", true).Messages {
			if m.Severity > support.InfoSev {
				t.Errorf("%s: %s", name, m)
			}
		}
	}
}

// TestChartRenders: each object is one that Kubernetes knows, with no field that it does not know.
func TestChartRenders(t *testing.T) {
	t.Parallel()
	strict := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	for name, text := range installations {
		templates, err := render(t, text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		kinds := map[string]int{}
		for path, text := range templates {
			if filepath.Base(path) == "NOTES.txt" || strings.HasSuffix(path, ".tpl") {
				continue
			}
			for _, doc := range strings.Split(text, "\n---\n") {
				var head struct{ Kind string }
				if err := yaml.Unmarshal([]byte(doc), &head); err != nil {
					t.Fatalf("%s: %s: %v\n%s", name, path, err, doc)
				}
				if head.Kind == "" {
					continue
				}
				kinds[head.Kind]++
				if head.Kind == "ServiceMonitor" { // it is the Prometheus operator's
					continue
				}
				object, _, err := strict.Decode([]byte(doc), nil, nil)
				if err != nil {
					t.Errorf("%s: %s: %v", name, path, err)
				}
				if set, ok := object.(*appsv1.StatefulSet); ok {
					stops(t, name, set)
				}
			}
		}
		t.Logf("%s: %v", name, kinds)
		want := []string{"Service", "ServiceAccount", "StatefulSet"}
		switch name {
		case "all of it":
			want = append(want, "Ingress", "PodDisruptionBudget", "Secret", "ServiceMonitor")
		case "a secret that is there":
			want = append(want, "PodDisruptionBudget")
		}
		slices.Sort(want)
		if got := slices.Sorted(maps.Keys(kinds)); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// stops checks that a node has the time that its calls are promised.
func stops(t *testing.T, name string, set *appsv1.StatefulSet) {
	t.Helper()
	pod := set.Spec.Template.Spec
	drain := int64(300)
	if name == "all of it" {
		drain = 600
	}
	if got, want := *pod.TerminationGracePeriodSeconds, drain+5+30; got != want {
		t.Errorf("%s: killed %d s after it was to stop, want %d", name, got, want)
	}
	c := pod.Containers[0]
	i := slices.IndexFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == "PARLEY_DRAIN" })
	if want := map[int64]string{300: "300s", 600: "600s"}[drain]; i < 0 || c.Env[i].Value != want {
		t.Errorf("%s: PARLEY_DRAIN is not %s: %v", name, want, c.Env)
	}
	if c.ReadinessProbe.HTTPGet.Path != "/readyz" || c.LivenessProbe.HTTPGet.Path != "/healthz" || c.Lifecycle.PreStop == nil {
		t.Errorf("%s: probes or preStop are not as promised", name)
	}
}

// TestChartRefuses: what is wrong is named.
func TestChartRefuses(t *testing.T) {
	t.Parallel()
	for want, text := range refusals {
		if _, err := render(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want it to name %s", text, err, want)
		}
	}
}

// TestValuesDocumented: the schema has each value of values.yaml, and nothing else.
func TestValuesDocumented(t *testing.T) {
	t.Parallel()
	read := func(name string) map[string]any {
		text, err := os.ReadFile(filepath.Join(chart, name))
		if err != nil {
			t.Fatal(err)
		}
		var all map[string]any
		if err := yaml.Unmarshal(text, &all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	values, schema := read("values.yaml"), read("values.schema.json")["properties"].(map[string]any)
	delete(schema, "global") // Helm's own
	if got, want := slices.Sorted(maps.Keys(schema)), slices.Sorted(maps.Keys(values)); !slices.Equal(got, want) {
		t.Errorf("the schema has %v, values.yaml %v", got, want)
	}
}
