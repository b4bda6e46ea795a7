package sql

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"parley/store"
)

// postgres is goose's name.
const postgres = string(goose.DialectPostgres)

// session is set on each connection. A plan that was made while a table was small is kept when it has grown: it must not be one that reads
// all of the table. A node that has vanished must not keep the counters locked.
const session = "SET enable_seqscan = off; SET jit = off; SET idle_in_transaction_session_timeout = '10s'"

// openPostgres makes a pool of connections, which are opened when they are needed.
func (s *Store) openPostgres(dsn string, conns int) error {
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		return err
	}
	if c.ConnectTimeout == 0 || c.ConnectTimeout > s.wait {
		c.ConnectTimeout = s.wait
	}
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
	c.DialFunc = dialer.DialContext
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "parley"
	}
	s.dialect = dialect{name: postgres, forUpdate: " FOR UPDATE", forShare: " FOR KEY SHARE", snapshot: sql.LevelRepeatableRead,
		now: "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT", search: searchPostgres, kind: postgresKind, param: func(i int) string { return "$" + strconv.Itoa(i) }}
	s.writer = stdlib.OpenDB(*c, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, session, pgx.QueryExecModeSimpleProtocol)
		return err
	}))
	s.writer.SetMaxOpenConns(conns)
	s.writer.SetMaxIdleConns(conns)
	s.writer.SetConnMaxIdleTime(5 * time.Minute)
	s.reader = s.writer
	return nil
}

// postgresKind reads the codes of https://www.postgresql.org/docs/current/errcodes-appendix.html, by their classes where it can.
func postgresKind(err error) error {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return wireKind(err)
	}
	switch e.Code {
	case "23505": // unique_violation
		return store.ErrConflict
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return errAgain
	case "25006", "25P03", "55P03", "3D000", "42P01", "42703": // read-only, idle too long, locked; no database yet, no tables yet
		return store.ErrUnavailable
	}
	switch e.Code[:2] {
	case "08", "28", "53", "57", "58": // connection, password, out of something, shut down or cancelled, system
		return store.ErrUnavailable
	case "22", "23", "54": // data, constraint, limit exceeded
		return store.ErrRefused
	}
	return nil
}

// wireKind tells what befell the connection.
func wireKind(err error) error {
	var connect *pgconn.ConnectError
	var network net.Error
	if errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err) || pgconn.Timeout(err) {
		return store.ErrUnavailable
	}
	return nil
}
