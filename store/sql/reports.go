package sql

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"parley/store"
	"parley/store/sql/db"
)

// Report implements store.Reports.
func (s *Store) Report(ctx context.Context, org, call string) (r store.Report, err error) {
	err = s.read(ctx, "read report", func(ctx context.Context, u unit) error {
		row, err := u.Report(ctx, db.ReportParams{Org: org, ID: call})
		r = report(row)
		return err
	})
	return r, err
}

// PutReport implements store.Reports.
func (s *Store) PutReport(ctx context.Context, org string, r store.Report) (stands store.Report, err error) {
	err = s.write(ctx, "put report", func(ctx context.Context, u unit) error {
		call, err := u.over(ctx, org, r.Call)
		if err != nil {
			return err
		}
		row, err := u.Report(ctx, db.ReportParams{Org: org, ID: r.Call})
		ended := time.Time(call.Ended)
		if err == nil && time.Time(row.Made).Before(ended) && !r.Made.Before(ended) { // the call was taken for over, and went on
			err = u.ReplaceReport(ctx, db.ReplaceReportParams{Call: r.Call, Report: r.JSON, Rules: r.Rules, Made: db.Time(r.Made)})
		} else {
			_, err = u.PutReport(ctx, db.PutReportParams{Call: r.Call, Report: r.JSON, Rules: r.Rules, Made: db.Time(r.Made)})
		}
		if err != nil {
			return err
		}
		row, err = u.Report(ctx, db.ReportParams{Org: org, ID: r.Call})
		stands = report(row)
		return err
	})
	return stands, err
}

// Retelling implements store.Reports.
func (s *Store) Retelling(ctx context.Context, org, call string) (t store.Retelling, err error) {
	err = s.read(ctx, "read retelling", func(ctx context.Context, u unit) error {
		row, err := u.Retelling(ctx, db.RetellingParams{Org: org, ID: call})
		if err != nil {
			return err
		}
		t = store.Retelling{Call: row.Call, Source: row.Source, Conversation: row.Conversation, Made: time.Time(row.Made)}
		if err := json.Unmarshal([]byte(row.Messages), &t.Messages); err != nil {
			return fmt.Errorf("decode messages: %w", err)
		}
		return nil
	})
	return t, err
}

// Retell implements store.Reports.
func (s *Store) Retell(ctx context.Context, org string, t store.Retelling, r store.Report) error {
	messages, err := json.Marshal(t.Messages)
	if err != nil {
		return fmt.Errorf("encode messages: %w", err)
	}
	return s.write(ctx, "retell call", func(ctx context.Context, u unit) error {
		if _, err := u.over(ctx, org, t.Call); err != nil {
			return err
		}
		err := u.PutRetelling(ctx, db.PutRetellingParams{
			Call: t.Call, Source: t.Source, Conversation: t.Conversation, Messages: string(messages), Made: db.Time(t.Made),
		})
		if err != nil {
			return err
		}
		return u.ReplaceReport(ctx, db.ReplaceReportParams{Call: t.Call, Report: r.JSON, Rules: r.Rules, Made: db.Time(r.Made)})
	})
}

// over finds a call that is there and has ended.
func (u unit) over(ctx context.Context, org, call string) (db.Call, error) {
	row, err := u.Call(ctx, db.CallParams{Org: org, ID: call})
	if err == nil && !store.Status(row.Status).Final() {
		err = fmt.Errorf("%w: the call is %s", store.ErrConflict, row.Status)
	}
	return row, err
}

// RecordingsBefore implements store.Recordings.
func (s *Store) RecordingsBefore(ctx context.Context, at time.Time, limit int) (found []store.Recording, err error) {
	err = s.read(ctx, "read old recordings", func(ctx context.Context, u unit) error {
		rows, err := u.RecordingsBefore(ctx, db.RecordingsBeforeParams{Before: firstID(at), Most: int32(min(limit, most))}) //nolint:gosec // most fits
		found = each(rows, recording)
		return err
	})
	return found, err
}

// DropRecordings implements store.Recordings.
func (s *Store) DropRecordings(ctx context.Context, calls []string) error {
	return s.write(ctx, "drop recordings", func(ctx context.Context, u unit) error {
		return u.among(ctx, "DELETE FROM recordings WHERE call IN ($KEYS)", calls, nil)
	})
}

// firstID comes before every id that was made at a time or later, and after those that were made before its millisecond (RFC 9562
// section 5.7).
func firstID(at time.Time) string {
	var u uuid.UUID
	ms := max(at.UnixMilli(), 0)
	for i := range 6 {
		u[i] = byte(ms >> (40 - 8*i))
	}
	return u.String()
}

func report(r db.Report) store.Report {
	return store.Report{Call: r.Call, JSON: r.Report, Rules: r.Rules, Made: time.Time(r.Made)}
}
