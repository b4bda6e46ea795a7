package traits

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Widget lets pages of some origins call the agent by the talk button, without a server of their own (docs/webrtc.md).
type Widget struct {
	Enabled   bool     `json:"enabled" doc:"Whether they may."`
	Origins   []string `json:"origins" minItems:"1" maxItems:"20" nullable:"false" doc:"Of the pages that may, as browsers tell them: scheme and host, and a port where there is one." example:"[\"https://shop.example.com\"]"`
	PerMinute int      `json:"calls_per_minute,omitempty" minimum:"1" maximum:"600" default:"10" doc:"Calls that may begin in a minute, over all nodes."`
	AtOnce    int      `json:"calls_at_once,omitempty" minimum:"1" maximum:"1000" default:"5" doc:"Calls that may go on at once, on each node."`
	Longest   int      `json:"longest_seconds,omitempty" minimum:"10" maximum:"7200" default:"600" doc:"After how long such a call ends; manners.max_length ends it sooner."`
}

// WidgetOf are the limits of an agent that pages may call, by its settings; false: they may not.
func WidgetOf(settings string) (Widget, bool) {
	var set struct{ Widget *Widget }
	if settings == "" || json.Unmarshal([]byte(settings), &set) != nil || set.Widget == nil || !set.Widget.Enabled {
		return Widget{}, false
	}
	w := *set.Widget
	w.PerMinute, w.AtOnce, w.Longest = cmp.Or(w.PerMinute, 10), cmp.Or(w.AtOnce, 5), cmp.Or(w.Longest, 600)
	return w, true
}

// Allows says whether pages of an origin may call.
func (w Widget) Allows(origin string) bool {
	return slices.Contains(w.Origins, strings.ToLower(origin))
}

// Length is the longest that a call may last.
func (w Widget) Length() time.Duration { return time.Duration(w.Longest) * time.Second }

// checkWidget says what the schema cannot.
func checkWidget(w *Widget) (all []Finding) {
	if w == nil {
		return nil
	}
	for i, o := range w.Origins {
		u, err := url.Parse(o)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Scheme+"://"+u.Host != o || strings.ToLower(o) != o {
			all = append(all, Finding{fmt.Sprintf("settings.widget.origins[%d]", i), "want scheme and host in small letters, and no path: https://shop.example.com"})
		}
	}
	return all
}
