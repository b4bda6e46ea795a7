package vonage

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"parley/pipeline"
)

// bench/carrier proves the account against Vonage's API on real sockets; here are keys, tokens and words.

func TestKeys(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
	old := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	line := base64.StdEncoding.EncodeToString(raw)
	if len(line) > 4096 {
		t.Errorf("on one line it has %d bytes: more than a secret may have", len(line))
	}
	for name, text := range map[string]string{"PEM": text, "PKCS 1": old, "one line": line, "PEM on one line": base64.StdEncoding.EncodeToString([]byte(text))} {
		a := Account{Application: "aaaaaaaa-bbbb-cccc-dddd-0123456789ab", Key: text, Voice: "https://a/v", Status: "https://a/s"}
		if err := a.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		now := time.Unix(1_800_000_000, 0)
		token, err := a.token(now)
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(token, ".")
		signature, err := base64.RawURLEncoding.DecodeString(parts[2])
		sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
		if err != nil || rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], signature) != nil {
			t.Errorf("%s: the signature is not good: %v", name, err)
		}
		var claims map[string]any
		body, _ := base64.RawURLEncoding.DecodeString(parts[1])
		if err := json.Unmarshal(body, &claims); err != nil || claims["application_id"] != a.Application || claims["iat"] != float64(now.Unix()) || claims["exp"] != float64(now.Unix()+300) {
			t.Errorf("%s: claims %v, %v", name, claims, err)
		}
	}
	err = (&Account{Application: "x", Key: "y", Base: "z"}).Check()
	for _, what := range []string{"application id", "private key", "base URL", "voice URL", "status URL"} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v does not name the %s", err, what)
		}
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]pipeline.PlacedState{
		"started": pipeline.PlacedRinging, "ringing": pipeline.PlacedRinging, "answered": pipeline.PlacedAnswered, "machine": pipeline.PlacedAnswered,
		"completed": pipeline.PlacedHungUp, "busy": pipeline.PlacedBusy, "timeout": pipeline.PlacedNoAnswer, "unanswered": pipeline.PlacedNoAnswer,
		"cancelled": pipeline.PlacedCancelled, "failed": pipeline.PlacedFailed, "rejected": pipeline.PlacedFailed, "something new": pipeline.PlacedRinging,
	} {
		if got := State(status); got != want {
			t.Errorf("%s is %s, want %s", status, got, want)
		}
	}
}
