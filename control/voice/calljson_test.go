package voice_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"parley/control/envelope"
	"parley/control/voice"
)

// fill puts something into each field of a struct, or leaves it as it is, so that a field that AppendJSON does not know is found out.
func fill(rng *rand.Rand, v reflect.Value) {
	if rng.IntN(5) == 0 && v.Kind() != reflect.Struct {
		return
	}
	texts := []string{"", "plain", `"quoted\"`, "<a&b>", "line\nfeed\x00", "é\u2028", "\xff", "+442071234567"}
	floats := []float64{0, 0.001, 63.24, 1e-9, 1e22, 12}
	switch at := v.Addr().Interface().(type) {
	case *envelope.Time:
		*at = envelope.Time(time.UnixMicro(rng.Int64N(4e15) - 1e15).In(time.FixedZone("", 3600)))
		return
	case *map[string]int64:
		*at = map[string]int64{"b": rng.Int64(), "a": -1, texts[rng.IntN(len(texts))]: 0}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(rng, v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(rng, v.Elem())
	case reflect.String:
		v.SetString(texts[rng.IntN(len(texts))])
	case reflect.Int, reflect.Int64:
		v.SetInt(rng.Int64() - rng.Int64())
	case reflect.Float64:
		v.SetFloat(floats[rng.IntN(len(floats))])
	default:
		panic("fill: a field of a kind that the test does not know: " + v.Type().String())
	}
}

// TestCallAppends: what AppendJSON writes is what encoding/json would.
func TestCallAppends(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var c voice.Call
		fill(rng, reflect.ValueOf(&c).Elem())
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(c); err != nil {
			t.Fatal(err)
		}
		if got := c.AppendJSON(nil); string(got)+"\n" != want.String() {
			t.Fatalf("got  %s\nwant %s", got, &want)
		}
	}
}

// TestListAppends: so it is with a page of them.
func TestListAppends(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	for rows := range 4 {
		page := envelope.Listing[voice.Call]{Success: true, Data: make([]voice.Call, rows), Meta: envelope.ListMeta{RequestID: "r", Total: 7, Limit: 3}}
		fill(rng, reflect.ValueOf(&page.Meta.Timestamp).Elem())
		for i := range page.Data {
			fill(rng, reflect.ValueOf(&page.Data[i]).Elem())
		}
		var got, want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(page); err != nil {
			t.Fatal(err)
		}
		if err := envelope.Format.Marshal(&got, page); err != nil {
			t.Fatal(err)
		}
		if got.String() != want.String() {
			t.Errorf("got  %s\nwant %s", &got, &want)
		}
	}
}
