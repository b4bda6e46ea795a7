package pipeline

import (
	"strings"
	"testing"
	"time"
)

func TestCommandChecked(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		command Command
		want    string // in the error; empty: it is good
	}{
		{Command{Kind: Say, Text: "Hi."}, ""},
		{Command{Kind: Say}, "say: no text"},
		{Command{Kind: Say, Text: "..."}, "say: no text"},
		{Command{Kind: Say, Text: "Hi.", Ask: true}, "say: ask is set: it takes none"},
		{Command{Kind: HangUp}, ""},
		{Command{Kind: HangUp, Text: "Bye.", Cause: "closing_time"}, ""},
		{Command{Kind: HangUp, Cause: "Closing time"}, `hang_up: cause is "Closing time"`},
		{Command{Kind: Inject, Text: "Be brief.", Ask: true}, ""},
		{Command{Kind: Inject, Ask: true}, "inject: no text"},
		{Command{Kind: Mute}, ""},
		{Command{Kind: Mute, Text: "Hush."}, "mute: text is set: it takes none"},
		{Command{Kind: Unmute}, ""},
		{Command{Kind: Unmute, Cause: "x"}, "unmute: cause is set"},
		{Command{Kind: Hold}, ""},
		{Command{Kind: Hold, Text: "Wait.", Every: time.Minute}, ""},
		{Command{Kind: Hold, Text: "Wait.", Every: time.Second}, "hold: every is 1s: want 5s to 10m0s"},
		{Command{Kind: Hold, Every: time.Minute}, "hold: no text to be said every 1m0s"},
		{Command{Kind: Unhold, Text: "Hi."}, ""},
		{Command{Kind: Unhold, Ask: true}, ""},
		{Command{Kind: Unhold, Text: "Hi.", Ask: true}, "unhold: text and ask are set"},
		{Command{Kind: Change, Agent: "b"}, ""},
		{Command{Kind: Change, Agent: "b", Text: "Hi.", Ask: true}, "change: text and ask are set"},
		{Command{Kind: Change}, "change: no agent"},
		{Command{Kind: Hold, Agent: "b"}, "hold: agent is set"},
		{Command{Kind: "dance"}, `unknown command "dance"`},
		{Command{}, `unknown command ""`},
	} {
		switch err := tt.command.Check(); {
		case tt.want == "" && err != nil:
			t.Errorf("%+v: %v", tt.command, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%+v: %q is not in: %v", tt.command, tt.want, err)
		}
	}
}
