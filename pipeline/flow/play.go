package flow

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"parley/pipeline"
)

// Play lets somebody try a flow as text: each line of r is what the caller says, "/427#" are keys, an empty line is silence. What
// the agent says goes to w, and at the end what was collected. It returns when the agent hangs up or r ends.
func Play(w io.Writer, r io.Reader, f *Flow, o Options) error {
	p := &player{w: w, responder: f.Responder(o), agent: &pipeline.Agent{Name: f.Name(), Lang: f.Lang()}}
	if err := p.play(r); err != nil {
		return err
	}
	return p.sum()
}

func (p *player) play(r io.Reader) error {
	if err := p.turn(pipeline.Talk{Why: pipeline.ForGreeting}); err != nil {
		return err
	}
	lines := bufio.NewScanner(r)
	for !p.over && lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		keys, pressed := strings.CutPrefix(line, "/")
		var err error
		switch {
		case pressed:
			err = p.press(keys)
		case line == "":
			p.silence++
			err = p.turn(pipeline.Talk{Why: pipeline.ForSilence, Silence: p.silence})
		default:
			p.silence = 0
			err = p.turn(pipeline.Talk{Why: pipeline.ForWords, Text: line})
		}
		if err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the caller: %w", err)
	}
	return nil
}

// A player is the telephone that Play holds.
type player struct {
	w         io.Writer
	responder pipeline.Responder
	agent     *pipeline.Agent
	history   []pipeline.Message
	turns     int
	silence   int
	expect    pipeline.Expect
	slots     map[string]string
	over      bool
}

// sum prints what was collected.
func (p *player) sum() error {
	for _, name := range slices.Sorted(maps.Keys(p.slots)) {
		if _, err := fmt.Fprintf(p.w, "%s = %s\n", name, p.slots[name]); err != nil {
			return fmt.Errorf("print the slots: %w", err)
		}
	}
	return nil
}

// press cuts keys into entries as the keypad does: by what is expected now.
func (p *player) press(keys string) error {
	p.silence = 0
	for keys != "" && !p.over {
		n := len(keys)
		if p.expect.Digits > 0 {
			n = min(n, p.expect.Digits)
		}
		rest := keys[n:]
		terminator := p.expect.Terminator
		if terminator == 0 && p.expect.Digits == 0 {
			terminator = '#'
		}
		if i := strings.IndexRune(keys, terminator); i > 0 && i <= n {
			n, rest = i, keys[i+1:]
		}
		if err := p.turn(pipeline.Talk{Why: pipeline.ForKeys, Keys: keys[:n]}); err != nil {
			return err
		}
		keys = rest
	}
	return nil
}

// turn asks for one reply and prints it.
func (p *player) turn(talk pipeline.Talk) error {
	p.turns++
	if said := talk.Text + talk.Keys; said != "" {
		p.history = append(p.history, pipeline.Message{Role: pipeline.Caller, Text: said, Turn: p.turns})
	}
	talk.Turn, talk.Agent, talk.History = p.turns, p.agent, p.history
	p.expect = pipeline.Expect{}
	var said, after strings.Builder
	for d, err := range p.responder.Respond(context.Background(), talk) {
		switch {
		case err != nil:
			return fmt.Errorf("respond: %w", err)
		case d.Expect != nil:
			p.expect = *d.Expect
		case d.Slots != nil:
			p.slots = d.Slots
		case d.Call != nil:
			fmt.Fprintf(&after, "       (wants the tool %s, which is not here)\n", d.Call.Name)
		case d.Do != nil && d.Do.Kind == pipeline.Beep:
			after.WriteString("       (tone)\n")
		case d.Do != nil && d.Do.Kind == pipeline.Transfer:
			p.over = true
			fmt.Fprintf(&after, "       (connects the caller to %s)\n", d.Do.To)
		case d.Do != nil && d.Do.Kind == pipeline.HangUp:
			p.over = true
			after.WriteString("       (hangs up)\n")
		}
		said.WriteString(d.Text)
	}
	p.history = append(p.history, pipeline.Message{Role: pipeline.Assistant, Text: said.String(), Turn: p.turns})
	line := "agent: " + said.String()
	if said.Len() == 0 {
		line = "       (listens)"
	}
	if _, err := fmt.Fprintf(p.w, "%s\n%s", line, after.String()); err != nil {
		return fmt.Errorf("print the agent: %w", err)
	}
	return nil
}
