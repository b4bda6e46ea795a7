package dialer_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"parley/control/dialer"
	"parley/pipeline"
	"parley/store"
)

// TestChat: a task of a bot is called from the bot's number, by the bot's account; the rules of who may be called are the same.
func TestChat(t *testing.T) {
	t.Parallel()
	room := &switchroom{place: func(int, pipeline.Order) (pipeline.PlacedState, error) { return pipeline.PlacedBusy, nil }}
	mute := &dialer.Unfit{Message: "the bot cannot call"}
	d := newDesk(t, dialer.Rules{}, func(o *dialer.Options) {
		o.Accounts = &books{rooms: map[string]*switchroom{store.ChatAccount + "able": room}}
		o.Chat = func(_ context.Context, _, bot string) (string, error) {
			if bot == "mute" {
				return "", mute
			}
			return "+15550783881", nil
		}
	})
	of := func(bot string) func(*store.Task) { return func(t *store.Task) { t.Bot = bot } }
	_, call := d.ended(d.task("+12125550001", of("able")))
	if call.From != "+15550783881" || call.Leg != "whatsapp" || call.Bot != "able" || call.Cause != store.CauseBusy || len(d.carrier.to()) > 0 || len(room.to()) != 1 {
		t.Errorf("call %+v; the telephone was asked for %v, the bot for %v", call, d.carrier.to(), room.to())
	}
	var unfit *dialer.Unfit
	if _, err := d.Execute(t.Context(), d.org, d.task("+12125550002", of("mute"), byHand).ID); !errors.Is(err, mute) {
		t.Errorf("a bot that cannot call: %v", err)
	}
	if _, err := d.Execute(t.Context(), d.org, d.task("+19005550001", of("able"), byHand).ID); !errors.As(err, &unfit) || unfit.Fields["to_number"] == "" {
		t.Errorf("a premium number: %v", err)
	}
	_, err := d.db.Bar(t.Context(), store.Barred{ID: store.NewID(), Org: d.org, E164: "+12125550003", Created: time.Now()})
	must(t, err)
	if _, err := d.Execute(t.Context(), d.org, d.task("+12125550003", of("able"), byHand).ID); !errors.As(err, &unfit) || !strings.Contains(unfit.Fields["to_number"], "do-not-call") {
		t.Errorf("a barred number: %v", err)
	}
	none := newDesk(t, dialer.Rules{})
	if _, err := none.Execute(t.Context(), none.org, none.task("+12125550004", of("able"), byHand).ID); !errors.Is(err, dialer.ErrNoCarrier) {
		t.Errorf("a server without channels: %v", err)
	}
}

// TestUnpermitted: who has not allowed to be called is asked once, and the task waits for it; then it fails.
func TestUnpermitted(t *testing.T) {
	t.Parallel()
	room := &switchroom{}
	until := time.Now().Add(time.Hour)
	room.place = func(_ int, o pipeline.Order) (pipeline.PlacedState, error) {
		no := &pipeline.Unpermitted{Message: "not allowed"}
		if o.Permission != "" {
			no.Until = until
		}
		return "", no
	}
	d := newDesk(t, dialer.Rules{}, func(o *dialer.Options) {
		o.Accounts = &books{rooms: map[string]*switchroom{store.ChatAccount + "able": room}}
		o.Chat = func(context.Context, string, string) (string, error) { return "+15550783881", nil }
	})
	task := d.task("+12125550001", func(t *store.Task) { t.Bot, t.Permission = "able", `{"text":"May we?"}` })
	waits := d.until("put off", task, func(t store.Task) bool { return t.Retries == 1 })
	if waits.Status != store.Pending || waits.Due.Sub(until).Abs() > time.Second || waits.Error != "not allowed" {
		t.Errorf("the task that waits: %+v", waits)
	}
	n, err := d.db.Permitted(t.Context(), d.org, "able", task.To, time.Now().UTC())
	must(t, err)
	now, call := d.ended(task)
	if n != 1 || now.Outcome != store.CausePermission || call.Cause != store.CausePermission || len(room.to()) != 2 {
		t.Errorf("task %+v, call %+v, asked %d times", now, call, len(room.to()))
	}
}
