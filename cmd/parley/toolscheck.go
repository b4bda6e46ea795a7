package main

import (
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"

	"parley/media"
	"parley/pipeline/tool"
	"parley/providers/httptool"
)

// toolsCmd is for those who write files of tools.
type toolsCmd struct {
	Check  toolsCheckCmd  `cmd:"" help:"Check files of tools; every finding is told with its line."`
	Schema toolsSchemaCmd `cmd:"" help:"Print the JSON Schema of files of tools, for editors."`
}

type toolsCheckCmd struct {
	Files      []string `arg:"" placeholder:"FILE" help:"YAML or JSON; docs/tools.md tells of every setting." type:"path"`
	SecretsDir string   `help:"Directory whose files are the secrets, by their names; a variable PARLEY_SECRET_NAME comes before it." type:"path" var:"PARLEY_SECRETS_DIR"`
	Secrets    bool     `help:"Also find the secrets that are not there." default:"true" negatable:""`
}

// Run checks files. Each finding is a line "FILE:LINE: reason"; the exit status is 1 if there is one. Of a file without any it says what
// a model would be offered.
func (c *toolsCheckCmd) Run(con console) error {
	cfg := config{SecretsDir: c.SecretsDir, getenv: con.getenv}
	secrets := cfg.secret
	if !c.Secrets {
		secrets = func(_, name string) (string, error) {
			if !secretName.MatchString(name) {
				return "", httptool.ErrNoSecret
			}
			return "secret", nil
		}
	}
	findings := 0
	for _, path := range c.Files {
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read tools: %w", err)
		}
		b, err := readTools(text, func(allow []string) (*httptool.Client, error) {
			return httptool.New(httptool.Options{Allow: allow, Log: slog.New(slog.DiscardHandler)})
		}, secrets)
		if err == nil {
			fmt.Fprintf(con.out, "%s is sound: the model is offered %s\n", path, strings.Join(b.offered(), ", "))
			for _, m := range b.missing() {
				fmt.Fprintf(con.out, "  %s\n", m)
			}
			b.close()
			continue
		}
		for l := range strings.SplitSeq(err.Error(), "\n") {
			findings++
			if m := located.FindStringSubmatch(l); m != nil {
				l = m[1] + ": " + m[2]
			}
			fmt.Fprintf(con.out, "%s:%s\n", path, l)
		}
	}
	if findings > 0 {
		return fmt.Errorf("%d findings", findings)
	}
	return nil
}

// located is how readTools begins a finding.
var located = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)`)

// offered are the names of what a model is offered on a call, as far as the settings tell.
func (b *toolbox) offered() (names []string) {
	alone := *b
	alone.mcp = nil // which are not to be asked
	for _, t := range alone.forCall("", media.Info{From: "+15550100"}, tool.Ways{Blind: true, Join: true}, nil) {
		names = append(names, t.Name)
	}
	for _, s := range b.mcp {
		names = append(names, "what the MCP server "+s.Name()+" has of its tools")
	}
	for _, a := range b.builtIn.HandOver {
		names = append(names, "hand_over to "+a.Name)
	}
	return names
}

type toolsSchemaCmd struct{}

// Run prints the schema.
func (toolsSchemaCmd) Run(con console) error {
	text, err := toolsSchema()
	if err != nil {
		return err
	}
	_, err = con.out.Write(text)
	return err
}
