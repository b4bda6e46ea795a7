// Command parley is a realtime voice media gateway: it answers phone calls over a carrier's media stream and pipes them through
// speech recognition, an agent and a voice.
//
// This package is the only wiring: config.go reads flags, environment and file; vendors.go turns names into providers;
// serve.go ties legs, pipeline and providers together.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	_ "time/tzdata" // flows name time zones; not every machine has them

	"github.com/alecthomas/kong"

	"parley/control/lines"
	"parley/control/price"
)

func main() {
	os.Exit(exitCode(run(context.Background(), os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr), os.Stderr))
}

// commands is the command line.
type commands struct {
	Config string `help:"YAML file of settings: flag names, with _ for -." placeholder:"FILE" var:"PARLEY_CONFIG"`

	Serve       serveCmd       `cmd:"" help:"Answer calls."`
	Call        callCmd        `cmd:"" help:"Place a call to a Media Streams server, exactly as Twilio would, and speak recorded speech into it."`
	Dial        dialCmd        `cmd:"" help:"Have an agent call a number: makes a task by the API, and executes it."`
	Campaigns   campaignsCmd   `cmd:"" help:"Have an agent call a file of numbers, by the API."`
	Tasks       tasksCmd       `cmd:"" help:"List, execute and delete tasks, by the API."`
	Calls       callsCmd       `cmd:"" help:"List calls, watch and end them, and read what came of them, by the API."`
	Agents      agentsCmd      `cmd:"" help:"List, make and change the agents that answer calls: by the API with --url, else on the database."`
	Numbers     numbersCmd     `cmd:"" help:"Say which agent answers which phone number: by the API with --url, else on the database."`
	Credentials credentialsCmd `cmd:"" help:"Keep an organisation's own accounts at carriers and vendors: by the API with --url, else on the database."`
	Extensions  extensionsCmd  `cmd:"" help:"Keep what an organisation's softphones register with: by the API with --url, else on the database."`
	Trunks      trunksCmd      `cmd:"" help:"Keep an organisation's ways to carriers by SIP: by the API with --url, else on the database."`
	Knowledge   knowledgeCmd   `cmd:"" help:"Let agents know documents, and try what they find in them: by the API with --url, else on the database."`
	Nodes       nodesCmd       `cmd:"" help:"List the processes that serve from the database."`
	Keys        keysCmd        `cmd:"" help:"List, make and revoke keys of the API, on the database."`
	Users       usersCmd       `cmd:"" help:"List and invite users, and set their passwords, on the database."`
	Flow        flowCmd        `cmd:"" help:"Check and try scripted dialogs."`
	Prices      pricesCmd      `cmd:"" help:"Print what vendors charge, as this version of Parley knows it: the form of PARLEY_PRICES."`
	Tools       toolsCmd       `cmd:"" help:"Check what language models can do on a call besides talking."`
	Migrate     migrateCmd     `cmd:"" help:"Bring the database's schema up to date; serve does so when it starts."`
	Doctor      doctorCmd      `cmd:"" help:"Check this machine and these settings, and say what to do about each finding."`
	Bench       benchCmd       `cmd:"" help:"Load test: programs for benchmarks and their peers."`
	Version     versionCmd     `cmd:"" help:"Print the version."`
}

// console is where a command talks to people, and to the program that started it.
type console struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string // settings are read by config.go alone
}

// run is the program: main, and what the end-to-end tests call. It returns when the command is done, or soon after ctx is
// cancelled.
func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) error {
	var c commands
	settings, err := loadSettings(args, getenv)
	if err != nil {
		return usageError{err}
	}
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("parley"),
		kong.Description("A realtime voice media gateway. Settings: flags > environment > file (--config) > defaults."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code; panic(helpShown{}) }),
		kong.Resolvers(settings),
		kong.PostBuild(settings.name),
		vars,
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 120}),
	)
	if err != nil {
		return fmt.Errorf("build command line: %w", err)
	}
	kctx, err := parse(parser, args)
	if exited >= 0 {
		return nil // --help was answered
	}
	if err != nil {
		return usageError{settings.explain(err)}
	}
	con := console{in: stdin, out: stdout, err: stderr, getenv: getenv}
	if kctx.Command() == "serve" {
		return c.Serve.Run(ctx, con) // for months, in which nobody needs kong's 3.5 MB about all the commands
	}
	kctx.BindTo(ctx, (*context.Context)(nil))
	kctx.Bind(con)
	return kctx.Run()
}

// vars are what is too long for a tag, or what the table of vendors has.
var vars = kong.Vars{
	"prompt": defaultPrompt,
	"hear":   namesOf(func(e *entry) bool { return e.hears != nil }), "hear_first": namesOf(func(e *entry) bool { return e.hears != nil && e.hears.auto }),
	"think": namesOf(func(e *entry) bool { return e.thinks != nil }),
	"speak": namesOf(func(e *entry) bool { return e.speaks != nil }), "speak_first": namesOf(func(e *entry) bool { return e.speaks != nil && e.speaks.auto }),
	"accounts": strings.Join(lines.Vendors(), ", "),
}

// namesOf are the names of the vendors that do something, with commas between.
func namesOf(do func(*entry) bool) string {
	var names []string
	for _, e := range table {
		if do(e) {
			names = append(names, e.name)
		}
	}
	return strings.Join(names, ",")
}

// helpShown unwinds kong after it printed help.
type helpShown struct{}

func parse(p *kong.Kong, args []string) (k *kong.Context, err error) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(helpShown); !ok {
				panic(r)
			}
		}
	}()
	return p.Parse(args)
}

// usageError is a mistake on the command line, in the environment or in the file.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// exitCode tells the shell: 0 well, 1 failed, 2 misused.
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "parley:", err)
	if _, misused := errors.AsType[usageError](err); misused {
		return 2
	}
	return 1
}

// interrupts returns a context that the first SIGINT or SIGTERM ends, and one that the second does.
func interrupts(ctx context.Context) (first, second context.Context, stop func()) {
	first, once := context.WithCancel(ctx)
	second, twice := context.WithCancel(context.WithoutCancel(ctx))
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for _, cancel := range []context.CancelFunc{once, twice} {
			select {
			case <-signals:
				cancel()
			case <-done:
				return
			}
		}
	}()
	return first, second, func() { signal.Stop(signals); close(done); once(); twice() }
}

type pricesCmd struct{}

// Run prints the list.
func (pricesCmd) Run(con console) error {
	_, err := con.out.Write(price.Defaults())
	return err
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(con console) error {
	_, err := fmt.Fprintln(con.out, "parley", version())
	return err
}

// version is the module's version and commit, as far as the build knows them.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			v += " " + s.Value[:12]
		}
	}
	return v + " " + info.GoVersion
}
