// Package envelope is how the API speaks: what every answer and every error looks like, whoever gives it.
//
//	request ──▶ Front ──▶ mux ──▶ huma ──▶ handler ──▶ Answer, Listing ──▶ {"success":true,"data":…,"meta":…}
//	            id, limit,   │404   │bad field   │error
//	            panic, log   ▼405   ▼            ▼
//	              ◀──────────────── Fault ── shape by path ──▶ {"success":false,"error":…,"details":…,"meta":…}
//
// A handler returns a *Fault, or any error: the sentinels of store have their status (one table, in fault.go), everything else is a
// 500 whose text goes to the log and not to the client. Install replaces huma's package-wide constructors by ours; Front is the one
// middleware around all of it.
package envelope

import (
	"context"
	"time"
)

// Meta comes with every answer.
type Meta struct {
	Timestamp Time   `json:"timestamp" doc:"When the answer was made." example:"2024-01-01T00:00:00.000Z"`
	RequestID string `json:"request_id" doc:"The X-Request-Id of the request, or one made for it: quote it when asking for help." example:"0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e"`
}

// ListMeta comes with every list.
type ListMeta struct {
	Timestamp Time   `json:"timestamp" doc:"When the answer was made." example:"2024-01-01T00:00:00.000Z"`
	RequestID string `json:"request_id" doc:"The X-Request-Id of the request, or one made for it: quote it when asking for help." example:"0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e"`
	Total     int64  `json:"total" doc:"How many rows match, on all pages." example:"1"`
	Limit     int    `json:"limit" doc:"The page's size, as asked." example:"50"`
	Offset    int    `json:"offset" doc:"The rows before this page, as asked." example:"0"`
}

// An Answer carries one thing.
type Answer[T any] struct {
	Success bool `json:"success" doc:"Always true." example:"true"`
	Data    T    `json:"data"`
	Meta    Meta `json:"meta"`
}

// A Listing carries one page of things.
type Listing[T any] struct {
	Success bool     `json:"success" doc:"Always true." example:"true"`
	Data    []T      `json:"data" nullable:"false"`
	Meta    ListMeta `json:"meta"`
}

// One is what a handler returns that answers with one thing.
type One[T any] struct{ Body Answer[T] }

// Many is what a handler returns that answers with a list.
type Many[T any] struct{ Body Listing[T] }

// Give answers with one thing.
func Give[T any](ctx context.Context, data T) *One[T] {
	return &One[T]{Answer[T]{Success: true, Data: data, Meta: metaOf(ctx)}}
}

// List answers with a page; rows may be nil.
func List[T any](ctx context.Context, rows []T, total int64, limit, offset int) *Many[T] {
	if rows == nil {
		rows = []T{}
	}
	m := metaOf(ctx)
	return &Many[T]{Listing[T]{Success: true, Data: rows, Meta: ListMeta{m.Timestamp, m.RequestID, total, limit, offset}}}
}

func metaOf(ctx context.Context) Meta {
	return Meta{Timestamp: Time(time.Now()), RequestID: RequestID(ctx)}
}
