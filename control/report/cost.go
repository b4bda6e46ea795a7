package report

import "parley/store"

// Cost is what vendors charge for a call, by list prices.
type Cost struct {
	Currency string     `json:"currency" example:"USD"`
	Total    float64    `json:"total" doc:"Of what there is a price for." example:"0.0312"`
	Complete bool       `json:"complete" doc:"Whether all that was used has a price."`
	Missing  []string   `json:"missing" nullable:"false" doc:"What has none, by vendor, kind and model: it is not in total." example:"openai llm my-model at llm.example.com"`
	Vendors  []CostLine `json:"vendors" nullable:"false" doc:"What was used of each model."`
}

// CostLine is what a call used of one model.
type CostLine struct {
	Vendor     string   `json:"vendor" example:"deepgram"`
	Server     *string  `json:"server" doc:"The host of another server than the vendor's own; null: its own."`
	Kind       string   `json:"kind" enum:"stt,llm,tts"`
	Model      *string  `json:"model" doc:"null: it has none." example:"nova-3"`
	Seconds    float64  `json:"audio_seconds" doc:"Of sound that was heard (stt) or made (tts)." example:"63.2"`
	Characters int      `json:"characters" doc:"Of text that was spoken."`
	Input      int      `json:"input_tokens"`
	Cached     int      `json:"cached_tokens" doc:"Of these, those that the vendor had in its cache."`
	Output     int      `json:"output_tokens"`
	Total      *float64 `json:"total" doc:"null: there is no price." example:"0.0081"`
}

// ShowCost makes a Cost of a row's; nil: it has none.
func ShowCost(c *store.Cost) *Cost {
	if c == nil {
		return nil
	}
	out := &Cost{Currency: "USD", Total: c.Total, Complete: len(c.Unknown) == 0, Missing: append([]string{}, c.Unknown...), Vendors: make([]CostLine, len(c.Lines))}
	for i, l := range c.Lines {
		line := CostLine{Vendor: l.Vendor, Kind: l.Kind, Seconds: seconds(l.Sound), Characters: l.Characters, Input: l.Input, Cached: l.Cached, Output: l.Output}
		if l.Server != "" {
			line.Server = &l.Server
		}
		if l.Model != "" {
			line.Model = &l.Model
		}
		if l.Known {
			line.Total = &l.Total
		}
		out.Vendors[i] = line
	}
	return out
}
