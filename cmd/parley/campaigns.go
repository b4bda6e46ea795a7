package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// campaignsCmd has an agent call many numbers, by the API of a running server.
type campaignsCmd struct {
	List     campaignsListCmd     `cmd:"" default:"withargs" help:"List campaigns."`
	Create   campaignsCreateCmd   `cmd:"" help:"Make a campaign, as a draft, and print its id."`
	Upload   campaignsUploadCmd   `cmd:"" help:"Give it a file of numbers: CSV, whose first line names the columns."`
	Start    campaignsStartCmd    `cmd:"" help:"Begin to call."`
	Pause    campaignsPauseCmd    `cmd:"" help:"Call nobody more for now. Calls that are up go on."`
	Resume   campaignsResumeCmd   `cmd:"" help:"Go on calling."`
	Cancel   campaignsCancelCmd   `cmd:"" help:"Call nobody more, for good."`
	Progress campaignsProgressCmd `cmd:"" help:"Tell how far it is."`
	Export   campaignsExportCmd   `cmd:"" help:"Write its results as CSV."`
}

// campaignRow is what the API tells of a campaign.
type campaignRow struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Status    string    `json:"status"`
	Reason    *string   `json:"reason"`
	CreatedAt time.Time `json:"created_at"`
}

// why is its reason in brackets, if it has one.
func (r campaignRow) why() string {
	if r.Reason == nil {
		return ""
	}
	return " (" + *r.Reason + ")"
}

type campaignsListCmd struct {
	api
	sheet
}

// Run lists campaigns, newest first.
func (c *campaignsListCmd) Run(ctx context.Context, con console) error {
	all, err := list[campaignRow](ctx, &c.api, "/campaigns", 0)
	if err != nil {
		return err
	}
	rows := make([][]string, len(all))
	for i, r := range all {
		rows[i] = []string{r.row.ID, r.row.Name, r.row.Status + r.row.why(), clock(&r.row.CreatedAt)}
	}
	return c.show(con.out, all, []string{"CAMPAIGN", "NAME", "STATUS", "SINCE"}, rows)
}

type campaignsCreateCmd struct {
	api

	Name          string        `arg:"" help:"What it is called."`
	Agent         string        `help:"Id or name of the agent that calls." required:""`
	Say           string        `help:"What the agent says first; columns fill its {{places}}. Empty: its own starting message." placeholder:"TEXT"`
	At            *time.Time    `help:"Start by itself at this time, such as 2030-01-31T09:00:00+01:00." placeholder:"TIME"`
	Priority      int           `help:"Of its tasks; higher goes first." default:"0"`
	MaxCalls      int           `help:"Calls at once. 0: as many as the organisation may have." default:"0"`
	Rate          float64       `help:"Calls begun in a second. 0: the organisation's rule." default:"0"`
	BreakCalls    int           `help:"The circuit breaker looks at so many of the last calls. 0: it is off." default:"20"`
	BreakPercent  int           `help:"It pauses the campaign when more of them than this have failed." default:"50"`
	BreakShort    time.Duration `help:"A call that is hung up sooner has failed, too. 0: none has." default:"0"`
	Webhook       string        `help:"https URL that is told of its calls." placeholder:"URL"`
	WebhookEvents []string      `help:"What it is told: call_started, call_completed, call_failed. None: all."`
}

// Run makes a campaign. Its id goes to stdout alone.
func (c *campaignsCreateCmd) Run(ctx context.Context, con console) error {
	agent, err := c.named(ctx, "agent", c.Agent)
	if err != nil {
		return err
	}
	body := map[string]any{
		"name": c.Name, "agent_id": agent, "starting_message": c.Say, "priority": c.Priority, "max_calls": c.MaxCalls, "calls_per_second": c.Rate,
		"breaker":     map[string]any{"calls": c.BreakCalls, "percent": c.BreakPercent, "short_seconds": c.BreakShort.Seconds()},
		"webhook_url": c.Webhook, "webhook_events": c.WebhookEvents,
	}
	if c.At != nil {
		body["scheduled_at"] = c.At.Format(time.RFC3339)
	}
	var made campaignRow
	if err := c.ask(ctx, http.MethodPost, "/campaigns", body, &made); err != nil {
		return err
	}
	_, err = fmt.Fprintln(con.out, made.ID)
	return err
}

// oneCampaign is a command on one campaign.
type oneCampaign struct {
	api

	Campaign string `arg:"" help:"Its id or name."`
}

// path is where the API has it.
func (c *oneCampaign) path(ctx context.Context) (string, error) {
	id, err := c.named(ctx, "campaign", c.Campaign)
	return "/campaigns/" + id, err
}

// move asks for a change of its status, and tells the new one.
func (c *oneCampaign) move(ctx context.Context, con console, verb string) error {
	path, err := c.path(ctx)
	if err != nil {
		return err
	}
	var now campaignRow
	if err := c.ask(ctx, http.MethodPost, path+"/"+verb, nil, &now); err != nil {
		return err
	}
	_, err = fmt.Fprintf(con.out, "%s is %s%s\n", now.Name, now.Status, now.why())
	return err
}

type (
	campaignsStartCmd  struct{ oneCampaign }
	campaignsPauseCmd  struct{ oneCampaign }
	campaignsResumeCmd struct{ oneCampaign }
	campaignsCancelCmd struct{ oneCampaign }
)

// Run starts it.
func (c *campaignsStartCmd) Run(ctx context.Context, con console) error {
	return c.move(ctx, con, "start")
}

// Run pauses it.
func (c *campaignsPauseCmd) Run(ctx context.Context, con console) error {
	return c.move(ctx, con, "pause")
}

// Run lets it go on.
func (c *campaignsResumeCmd) Run(ctx context.Context, con console) error {
	return c.move(ctx, con, "resume")
}

// Run cancels it.
func (c *campaignsCancelCmd) Run(ctx context.Context, con console) error {
	return c.move(ctx, con, "cancel")
}

type campaignsUploadCmd struct {
	oneCampaign

	File   string `arg:"" help:"CSV in UTF-8; - reads it from standard input."`
	Column string `help:"The column that has the numbers. Empty: to_number, or else phone." placeholder:"NAME"`
	Strict bool   `help:"Take all rows or none: none if one is wrong or may not be called."`
}

// Run uploads the file, and tells what was left out by its line. It fails only if the file was refused, or broke off.
func (c *campaignsUploadCmd) Run(ctx context.Context, con console) error {
	file := con.in
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return usageError{err}
		}
		defer f.Close()
		file = f
	}
	path, err := c.path(ctx)
	if err != nil {
		return err
	}
	query := url.Values{}
	if c.Column != "" {
		query.Set("column", c.Column)
	}
	if c.Strict {
		query.Set("strict", "true")
	}
	answer, err := c.send(ctx, http.MethodPost, path+"/contacts?"+query.Encode(), "text/csv", io.NopCloser(file)) // a file of ours is closed by us
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var told struct {
		Data struct {
			Rows, Added, Duplicates, Invalid, Denied int
			Problems                                 []struct {
				Line                 int
				Kind, Field, Message string
			}
		}
	}
	if err := json.NewDecoder(answer.Body).Decode(&told); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	up := told.Data
	for _, p := range up.Problems {
		fmt.Fprintf(con.err, "line %d: %s: %s %s\n", p.Line, p.Kind, p.Field, p.Message)
	}
	if more := up.Duplicates + up.Invalid + up.Denied - len(up.Problems); more > 0 {
		fmt.Fprintf(con.err, "and %d more\n", more)
	}
	_, err = fmt.Fprintf(con.out, "%d rows: %d added, %d duplicates, %d invalid, %d denied\n", up.Rows, up.Added, up.Duplicates, up.Invalid, up.Denied)
	return err
}

type campaignsProgressCmd struct {
	oneCampaign

	Follow bool `help:"Tell again every two seconds, until it no longer runs; fail if it was paused or cancelled."`
	JSON   bool `name:"json" help:"Print the progress as JSON."`
}

// progressRow is what the API tells of a campaign's progress.
type progressRow struct {
	Status         string
	Reason         *string
	Tasks          map[string]int
	Outcomes       map[string]int
	PercentDone    float64    `json:"percent_done"`
	CallsPerMinute *float64   `json:"calls_per_minute"`
	EstimatedEndAt *time.Time `json:"estimated_end_at"`
}

func (p progressRow) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s: %d completed, %d failed, %d in progress, %d pending of %d (%.1f %%)", p.Status, campaignRow{Reason: p.Reason}.why(),
		p.Tasks["completed"], p.Tasks["failed"], p.Tasks["in_progress"], p.Tasks["pending"], p.Tasks["total"], p.PercentDone)
	if p.CallsPerMinute != nil {
		fmt.Fprintf(&b, ", %.1f calls a minute", *p.CallsPerMinute)
	}
	if p.EstimatedEndAt != nil {
		fmt.Fprintf(&b, ", done at about %s", p.EstimatedEndAt.Local().Format(time.DateTime))
	}
	for i, outcome := range slices.Sorted(maps.Keys(p.Outcomes)) {
		fmt.Fprintf(&b, "%s%s %d", map[bool]string{true: "; ", false: ", "}[i == 0], outcome, p.Outcomes[outcome])
	}
	return b.String()
}

// Run tells how far the campaign is.
func (c *campaignsProgressCmd) Run(ctx context.Context, con console) error {
	path, err := c.path(ctx)
	if err != nil {
		return err
	}
	look := time.NewTicker(2 * time.Second)
	defer look.Stop()
	for {
		var all json.RawMessage
		if err := c.ask(ctx, http.MethodGet, path+"/progress", nil, &all); err != nil {
			return err
		}
		var p progressRow
		if err := json.Unmarshal(all, &p); err != nil {
			return fmt.Errorf("read progress: %w", err)
		}
		if c.JSON {
			fmt.Fprintln(con.out, string(all))
		} else {
			fmt.Fprintln(con.out, p)
		}
		switch {
		case !c.Follow, p.Status == "completed":
			return nil
		case p.Status == "paused", p.Status == "cancelled":
			return errors.New("the campaign is " + p.Status)
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

type campaignsExportCmd struct {
	oneCampaign

	Out string `short:"o" help:"File to write; - writes to standard output." default:"-" placeholder:"FILE"`
}

// Run writes the results. A file is whole, or not there.
func (c *campaignsExportCmd) Run(ctx context.Context, con console) error {
	path, err := c.path(ctx)
	if err != nil {
		return err
	}
	answer, err := c.send(ctx, http.MethodGet, path+"/results", "", nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	return saveAs(con.out, c.Out, answer.Body)
}
