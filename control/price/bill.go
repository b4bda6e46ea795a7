package price

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/store"
)

// A Use is what a provider was asked for, and what came of it: providers.Use has the same fields, and says what they mean.
type Use struct {
	Provider string
	Kind     string
	Model    string
	Server   string

	Outcome string
	First   time.Duration

	Input, Output, Cached int
	Estimated             bool
	Characters            int
	Sound                 time.Duration
}

// key is what a price is of.
type key struct{ vendor, server, kind, model string }

func (u Use) key() key { return key{u.Provider, u.Server, u.Kind, u.Model} }

// silent says whether an answer of a model came without being told what it used: then nobody knows what it costs.
func (u Use) silent() bool {
	return u.Kind == "llm" && u.First > 0 && u.Input == 0 && u.Output == 0
}

// name is how people know it.
func (k key) name() string {
	text := strings.TrimSpace(k.vendor + " " + k.kind + " " + k.model)
	if k.server != "" {
		text += " at " + k.server
	}
	return text
}

// A Bill adds up what one call uses. Its zero value is empty; its methods may be called by any goroutine.
type Bill struct {
	mu    sync.Mutex
	lines map[key]*line
}

// line is what was used of one model.
type line struct {
	store.CostLine

	silent    int // answers that came without usage
	estimated int // those whose usage was not told, and is estimated
}

// Add adds a Use.
func (b *Bill) Add(u Use) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.lines[u.key()]
	if l == nil {
		l = &line{CostLine: store.CostLine{Vendor: u.Provider, Server: u.Server, Kind: u.Kind, Model: u.Model}}
		if b.lines == nil {
			b.lines = map[key]*line{}
		}
		b.lines[u.key()] = l
	}
	l.Sound += u.Sound
	l.Characters += u.Characters
	l.Input, l.Cached, l.Output = l.Input+u.Input, l.Cached+u.Cached, l.Output+u.Output
	if u.silent() {
		l.silent++
	}
	if u.Estimated {
		l.estimated++
	}
}

// used says whether anything was used that somebody could charge for.
func (l *line) used() bool {
	return l.Sound > 0 || l.Characters > 0 || l.Input > 0 || l.Output > 0 || l.silent > 0
}

// Total is what a bill comes to; nil: nothing was used.
func (l *List) Total(b *Bill) *store.Cost {
	b.mu.Lock()
	defer b.mu.Unlock()
	var c store.Cost
	for k, used := range b.lines {
		if !used.used() {
			continue
		}
		out := used.CostLine
		sum, ok := l.cost(k, out)
		out.Known, out.Total = ok, round(sum)
		c.Total += sum
		c.Lines = append(c.Lines, out)
		if !ok {
			c.Unknown = append(c.Unknown, k.name())
			continue
		}
		if free := sum+l.unit(k) == 0; used.silent > 0 && !free {
			c.Unknown = append(c.Unknown, fmt.Sprintf("%s: %d answers whose usage was not told", k.name(), used.silent))
		}
		if used.estimated > 0 && sum > 0 {
			c.Unknown = append(c.Unknown, fmt.Sprintf("%s: the usage of %d answers that were cut is estimated", k.name(), used.estimated))
		}
	}
	if len(c.Lines) == 0 {
		return nil
	}
	slices.SortFunc(c.Lines, func(a, b store.CostLine) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Vendor, b.Vendor), cmp.Compare(a.Model, b.Model), cmp.Compare(a.Server, b.Server))
	})
	slices.Sort(c.Unknown)
	c.Total = round(c.Total)
	return &c
}

// unit is what a token in and one out cost: 0 where they are free, so that nobody need be told of them.
func (l *List) unit(k key) float64 {
	p, _ := l.of(k)
	return times(p.Input, 1) + times(p.Output, 1)
}

// round is to a ten-thousandth of a cent.
func round(dollars float64) float64 { return math.Round(dollars*1e6) / 1e6 }
