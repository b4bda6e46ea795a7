package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"parley/control"
	"parley/control/vault"
	"parley/providers/httptool"
	"parley/store"
	"parley/store/sql"
)

// credentialsCmd keeps an organisation's accounts at carriers and vendors: by the API of a server, or on its database, where a server notices
// within a second or two.
type credentialsCmd struct {
	List   credentialsListCmd   `cmd:"" default:"withargs" help:"List credentials; their secrets are not shown."`
	Set    credentialsSetCmd    `cmd:"" help:"Add a credential, or change one: its secret is read from PARLEY_CREDENTIAL, else from the input's first line."`
	Remove credentialsRemoveCmd `cmd:"" help:"Delete a credential that nothing needs."`
	Verify credentialsVerifyCmd `cmd:"" help:"Ask the vendor whether a credential works."`
	Rotate credentialsRotateCmd `cmd:"" help:"Seal with the key of now what former keys have sealed, of all organisations, on the database; serve does so when it starts."`
}

// strongroom is a teller with the keys to what is sealed. A server has its own.
type strongroom struct {
	teller
	secrets
}

// fitting is what an API beside the database needs to seal and to open.
func (r *strongroom) fitting() (func(*sql.Store, *control.Options), error) {
	if r.remote() {
		return func(*sql.Store, *control.Options) {}, nil
	}
	v, err := r.foundVault(r.DataDir)
	return func(_ *sql.Store, o *control.Options) { o.Vault = v }, err
}

// readSecret reads a secret from a variable, else from the first line of the input.
func readSecret(con console, name string) (string, error) {
	if secret := con.getenv(name); secret != "" {
		return secret, nil
	}
	fmt.Fprintf(con.err, "%s is not set; the secret, on one line: ", name)
	line, err := bufio.NewReader(con.in).ReadString('\n')
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", usageError{fmt.Errorf("no secret in the input: %w", errors.Join(err, errors.New("it is empty")))}
	}
	return line, nil
}

// credentialRow is what tables show of a credential.
type credentialRow struct {
	thing
	Vendor  string    `json:"vendor"`
	Account *string   `json:"account_id"`
	Hint    *string   `json:"secret_hint"`
	Default bool      `json:"default"`
	Verdict *string   `json:"verdict"`
	Updated time.Time `json:"updated_at"`
}

// credentialOf finds a credential by id or name.
func credentialOf(ctx context.Context, a *api, name string) (credentialRow, error) {
	return find[credentialRow](ctx, a, "/credentials", "credential", name)
}

type credentialsListCmd struct{ teller }

// Run lists credentials, newest first.
func (c *credentialsListCmd) Run(ctx context.Context, con console) error {
	return c.reach(ctx, con, nil, func(a *api) error {
		all, err := list[credentialRow](ctx, a, "/credentials", 0)
		if err != nil {
			return err
		}
		rows := make([][]string, len(all))
		for i, r := range all {
			use := ""
			if r.row.Default {
				use = "default"
			}
			rows[i] = []string{r.row.Name, r.row.Vendor, text(r.row.Account), "..." + text(r.row.Hint), use, text(r.row.Verdict), clock(&r.row.Updated), r.row.ID}
		}
		return c.show(con.out, all, []string{"NAME", "VENDOR", "ACCOUNT", "SECRET", "USED", "VERDICT", "CHANGED", "ID"}, rows)
	})
}

type credentialsSetCmd struct {
	strongroom
	Name    string   `arg:"" help:"Its name; one that the organisation has is changed."`
	Vendor  string   `help:"Whose account it is: ${accounts}. Needed for a new one."`
	Account *string  `name:"account-id" help:"The vendor's name for the account, such as Twilio's AccountSid." placeholder:"ID"`
	App     *string  `name:"application-id" help:"The account's application that calls are placed by, where the vendor has such: Telnyx' TeXML application." placeholder:"ID"`
	Key     *string  `name:"public-key" help:"What the vendor signs webhooks with for this account, where that is a pair of keys: Telnyx." placeholder:"KEY"`
	BaseURL *string  `name:"base-url" help:"Another server than the vendor's." placeholder:"URL"`
	Default *bool    `help:"Use it where no credential is named. A vendor's first one is, unless told otherwise." negatable:""`
	Allow   []string `name:"credentials-allow" help:"As of serve; beside the database." placeholder:"HOST" var:"PARLEY_CREDENTIALS_ALLOW"`
	Keep    bool     `name:"keep-secret" help:"Leave the secret as it is."`
}

// Run makes or changes a credential.
func (c *credentialsSetCmd) Run(ctx context.Context, con console) error {
	sealing, err := c.fitting()
	if err != nil {
		return err
	}
	gate, err := httptool.NewGate(c.Allow)
	if err != nil {
		return usageError{fmt.Errorf("--credentials-allow: %w", err)}
	}
	fields := c.fields()
	if !c.Keep {
		if fields["secret"], err = readSecret(con, "PARLEY_CREDENTIAL"); err != nil {
			return err
		}
	}
	fit := func(s *sql.Store, o *control.Options) { sealing(s, o); o.Gate = gate }
	return c.reach(ctx, con, fit, func(a *api) error {
		made, err := namesake[credentialRow](ctx, a, "/credentials", "credential", c.Name)
		switch {
		case err != nil:
			return err
		case made.ID == "" && c.Keep:
			return usageError{errors.New("--keep-secret: there is no such credential yet")}
		case made.ID == "":
			fields["name"], fields["vendor"] = c.Name, c.Vendor
		case c.Vendor != "" && c.Vendor != made.Vendor:
			return usageError{fmt.Errorf("%s is a credential of %s: --vendor cannot be changed", made.Name, made.Vendor)}
		}
		return made.set(ctx, con, a, "/credentials", fields)
	})
}

// fields are what the flags make of a credential.
func (c *credentialsSetCmd) fields() map[string]any {
	fields := map[string]any{}
	if c.Account != nil {
		fields["account_id"] = orNull(*c.Account)
	}
	if c.App != nil {
		fields["application_id"] = orNull(*c.App)
	}
	if c.Key != nil {
		fields["public_key"] = orNull(*c.Key)
	}
	if c.BaseURL != nil {
		fields["base_url"] = orNull(*c.BaseURL)
	}
	if c.Default != nil {
		fields["default"] = *c.Default
	}
	return fields
}

// set changes what has an id, or makes it, and says which. The path is that of its list.
func (t thing) set(ctx context.Context, con console, a *api, path string, fields map[string]any) error {
	method := http.MethodPost
	if t.ID != "" {
		method, path = http.MethodPatch, path+"/"+t.ID
	}
	var now thing
	if err := a.ask(ctx, method, path, fields, &now); err != nil {
		return misused(err, func(field string) string {
			if field == "secret" { // no flag
				return "the secret"
			}
			return flagged(field)
		})
	}
	done := now.Name + " is changed"
	if t.ID == "" {
		done = now.Name + " is made: " + now.ID
	}
	_, err := fmt.Fprintln(con.out, done)
	return err
}

// remove deletes it from a list of the API.
func (t thing) remove(ctx context.Context, con console, a *api, path string) error {
	if err := a.ask(ctx, http.MethodDelete, path+"/"+t.ID, nil, nil); err != nil {
		return err
	}
	_, err := fmt.Fprintln(con.out, t.Name, "is removed")
	return err
}

type credentialsRemoveCmd struct {
	teller
	Name string `arg:"" help:"Its name or id."`
}

// Run deletes a credential.
func (c *credentialsRemoveCmd) Run(ctx context.Context, con console) error {
	return c.reach(ctx, con, nil, func(a *api) error {
		made, err := credentialOf(ctx, a, c.Name)
		if err != nil {
			return err
		}
		return made.remove(ctx, con, a, "/credentials")
	})
}

type credentialsVerifyCmd struct {
	strongroom
	Name     string   `arg:"" help:"Its name or id."`
	Allow    []string `name:"credentials-allow" help:"As of serve; beside the database." placeholder:"HOST" var:"PARLEY_CREDENTIALS_ALLOW"`
	Twilio   string   `name:"twilio-base-url" help:"As of serve; beside the database." default:"https://api.twilio.com" var:"TWILIO_BASE_URL"`
	Telnyx   string   `name:"telnyx-base-url" help:"As of serve; beside the database." default:"https://api.telnyx.com" var:"TELNYX_BASE_URL"`
	OpenAI   string   `name:"openai-base-url" help:"As of serve; beside the database." var:"OPENAI_BASE_URL"`
	Deepgram string   `name:"deepgram-base-url" help:"As of serve; beside the database." default:"wss://api.deepgram.com" var:"DEEPGRAM_BASE_URL"`
	Eleven   string   `name:"elevenlabs-base-url" help:"As of serve; beside the database." default:"https://api.elevenlabs.io" var:"ELEVENLABS_BASE_URL"`
}

// Run asks the vendor, and fails if it refuses.
func (c *credentialsVerifyCmd) Run(ctx context.Context, con console) error {
	sealing, err := c.fitting()
	if err != nil {
		return err
	}
	gate, err := httptool.NewGate(c.Allow)
	if err != nil {
		return usageError{fmt.Errorf("--credentials-allow: %w", err)}
	}
	guarded := gate.Transport()
	defer guarded.CloseIdleConnections()
	cfg := config{TwilioBaseURL: c.Twilio}
	cfg.TelnyxBaseURL = c.Telnyx
	cfg.OpenAIBaseURL, cfg.DeepgramBaseURL, cfg.ElevenLabsBaseURL = c.OpenAI, c.Deepgram, c.Eleven
	fit := func(s *sql.Store, o *control.Options) { sealing(s, o); o.Asker = cfg.verifier(guarded) }
	return c.reach(ctx, con, fit, func(a *api) error {
		made, err := credentialOf(ctx, a, c.Name)
		if err != nil {
			return err
		}
		var said struct{ Works bool }
		if err := a.ask(ctx, http.MethodPost, "/credentials/"+made.ID+"/verify", nil, &said); err != nil {
			return err
		}
		if !said.Works {
			return fmt.Errorf("%s refuses %s", made.Vendor, made.Name)
		}
		_, err = fmt.Fprintf(con.out, "%s works at %s\n", made.Name, made.Vendor)
		return err
	})
}

type credentialsRotateCmd struct {
	desk
	secrets
}

// Run seals anew, and fails if a secret could not be opened.
func (c *credentialsRotateCmd) Run(ctx context.Context, con console) error {
	v, err := c.foundVault(c.DataDir)
	if err != nil {
		return err
	}
	return c.with(ctx, con, func(s *sql.Store) error {
		done, err := vault.Rotate(ctx, v, s, func(r store.Secret) {
			fmt.Fprintf(con.err, "%s %s of organisation %s cannot be opened: its key is missing\n", r.Kind, r.ID, r.Org)
		})
		fmt.Fprintf(con.out, "%d secrets sealed with key %s\n", done.Resealed, v.Key())
		if err == nil && done.Closed > 0 {
			err = fmt.Errorf("%d secrets were left as they are: enter them anew, or give their key as PARLEY_FORMER_VAULT_KEY", done.Closed)
		}
		return err
	})
}
