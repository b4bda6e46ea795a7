// Package price knows what vendors charge, and adds up what a call has cost.
//
//	providers.Use ──▶ Bill: one a call, adds up by vendor, kind and model ──▶ List.Total ──▶ store.Cost, in the call's record
//	                                                    prices.yaml, and a file of the operator's before it ──┘
//
// Prices are list prices in US dollars; nobody's discount, minimum or tax is in them. What has no price is named instead of guessed at: a Cost
// says whether it is complete. What language models do after the call (reports) is no part of it.
package price

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"parley/store"
)

//go:embed prices.yaml
var defaults []byte

// Defaults is the list that comes with Parley, in the form of an operator's own.
func Defaults() []byte { return bytes.Clone(defaults) }

// A Price is what a model costs, in US dollars; nil is what it does not charge by.
type Price struct {
	Minute     *float64 `yaml:"minute"`     // of sound that was heard or made
	Characters *float64 `yaml:"characters"` // 1,000 of text that was spoken
	Input      *float64 `yaml:"input"`      // 1,000,000 tokens
	Cached     *float64 `yaml:"cached"`     // 1,000,000 of those tokens that the vendor had in its cache; nil: as Input
	Output     *float64 `yaml:"output"`     // 1,000,000 tokens
}

// prices are a vendor's, by model: its name, or how it begins and *.
type prices struct {
	Vendor string           `yaml:"vendor"`
	Server string           `yaml:"server"` // another than the vendor's own, by its host
	Source string           `yaml:"source"` // where the prices stand
	AsOf   string           `yaml:"as_of"`  // when they were looked at: 2026-11-23
	STT    map[string]Price `yaml:"stt"`
	LLM    map[string]Price `yaml:"llm"`
	TTS    map[string]Price `yaml:"tts"`
}

// A List is what vendors charge. It is not changed once made, and may be used by any goroutine.
type List struct{ all []prices }

// Load is the list of a file, and where that has no price, the one that comes with Parley; without a path, that alone.
func Load(path string) (*List, error) {
	own, err := read(defaults)
	if err != nil {
		panic("prices.yaml: " + err.Error()) // a test reads it
	}
	if path == "" {
		return &List{own}, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read prices: %w", err)
	}
	given, err := read(text)
	if err != nil {
		return nil, fmt.Errorf("read prices: %s: %w", path, err)
	}
	return &List{append(given, own...)}, nil
}

// read reads a list, and says all that is wrong with it.
func read(text []byte) ([]prices, error) {
	var file struct {
		Vendors []prices `yaml:"vendors"`
	}
	in := yaml.NewDecoder(bytes.NewReader(text))
	in.KnownFields(true)
	if err := in.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	var bad []error
	for i, v := range file.Vendors {
		if v.Vendor == "" {
			bad = append(bad, fmt.Errorf("vendors[%d].vendor is required", i))
		}
		if _, err := time.Parse(time.DateOnly, v.AsOf); v.AsOf != "" && err != nil {
			bad = append(bad, fmt.Errorf("vendors[%d].as_of is %q: want a date such as 2026-11-23", i, v.AsOf))
		}
		for kind, of := range v.kinds() {
			for _, model := range slices.Sorted(maps.Keys(of)) {
				if why := of[model].wrong(kind); why != "" {
					bad = append(bad, fmt.Errorf("vendors[%d].%s.%s %s", i, kind, model, why))
				}
			}
		}
	}
	return file.Vendors, errors.Join(bad...)
}

func (v *prices) kinds() map[string]map[string]Price {
	return map[string]map[string]Price{"stt": v.STT, "llm": v.LLM, "tts": v.TTS}
}

// wrong says what is wrong with a price; empty: nothing.
func (p Price) wrong(kind string) string {
	for name, v := range map[string]*float64{"minute": p.Minute, "characters": p.Characters, "input": p.Input, "cached": p.Cached, "output": p.Output} {
		if v != nil && (*v < 0 || math.IsNaN(*v) || math.IsInf(*v, 0)) {
			return fmt.Sprintf("has %s %v: want 0 or more", name, *v)
		}
	}
	switch {
	case kind == "stt" && p.Minute == nil:
		return "needs minute"
	case kind == "tts" && p.Minute == nil && p.Characters == nil:
		return "needs characters or minute"
	case kind == "llm" && (p.Input == nil || p.Output == nil):
		return "needs input and output"
	}
	return ""
}

// of is the price of a model; false: the list has none.
func (l *List) of(k key) (Price, bool) {
	for i := range l.all {
		v := &l.all[i]
		if v.Vendor != k.vendor && v.Vendor != "*" || v.Server != k.server {
			continue
		}
		if p, ok := match(v.kinds()[k.kind], k.model); ok {
			return p, true
		}
	}
	return Price{}, false
}

// match finds a model by its name, else by the longest beginning that fits.
func match(of map[string]Price, model string) (best Price, ok bool) {
	if p, ok := of[model]; ok {
		return p, true
	}
	longest := -1
	for name, p := range of {
		begins, some := strings.CutSuffix(name, "*")
		if some && len(begins) > longest && strings.HasPrefix(model, begins) {
			best, ok, longest = p, true, len(begins)
		}
	}
	return best, ok
}

// Cost is what a Use costs; false: there is no price for it.
func (l *List) Cost(u Use) (dollars float64, ok bool) {
	line := store.CostLine{Sound: u.Sound, Characters: u.Characters, Input: u.Input, Cached: u.Cached, Output: u.Output}
	return l.cost(u.key(), line)
}

func (l *List) cost(k key, line store.CostLine) (float64, bool) {
	p, ok := l.of(k)
	if !ok {
		return 0, false
	}
	sum := times(p.Minute, line.Sound.Minutes()) + times(p.Characters, float64(line.Characters)/1e3)
	cached := p.Cached
	if cached == nil {
		cached = p.Input
	}
	sum += times(p.Input, float64(line.Input-line.Cached)/1e6) + times(cached, float64(line.Cached)/1e6) + times(p.Output, float64(line.Output)/1e6)
	return sum, true
}

// times is what a quantity costs; nil charges nothing.
func times(price *float64, quantity float64) float64 {
	if price == nil {
		return 0
	}
	return *price * quantity
}
