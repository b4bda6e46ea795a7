package main

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"parley/bench/carrier"
)

// callCmd places a call as Twilio would, or by SIP.
type callCmd struct {
	URL string `arg:"" optional:"" help:"The number's voice webhook, under the name that the server knows itself by." default:"http://127.0.0.1:8080/twilio/voice"`

	asCarrier
	asAnother
	bySIP
	Status string `help:"URL that is told when the call is over." placeholder:"URL"`

	callersScript
	Steps bool          `help:"Show the language of scripts and the script that is run without --script and --do."`
	Max   time.Duration `help:"Hang up, and fail, after so long." default:"10m"`

	WAV   string `name:"wav" help:"Write the call to this file: left what was said, right what was heard." type:"path" default:"call.wav"`
	Heard string `help:"Write what the caller heard to this file." type:"path" placeholder:"FILE"`
	JSON  bool   `name:"json" help:"Print the result as JSON."`

	SpeechDir  string `help:"Directory of the local speech models, which put the agent's answers into words. Empty: parley/speech in the user's cache directory." type:"path" var:"PARLEY_SPEECH_DIR"`
	Transcribe bool   `help:"Put the agent's answers into words, where the local recogniser is installed." default:"true" negatable:""`
}

// asCarrier is how one calls a server as Twilio would.
type asCarrier struct {
	Connect    string `help:"Connect to this host:port, without TLS, instead of to the names in the URLs (which are signed all the same)." placeholder:"HOST:PORT"`
	AuthToken  string `name:"twilio-auth-token" help:"Twilio auth token to sign with. Empty: the one that a server made in the data directory." var:"TWILIO_AUTH_TOKEN"`
	AccountSID string `name:"twilio-account-sid" help:"Twilio account to call from. Empty: a made one." var:"TWILIO_ACCOUNT_SID"`
	DataDir    string `help:"The server's data directory." default:"./data" type:"path" var:"PARLEY_DATA_DIR"`
	From       string `help:"The caller's number." default:"+15550100001"`
	To         string `help:"The number called." default:"+15550100002"`
}

// asAnother is how one calls a server as another carrier would.
type asAnother struct {
	Carrier   string `help:"Whose call it is: twilio, or telnyx, vonage, plivo, exotel or signalwire, with the URL of its voice webhook, such as http://127.0.0.1:8080/telnyx/voice; or audiosocket, with that of its announcements, such as http://127.0.0.1:8080/audiosocket/calls; or asterisk-websocket, freeswitch or genesys, with that of its socket, such as http://127.0.0.1:8080/asterisk/media." default:"twilio" enum:"twilio,telnyx,vonage,plivo,exotel,signalwire,asterisk-websocket,freeswitch,audiosocket,genesys"`
	TelnyxKey string `name:"telnyx-private-key" help:"Key to sign with in Telnyx' place: base64 of 32 random bytes. Empty: one is made, and the server's TELNYX_PUBLIC_KEY told." var:"TELNYX_PRIVATE_KEY"`
	Socket    string `name:"audiosocket" help:"Where the server listens for AudioSocket, which the call is connected to." default:"127.0.0.1:9092" placeholder:"HOST:PORT"`
	APIKey    string `name:"api-key" help:"Key of the API that announces calls by AudioSocket." var:"PARLEY_API_KEY"`

	GenesysAPIKey string `name:"genesys-api-key" help:"Key of the integration, in Genesys' place." var:"GENESYS_API_KEY"`
	GenesysSecret string `name:"genesys-client-secret" help:"Its client secret, in base64." var:"GENESYS_CLIENT_SECRET"`
	VonageKey     string `name:"vonage-signature-secret" help:"Signature secret to sign with in Vonage's place." var:"VONAGE_SIGNATURE_SECRET"`
	Asterisk      string `name:"asterisk-password" help:"Password to dial with in Asterisk's place." var:"PARLEY_ASTERISK_PASSWORD"`
	Switch        string `name:"freeswitch-token" help:"Token to stream with in FreeSWITCH's place." var:"PARLEY_FREESWITCH_TOKEN"`
	PlivoToken    string `name:"plivo-auth-token" help:"Auth token to sign with in Plivo's place." var:"PLIVO_AUTH_TOKEN"`
	ExotelAuth    string `name:"exotel-stream-auth" help:"USER:PASSWORD of the applet in Exotel's place. The URL is the socket's, or that of the page which names it." var:"EXOTEL_STREAM_AUTH"`
	SignalWireKey string `name:"signalwire-signing-key" help:"Key to sign with in SignalWire's place." var:"SIGNALWIRE_SIGNING_KEY"`
}

// token is what requests are signed with.
func (c *asCarrier) token() (string, error) {
	if c.AuthToken != "" {
		return c.AuthToken, nil
	}
	token, err := os.ReadFile(filepath.Join(c.DataDir, tokenFile))
	if err != nil {
		return "", fmt.Errorf("no --twilio-auth-token (TWILIO_AUTH_TOKEN), and none that a server has made: %w", err)
	}
	return strings.TrimSpace(string(token)), nil
}

// telnyx is what requests are signed with in Telnyx' place.
func (c *asAnother) telnyx() (ed25519.PrivateKey, error) {
	seed, err := base64.StdEncoding.DecodeString(c.TelnyxKey)
	if err == nil && len(seed) == ed25519.SeedSize {
		return ed25519.NewKeyFromSeed(seed), nil
	}
	if c.TelnyxKey != "" {
		return nil, usageError{fmt.Errorf("--telnyx-private-key: want base64 of %d bytes", ed25519.SeedSize)}
	}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	text := base64.StdEncoding.EncodeToString
	return nil, usageError{fmt.Errorf("--telnyx-private-key is missing; a new pair: run the server with TELNYX_PUBLIC_KEY=%s, and call with TELNYX_PRIVATE_KEY=%s", text(public), text(private.Seed()))}
}

// proof is what the carrier's calls are signed with, or prove themselves by: a key of Telnyx', else a token.
func (c *asAnother) proof(twilio *asCarrier) (token string, key ed25519.PrivateKey, err error) {
	switch carrier.Kind(c.Carrier) {
	case carrier.Telnyx:
		key, err = c.telnyx()
	case carrier.AudioSocket:
		if token = c.APIKey; token == "" {
			err = usageError{errors.New("--api-key (PARLEY_API_KEY) is missing: calls by AudioSocket are announced with it")}
		}
	case carrier.Genesys:
		if token = c.GenesysSecret; token == "" || c.GenesysAPIKey == "" {
			err = usageError{errors.New("--genesys-api-key and --genesys-client-secret (GENESYS_API_KEY, GENESYS_CLIENT_SECRET): want both, as the server has them")}
		}
	case carrier.Vonage:
		token, err = shared("--vonage-signature-secret", c.VonageKey)
	case carrier.Asterisk:
		token, err = shared("--asterisk-password", c.Asterisk)
	case carrier.FreeSWITCH:
		token, err = shared("--freeswitch-token", c.Switch)
	case carrier.Plivo:
		token, err = shared("--plivo-auth-token", c.PlivoToken)
	case carrier.Exotel:
		token, err = shared("--exotel-stream-auth", c.ExotelAuth)
	case carrier.SignalWire:
		token, err = shared("--signalwire-signing-key", c.SignalWireKey)
	default:
		token, err = twilio.token()
	}
	return token, key, err
}

// shared is a secret that the server must have been told of, too.
func shared(flag, secret string) (string, error) {
	if secret == "" {
		return "", usageError{fmt.Errorf("%s is missing: it is the one that the server has", flag)}
	}
	return secret, nil
}

// callersScript is what a caller does.
type callersScript struct {
	Script string   `help:"File of steps, as parley call --steps shows them." type:"existingfile" xor:"script"`
	Do     []string `help:"A step, such as --do hear --do 'say agent-pass'; may be repeated." sep:"none" xor:"script"`
	Sounds string   `help:"Directory of recorded prompts, instead of Asterisk's." type:"existingdir"`
}

// steps are those that were asked for; nil: none were.
func (c *callersScript) steps() (steps []carrier.Step, err error) {
	switch {
	case len(c.Do) > 0:
		steps, err = carrier.ParseScript("--do", strings.Join(c.Do, "\n"))
	case c.Script != "":
		var text []byte
		if text, err = os.ReadFile(c.Script); err == nil {
			steps, err = carrier.ParseScript(c.Script, string(text))
		}
	}
	if err != nil {
		return nil, usageError{err}
	}
	return steps, nil
}

// Run places the call, prints how it went and fails if the call did.
func (c *callCmd) Run(ctx context.Context, con console) error {
	if c.Steps {
		_, err := fmt.Fprintf(con.out, "%s\n\nThe default script:\n%s\n", carrier.ScriptHelp, carrier.DefaultScript)
		return err
	}
	result, failed := c.place(ctx)
	if result == nil {
		return failed
	}
	if c.Transcribe {
		c.transcribe(ctx, result)
	}
	var err error
	if c.JSON {
		out := json.NewEncoder(con.out)
		out.SetIndent("", "  ")
		err = out.Encode(result)
	} else {
		err = result.Print(con.out)
	}
	return errors.Join(failed, err, c.write(result))
}

// place places the call, one way or the other.
func (c *callCmd) place(ctx context.Context) (*carrier.Result, error) {
	if c.SIP == "" {
		call, err := c.call()
		if err != nil {
			return nil, err
		}
		return call.Place(ctx)
	}
	script, err := c.steps()
	if err != nil {
		return nil, err
	}
	line, err := c.open(c.From)
	if err != nil {
		return nil, err
	}
	defer line.close()
	call := carrier.Call{From: c.From, To: line.order.To, Library: carrier.Library{Sounds: c.Sounds}, MaxLength: c.Max, Script: script}
	return call.PlaceBy(ctx, line.dial)
}

// transcribe fills in what the agent said. That it could not is worth a warning, no more.
func (c *callCmd) transcribe(ctx context.Context, r *carrier.Result) {
	hear, end := listener(ctx, c.SpeechDir)
	defer end()
	if hear == nil {
		r.Warnings = append(r.Warnings, "the agent's words are not shown: no local recogniser here (make setup)")
		return
	}
	if err := r.Transcribe(ctx, hear); err != nil {
		r.Warnings = append(r.Warnings, err.Error())
	}
}

// call is what the flags ask for.
func (c *callCmd) call() (*carrier.Call, error) {
	token, key, err := c.proof(&c.asCarrier)
	if err != nil {
		return nil, err
	}
	script, err := c.steps()
	if err != nil {
		return nil, err
	}
	return &carrier.Call{
		Kind: carrier.Kind(c.Carrier), Key: key, Socket: c.Socket, APIKey: c.GenesysAPIKey,
		URL: c.URL, Connect: c.Connect, AccountSID: c.AccountSID, AuthToken: token, From: c.From, To: c.To,
		StatusCallback: c.Status, Library: carrier.Library{Sounds: c.Sounds}, MaxLength: c.Max, Script: script,
	}, nil
}

// write saves what was asked for.
func (c *callCmd) write(r *carrier.Result) error {
	var errs []error
	if c.WAV != "" {
		errs = append(errs, r.WriteStereo(c.WAV))
	}
	if c.Heard != "" {
		errs = append(errs, r.WriteHeard(c.Heard))
	}
	return errors.Join(errs...)
}
