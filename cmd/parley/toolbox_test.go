package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"

	"parley/control/directory"
	"parley/media"
	"parley/pipeline/tool"
	"parley/providers/local"
	"parley/store"
)

// standing is a store.Router of one moment.
type standing struct{ dir store.Directory }

func (s standing) Revision(context.Context) (int64, error)            { return s.dir.Revision, nil }
func (s standing) Directory(context.Context) (store.Directory, error) { return s.dir, nil }

// TestHandOver: an agent can hand over to those of the file that its own organisation has, and to nobody else, by whatever name.
func TestHandOver(t *testing.T) {
	t.Parallel()
	agents := []store.Agent{
		{ID: "1", Org: "acme", Name: "Reception", Enabled: true},
		{ID: "2", Org: "acme", Name: "complaints", Enabled: true, SystemPrompt: "You are patient with {{from}}."},
		{ID: "3", Org: "acme", Name: "Billing"},
		{ID: "4", Org: "bolt", Name: "Sales", Enabled: true},
		{ID: "5", Org: "bolt", Name: "Complaints", Enabled: true, SystemPrompt: "You are of another house."},
	}
	d := directory.New(directory.Options{Router: standing{store.Directory{Organisations: []store.Organisation{{ID: "acme"}, {ID: "bolt"}}, Agents: agents}}})
	if err := d.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	tools, err := withTools(t, "built_in: {hand_over: [{name: Complaints, when: they are angry}, {name: Billing}, {name: Sales}, {name: Reception}, {name: Nobody}]}", nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := config{}
	v := &vendors{hears: "local", speaks: "local", thinks: "openai", engine: local.New(local.Options{}), speakers: map[string]speaker{"local": {}}}
	s := &server{cfg: &cfg, office: &office{directory: d}, vendors: v, players: &players{base: v}, company: &company{cfg: &cfg, vendors: v, tools: tools, log: slog.New(slog.DiscardHandler)}}
	for _, c := range []struct {
		from store.Agent
		want string
	}{
		{agents[0], "[{complaints they are angry}]"}, {agents[1], "[{Reception }]"}, {agents[3], "[{Complaints they are angry}]"}, {agents[4], "[{Sales }]"},
	} {
		if got := fmt.Sprint(s.colleagues(s.company.of(v, c.from), c.from)); got != c.want {
			t.Errorf("%s of %s can hand over to %s, want %s", c.from.Name, c.from.Org, got, c.want)
		}
	}
	info := media.Info{From: "+442071234567"}
	change := s.change("CA1", "acme", info)
	next, _, err := change(t.Context(), "Complaints")
	if err != nil || next.Name != "complaints" || next.Prompt != "You are patient with +442071234567." {
		t.Errorf("%+v, %v", next, err)
	}
	for _, tool := range next.Tools {
		if tool.Name == "hand_over" && strings.Contains(string(tool.Parameters), "Sales") {
			t.Errorf("who took over may hand over by %s", tool.Parameters)
		}
	}
	for _, name := range []string{"Sales", "Billing", "Nobody", ""} {
		if _, _, err := change(t.Context(), name); err == nil {
			t.Errorf("%q of another house, or disabled, or nobody, takes over", name)
		}
	}
	for _, offered := range s.persona("CA1", s.company.of(v, agents[0]), agents[0], info).Tools {
		if offered.Name != "hand_over" {
			continue
		}
		if _, do, err := offered.Run(t.Context(), json.RawMessage(`{"agent":"Complaints"}`)); err != nil || do.Agent != "complaints" {
			t.Errorf("%+v, %v", do, err)
		}
		if _, _, err := offered.Run(t.Context(), json.RawMessage(`{"agent":"Sales"}`)); err == nil {
			t.Error("another organisation's agent takes over")
		}
		return
	}
	t.Error("hand_over is not offered")
}

// TestCollectedByForm: forms of one file do not get into each other's way in the record.
func TestCollectedByForm(t *testing.T) {
	t.Parallel()
	b, err := withTools(t, "built_in: {collect: [{fields: [{name: name}]}, {name: booking, fields: [{name: name}]}]}", nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, c := range b.forCall("CA1", media.Info{}, tool.Ways{}, nil) {
		if !strings.HasPrefix(c.Name, "collect") {
			continue
		}
		for _, args := range []string{`{"name":"` + c.Name + `"}`, `{"confirmed":true}`} {
			_, do, err := c.Run(t.Context(), json.RawMessage(args))
			if err != nil {
				t.Fatal(err)
			}
			if do != nil {
				maps.Copy(got, do.Slots)
			}
		}
	}
	if fmt.Sprint(got) != "map[booking.name:collect_booking name:collect]" {
		t.Errorf("collected %v", got)
	}
}
