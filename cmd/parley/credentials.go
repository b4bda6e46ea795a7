package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"parley/control/lines"
	"parley/control/vault"
	"parley/providers/httptool"
	"parley/store"
	"parley/store/sql"
)

// credentialsCmd keeps an organisation's accounts at carriers and vendors. It works on the database; a server notices within a second or two.
type credentialsCmd struct {
	List   credentialsListCmd   `cmd:"" default:"withargs" help:"List credentials; their secrets are not shown."`
	Set    credentialsSetCmd    `cmd:"" help:"Add a credential, or change one: its secret is read from PARLEY_CREDENTIAL, else from the input's first line."`
	Remove credentialsRemoveCmd `cmd:"" help:"Delete a credential that nothing needs."`
	Verify credentialsVerifyCmd `cmd:"" help:"Ask the vendor whether a credential works."`
	Rotate credentialsRotateCmd `cmd:"" help:"Seal with the key of now what former keys have sealed, of all organisations; serve does so when it starts."`
}

// strongroom is a desk with the keys to what is sealed.
type strongroom struct {
	desk
	secrets
}

// vault is the one that the server has, too.
func (r *strongroom) vault() (*vault.Vault, error) { return r.foundVault(r.DataDir) }

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

// faults are complaints by the API's fields as one error of the command line.
func faults(bad map[string]string) error {
	var all []error
	for _, field := range slices.Sorted(maps.Keys(bad)) {
		all = append(all, fmt.Errorf("--%s %s", strings.ReplaceAll(field, "_", "-"), bad[field]))
	}
	if len(all) == 0 {
		return nil
	}
	return usageError{errors.Join(all...)}
}

// credentialOf finds a credential by id or name.
func credentialOf(ctx context.Context, s *sql.Store, org, name string) (store.Credential, error) {
	all, err := everything(func(p store.Page) ([]store.Credential, int64, error) { return s.Credentials(ctx, org, "", p) })
	if err != nil {
		return store.Credential{}, err
	}
	i := slices.IndexFunc(all, func(c store.Credential) bool { return c.ID == name || c.Name == name })
	if i < 0 {
		return store.Credential{}, usageError{fmt.Errorf("credential %q: %w; `parley credentials` lists them", name, store.ErrNotFound)}
	}
	return all[i], nil
}

type credentialsListCmd struct{ desk }

// Run lists credentials, newest first.
func (c *credentialsListCmd) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(s *sql.Store) error {
		all, err := everything(func(p store.Page) ([]store.Credential, int64, error) { return s.Credentials(ctx, c.Org, "", p) })
		if err != nil {
			return err
		}
		rows, shown := make([][]string, len(all)), make([]map[string]any, len(all))
		for i, r := range all {
			shown[i] = map[string]any{"id": r.ID, "number": r.Number, "vendor": r.Vendor, "name": r.Name, "account_id": r.Account, "base_url": r.BaseURL,
				"secret_hint": r.Hint, "default": r.Default, "verdict": r.Verdict, "sealed_by": r.Sealed.Key, "created_at": r.Created, "updated_at": r.Updated}
			use := ""
			if r.Default {
				use = "default"
			}
			rows[i] = []string{r.Name, r.Vendor, r.Account, "..." + r.Hint, use, string(r.Verdict), r.Updated.Local().Format(time.DateTime), r.ID}
		}
		return c.show(con.out, shown, []string{"NAME", "VENDOR", "ACCOUNT", "SECRET", "USED", "VERDICT", "CHANGED", "ID"}, rows)
	})
}

type credentialsSetCmd struct {
	strongroom
	Name    string   `arg:"" help:"Its name; one that the organisation has is changed."`
	Vendor  string   `help:"Whose account it is: twilio, openai, deepgram, elevenlabs, anthropic, gemini, groq, mistral, custom. Needed for a new one."`
	Account *string  `name:"account-id" help:"The vendor's name for the account, such as Twilio's AccountSid." placeholder:"ID"`
	BaseURL *string  `name:"base-url" help:"Another server than the vendor's." placeholder:"URL"`
	Default *bool    `help:"Use it where no credential is named. A vendor's first one is, unless told otherwise." negatable:""`
	Allow   []string `name:"credentials-allow" help:"As of serve." placeholder:"HOST" var:"PARLEY_CREDENTIALS_ALLOW"`
	Keep    bool     `name:"keep-secret" help:"Leave the secret as it is."`
}

// secretText is what may stand in a secret.
var secretText = regexp.MustCompile(`^[\x21-\x7e]+$`)

// Run makes or changes a credential.
func (c *credentialsSetCmd) Run(ctx context.Context, con console) error {
	v, err := c.vault()
	if err != nil {
		return err
	}
	secret := ""
	if !c.Keep {
		if secret, err = readSecret(con, "PARLEY_CREDENTIAL"); err != nil {
			return err
		}
		if !secretText.MatchString(secret) || len(secret) < 8 || len(secret) > 4096 {
			return usageError{errors.New("the secret must be 8 to 4096 printable characters without spaces")}
		}
	}
	return c.with(ctx, con, func(s *sql.Store) error {
		now := time.Now().UTC().Truncate(time.Microsecond)
		made, err := credentialOf(ctx, s, c.Org, c.Name)
		if errors.Is(err, store.ErrNotFound) {
			return c.create(ctx, con, s, v, secret, now)
		}
		if err != nil {
			return err
		}
		if c.Vendor != "" && c.Vendor != made.Vendor {
			return usageError{fmt.Errorf("%s is a credential of %s: --vendor cannot be changed", c.Name, made.Vendor)}
		}
		made, err = s.UpdateCredential(ctx, c.Org, made.ID, now, func(row *store.Credential) error { return c.change(row, v, secret) })
		if err != nil {
			return err
		}
		fmt.Fprintf(con.out, "%s is changed\n", made.Name)
		return nil
	})
}

// create makes a new credential.
func (c *credentialsSetCmd) create(ctx context.Context, con console, s *sql.Store, v *vault.Vault, secret string, now time.Time) error {
	if !slices.Contains(lines.Vendors(), c.Vendor) {
		return usageError{fmt.Errorf("--vendor is %q: want one of %s", c.Vendor, strings.Join(lines.Vendors(), ", "))}
	}
	if secret == "" {
		return usageError{errors.New("--keep-secret: there is no such credential yet")}
	}
	row := store.Credential{ID: store.NewID(), Org: c.Org, Vendor: c.Vendor, Name: c.Name, Created: now, Updated: now}
	_, others, err := s.Credentials(ctx, c.Org, c.Vendor, store.Page{})
	if err != nil {
		return err
	}
	row.Default = others == 0
	if err := c.change(&row, v, secret); err != nil {
		return err
	}
	if row, err = s.CreateCredential(ctx, row); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "%s is made: %s\n", row.Name, row.ID)
	return nil
}

// change applies the flags to a row, as PATCH /credentials/{id} does.
func (c *credentialsSetCmd) change(row *store.Credential, v *vault.Vault, secret string) error {
	was := *row
	if c.Account != nil {
		row.Account = *c.Account
	}
	if c.BaseURL != nil {
		row.BaseURL = *c.BaseURL
	}
	if c.Default != nil {
		row.Default = *c.Default
	}
	if secret != "" {
		row.Sealed, row.Hint = v.Seal(secret, vault.PlaceOf(store.CredentialSecret, row.Org, row.ID)), lines.Hint(secret)
	}
	if secret != "" || row.Account != was.Account || row.BaseURL != was.BaseURL {
		row.Verdict, row.Verified = "", time.Time{}
	}
	bad := lines.CheckCredential(*row)
	gate, err := httptool.NewGate(c.Allow)
	if err != nil {
		return usageError{fmt.Errorf("--credentials-allow: %w", err)}
	}
	if row.BaseURL != was.BaseURL && row.BaseURL != "" && bad["base_url"] == "" {
		if err := gate.Check(row.BaseURL); err != nil {
			bad["base_url"] = err.Error()
		}
	}
	return faults(bad)
}

type credentialsRemoveCmd struct {
	desk
	Name string `arg:"" help:"Its name or id."`
}

// Run deletes a credential.
func (c *credentialsRemoveCmd) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(s *sql.Store) error {
		made, err := credentialOf(ctx, s, c.Org, c.Name)
		if err != nil {
			return err
		}
		if err := s.DeleteCredential(ctx, c.Org, made.ID); err != nil {
			return err
		}
		fmt.Fprintf(con.out, "%s is removed\n", made.Name)
		return nil
	})
}

type credentialsVerifyCmd struct {
	strongroom
	Name     string   `arg:"" help:"Its name or id."`
	Allow    []string `name:"credentials-allow" help:"As of serve." placeholder:"HOST" var:"PARLEY_CREDENTIALS_ALLOW"`
	Twilio   string   `name:"twilio-base-url" help:"As of serve." default:"https://api.twilio.com" var:"TWILIO_BASE_URL"`
	OpenAI   string   `name:"openai-base-url" help:"As of serve." var:"OPENAI_BASE_URL"`
	Deepgram string   `name:"deepgram-base-url" help:"As of serve." default:"wss://api.deepgram.com" var:"DEEPGRAM_BASE_URL"`
	Eleven   string   `name:"elevenlabs-base-url" help:"As of serve." default:"https://api.elevenlabs.io" var:"ELEVENLABS_BASE_URL"`
}

// Run asks the vendor, and fails if it refuses.
func (c *credentialsVerifyCmd) Run(ctx context.Context, con console) error {
	v, err := c.vault()
	if err != nil {
		return err
	}
	gate, err := httptool.NewGate(c.Allow)
	if err != nil {
		return usageError{fmt.Errorf("--credentials-allow: %w", err)}
	}
	guarded := gate.Transport()
	defer guarded.CloseIdleConnections()
	cfg := config{TwilioBaseURL: c.Twilio, DeepgramBaseURL: c.Deepgram, ElevenLabsBaseURL: c.Eleven}
	cfg.OpenAIBaseURL = c.OpenAI
	return c.with(ctx, con, func(s *sql.Store) error {
		made, err := credentialOf(ctx, s, c.Org, c.Name)
		if err != nil {
			return err
		}
		said, err := lines.Verify(ctx, s, v, cfg.verifier(guarded), made)
		if err != nil {
			return err
		}
		if !said.Works {
			return fmt.Errorf("%s refuses %s", made.Vendor, made.Name)
		}
		fmt.Fprintf(con.out, "%s works at %s\n", made.Name, made.Vendor)
		return nil
	})
}

type credentialsRotateCmd struct{ strongroom }

// Run seals anew, and fails if a secret could not be opened.
func (c *credentialsRotateCmd) Run(ctx context.Context, con console) error {
	v, err := c.vault()
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
