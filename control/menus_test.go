package control_test

import (
	"net/http"
	"strings"
	"testing"

	"parley/control/bots"
)

// TestMenus: an ivr bot's menu is its agent's flow; what is wrong with one is named by its own fields; a bot without one is not turned on.
func TestMenus(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *agency) {
		const path, menu = "/api/v1/bots", `{"prompt":"One?","language":"en-GB","options":[{"digit":"1","words":["one"],"say":"Yes."}]}`
		b := w.bot(`{"name":"Menu","type":"ivr","config":{"menu":` + menu + `}}`)
		settings := func() (set struct{ Flow, Languages map[string]any }) {
			var agent struct {
				Settings *struct{ Flow, Languages map[string]any }
			}
			w.want(w.ask(w.ours.key, "GET", "/api/v1/agents/"+b.AgentID, ""), http.StatusOK).data(t, &agent)
			if agent.Settings != nil {
				set = *agent.Settings
			}
			return set
		}
		if set := settings(); set.Flow["start"] != "menu" || set.Languages["listening"] != "en-GB" || !strings.Contains(string(b.Config), `"prompt":"One?"`) {
			t.Errorf("the agent's settings are %+v, the config is %s", set, b.Config)
		}
		for config, field := range map[string]string{
			`{"menu":[]}`:                     "config.menu",
			`{"menu":{"prompt":"One?"}}`:      "config.menu.options",
			`{"menu":` + menu + `,"flow":{}}`: "config.flow",
			`{"menu":{"prompt":"One?","options":[{"digit":"1","say":"x"},{"digit":"1","say":"y"}]}}`: "config.menu.options[1].digit",
			`{"menu":{"prompt":"One?","options":[{"digit":"1","transfer":"nowhere at all"}]}}`:       "config.menu.options[0].transfer",
		} {
			for method, at := range map[string]string{"PUT": path + "/" + b.ID, "POST": path} {
				body := `{"config":` + config + `}`
				if method == "POST" {
					body = `{"name":"b","type":"ivr","config":` + config + `}`
				}
				if a := w.want(w.ask(w.ours.key, method, at, body), http.StatusBadRequest); a.parsed.Details[field] == "" {
					t.Errorf("%s %s: %s is not named: %s", method, config, field, a.body)
				}
			}
		}
		if a := w.want(w.ask(w.ours.key, "POST", path, `{"name":"b","type":"inbound_call","config":{"menu":`+menu+`}}`), http.StatusBadRequest); a.parsed.Details["config.menu"] == "" {
			t.Errorf("a menu of another type: %s", a.body)
		}
		w.want(w.ask(w.ours.key, "PUT", path+"/"+b.ID, `{"config":{"menu":null}}`), http.StatusOK)
		if set := settings(); set.Flow != nil || set.Languages != nil {
			t.Errorf("without its menu, the agent's settings are %+v", set)
		}
		var v bots.Deployment
		w.want(w.ask(w.ours.key, "POST", path+"/"+b.ID+"/deploy/verify", ""), http.StatusOK).data(t, &v)
		if v.Verified || v.Checks[1].Name != "menu" || v.Checks[1].Status != bots.Failed || v.Checks[1].Fix == nil {
			t.Errorf("verified: %+v", v)
		}
		w.want(w.ask(w.ours.key, "POST", path+"/"+b.ID+"/toggle", ""), http.StatusOK) // off
		if a := w.want(w.ask(w.ours.key, "POST", path+"/"+b.ID+"/toggle", ""), http.StatusBadRequest); !strings.Contains(string(a.body), "config.menu") {
			t.Errorf("turned on without a menu: %s", a.body)
		}
		w.want(w.ask(w.ours.key, "PUT", path+"/"+b.ID, `{"config":{"menu":`+menu+`}}`), http.StatusOK)
		w.want(w.ask(w.ours.key, "POST", path+"/"+b.ID+"/toggle", ""), http.StatusOK)
	})
}
