package campaign

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"parley/control/dialer"
	"parley/control/envelope"
	"parley/store"
)

const (
	batch = 250 // rows that are written together
	told  = 200 // problems that an answer lists; all are counted
)

// Upload is what POST /campaigns/{id}/contacts asks.
type Upload struct {
	envelope.ID

	Column string `query:"column" maxLength:"100" doc:"The column that has the numbers. Left out: to_number, or else phone."`
	Whole  bool   `query:"strict" doc:"Take all rows or none: none if one is invalid or may not be called."`

	file    io.Reader
	foreign string // the content type, if that is not CSV
}

// Resolve implements huma.Resolver: it takes hold of the body, which is read as it comes.
func (in *Upload) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "text/csv" {
		in.foreign = r.Header.Get("Content-Type")
		if in.foreign == "" {
			in.foreign = "none"
		}
	}
	in.file = envelope.Arriving(w, r, maxFile)
	return in.Strict.Resolve(ctx)
}

// Uploaded says what became of a file's rows.
type Uploaded struct {
	CampaignID string    `json:"campaign_id" format:"uuid"`
	Rows       int       `json:"rows" doc:"Without the header." example:"150"`
	Added      int       `json:"added" doc:"How many became tasks." example:"143"`
	Duplicates int       `json:"duplicates" doc:"Numbers that the file, or the campaign, had already: they are called once." example:"4"`
	Invalid    int       `json:"invalid" doc:"Rows with a mistake: left out." example:"2"`
	Denied     int       `json:"denied" doc:"Numbers that may not be called: left out." example:"1"`
	Problems   []Problem `json:"problems" nullable:"false" doc:"The first 200 of these, by line."`
}

// Problem is why a row did not become a task.
type Problem struct {
	Line    int    `json:"line" doc:"Of the file, from 1: where the row begins." example:"17"`
	Kind    string `json:"kind" enum:"invalid,denied,duplicate"`
	Field   string `json:"field" doc:"row, to_number, a column, or context_data.NAME for a {{place}} that nothing fills." example:"to_number"`
	Message string `json:"message" example:"\"0171\" is no phone number in E.164 format, such as +1234567890"`
}

// list lists a problem, if there is room.
func (u *Uploaded) list(line int, kind, field, message string) {
	if len(u.Problems) < told {
		u.Problems = append(u.Problems, Problem{line, kind, field, message})
	}
}

// deny counts and lists a number that may not be called.
func (u *Uploaded) deny(line int, why string) {
	u.Denied++
	u.list(line, "denied", "to_number", why)
}

// repeat counts and lists a number that was there already.
func (u *Uploaded) repeat(line int, where string) {
	u.Duplicates++
	u.list(line, "duplicate", "to_number", where)
}

// Upload handles POST /campaigns/{id}/contacts.
func (h *Campaigns) Upload(ctx context.Context, in *Upload) (*envelope.One[Uploaded], error) {
	c, err := h.find(ctx, in.ID.ID)
	if err != nil {
		return nil, none(err)
	}
	if in.foreign != "" {
		return nil, &envelope.Fault{Status: http.StatusUnsupportedMediaType, Message: "send the contacts as text/csv", Details: map[string]string{"Content-Type": in.foreign}}
	}
	if c.Status == store.CampaignCancelled {
		return nil, envelope.Bad("the campaign is cancelled: it takes no contacts")
	}
	vetting, err := h.Vetter.Vet(ctx, c.Org, c.Agent)
	if errors.Is(err, store.ErrNotFound) {
		return nil, envelope.Bad("the campaign's agent is gone")
	}
	if err != nil {
		return nil, err
	}
	u := &upload{h: h, campaign: c, vetting: vetting, at: time.Now().UTC().Truncate(time.Microsecond)}
	file := in.file
	if in.Whole {
		kept, err := u.rehearse(ctx, file, in.Column)
		if err != nil {
			return nil, err
		}
		defer kept.close()
		file = kept.File
	}
	if err := u.read(ctx, file, in.Column, u.add); err != nil {
		return nil, u.broken(err)
	}
	h.Log.InfoContext(ctx, "contacts uploaded", "campaign", c.ID, "rows", u.Rows, "added", u.Added, "duplicates", u.Duplicates,
		"invalid", u.Invalid, "denied", u.Denied)
	return envelope.Give(ctx, u.Uploaded), nil
}

// An upload is one file on its way into a campaign.
type upload struct {
	Uploaded

	h        *Campaigns
	campaign store.Campaign
	vetting  *dialer.Vetting
	at       time.Time // when its tasks were made, all of them: what tells them from those of other files
}

// read reads a file, and hands on its rows in batches, without those that are known to be wrong.
func (u *upload) read(ctx context.Context, file io.Reader, column string, take func(context.Context, []store.Task) error) error {
	u.Uploaded = Uploaded{CampaignID: u.campaign.ID, Problems: []Problem{}}
	r, err := newReader(file, column)
	if err != nil {
		return err
	}
	for rows := make([]store.Task, 0, batch); ; rows = rows[:0] {
		first := len(u.Problems)
		err := u.gather(r, &rows)
		over := errors.Is(err, io.EOF)
		if err != nil && !over {
			return errors.Join(take(ctx, rows), err) // what came before is kept
		}
		if e := take(ctx, rows); e != nil {
			return e
		}
		slices.SortStableFunc(u.Problems[first:], func(a, b Problem) int { return a.Line - b.Line })
		if over {
			return nil
		}
	}
}

// gather fills a batch.
func (u *upload) gather(r *reader, rows *[]store.Task) error {
	lines := map[string]int{}
	for len(*rows) < batch {
		c, err := r.next()
		if err != nil {
			return err
		}
		u.Rows++
		t := u.task(c)
		if len(c.bad) == 0 {
			c.bad = u.vetting.Missing(t)
		}
		if len(c.bad) > 0 {
			u.Invalid++
			for _, field := range slices.Sorted(maps.Keys(c.bad)) {
				u.list(c.line, "invalid", field, c.bad[field])
			}
			continue
		}
		if line, again := lines[t.To]; again {
			u.repeat(c.line, sameAs(line))
			continue
		}
		lines[t.To] = c.line
		if why := u.vetting.Forbidden(t.To); why != "" {
			u.deny(c.line, why)
			continue
		}
		*rows = append(*rows, t)
	}
	return nil
}

func sameAs(line int) string { return "is the number of line " + strconv.Itoa(line) }

// task is what a row becomes.
func (u *upload) task(row contact) store.Task {
	c := u.campaign
	return store.Task{
		ID: store.NewID(), Org: c.Org, Agent: c.Agent, Name: c.Name + ": " + row.number, To: row.number, StartingMessage: c.StartingMessage,
		Context: row.context, Priority: c.Priority, WebhookURL: c.WebhookURL, WebhookEvents: c.WebhookEvents, Campaign: c.ID, Line: row.line,
		Created: u.at,
	}
}

// free leaves out the numbers of the do-not-call list.
func (u *upload) free(ctx context.Context, rows []store.Task) ([]store.Task, error) {
	numbers := make([]string, len(rows))
	for i, t := range rows {
		numbers[i] = t.To
	}
	barred, err := u.h.DoNotCall.BarredAmong(ctx, u.campaign.Org, numbers)
	if err != nil {
		return nil, fmt.Errorf("look up do-not-call list: %w", err)
	}
	return slices.DeleteFunc(rows, func(t store.Task) bool {
		is := slices.Contains(barred, t.To)
		if is {
			u.deny(t.Line, "is on the do-not-call list")
		}
		return is
	}), nil
}

// add makes tasks of rows.
func (u *upload) add(ctx context.Context, rows []store.Task) error {
	rows, err := u.free(ctx, rows)
	if err != nil || len(rows) == 0 {
		return err
	}
	has, err := u.h.Store.AddContacts(ctx, u.campaign.Org, u.campaign.ID, rows)
	if err != nil {
		return fmt.Errorf("add contacts: %w", err)
	}
	for i, k := range has {
		switch {
		case k.Task == rows[i].ID:
			u.Added++
		case k.Created.Equal(u.at):
			u.repeat(rows[i].Line, sameAs(k.Line))
		default:
			u.repeat(rows[i].Line, "is in the campaign already")
		}
	}
	return nil
}

// A draft is a copy of a file on disk, which is removed when it is closed.
type draft struct{ *os.File }

func (d draft) close() {
	_ = d.Close() // it was only read since
	_ = os.Remove(d.Name())
}

// rehearse keeps a file and looks at all of its rows, and refuses it if one of them cannot be called.
func (u *upload) rehearse(ctx context.Context, file io.Reader, column string) (kept draft, err error) {
	kept.File, err = os.CreateTemp("", "parley-contacts-*.csv")
	if err != nil {
		return kept, fmt.Errorf("keep contacts: %w", err)
	}
	defer func() {
		if err != nil {
			kept.close()
		}
	}()
	look := func(ctx context.Context, rows []store.Task) error { _, err := u.free(ctx, rows); return err }
	if err := u.read(ctx, io.TeeReader(file, kept), column, look); err != nil {
		return kept, u.broken(err)
	}
	if n := u.Invalid + u.Denied; n > 0 {
		f := envelope.Bad(fmt.Sprintf("%d of %d rows cannot be called, and all were to be: nothing is taken", n, u.Rows))
		f.Details = map[string]string{}
		for _, p := range u.Problems {
			if p.Kind != "duplicate" {
				f.Details["line "+strconv.Itoa(p.Line)+"."+p.Field] = p.Message
			}
		}
		return kept, f
	}
	if _, err := kept.Seek(0, io.SeekStart); err != nil {
		return kept, fmt.Errorf("keep contacts: %w", err)
	}
	return kept, nil
}

// broken says why a file could not be read to its end, and what is kept of it.
func (u *upload) broken(err error) error {
	var bad *fileError
	var large *http.MaxBytesError
	var fault *envelope.Fault
	kept := ""
	if u.Added > 0 {
		kept = fmt.Sprintf("; the %d contacts before are in the campaign, and will not be there twice when the file is sent again", u.Added)
	}
	switch {
	case errors.Is(err, store.ErrConflict):
		fault = envelope.Bad("the campaign is cancelled: it takes no contacts" + kept)
	case errors.Is(err, store.ErrNotFound):
		fault = envelope.Bad("the campaign's agent is gone" + kept)
	case errors.Is(err, store.ErrUnavailable):
		fault = envelope.Busy("the database is not available, try again later"+kept, err)
	case errors.As(err, &bad):
		fault = envelope.Bad("the file cannot be read" + kept)
		fault.Details = map[string]string{bad.field: bad.message}
	case errors.As(err, &large):
		fault = &envelope.Fault{Status: http.StatusRequestEntityTooLarge, Message: fmt.Sprintf("the file is larger than %d MiB", maxFile>>20) + kept}
	case errors.Is(err, os.ErrDeadlineExceeded):
		fault = &envelope.Fault{Status: http.StatusRequestTimeout, Message: fmt.Sprintf("nothing of the file came for %v", envelope.IdleTime) + kept}
	case errors.Is(err, envelope.ErrArrival):
		fault = envelope.Bad("the file did not arrive whole" + kept)
	default:
		return err
	}
	if fault.Cause == nil {
		fault.Cause = err
	}
	return fault
}
