package dialer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/bench/carrier"
	"parley/store/storetest/litetest"
	"parley/store/storetest/pgtest"
)

// Processes of the dial-once test are this test's binary, told by these variables what to be.
const (
	roleEnv = "PARLEY_TEST_DIAL_ROLE" // carrier, node
	planEnv = "PARLEY_TEST_DIAL_PLAN" // JSON of a nodePlan; of a carrier the path of its ring log
)

// The account of the fake carrier.
const accountSID, authToken = "AC00000000000000000000000000000001", "8f0c2b7d41e94f0ab0c1d2e3f4a5b6c7"

// postgres is the server of these tests.
var postgres = pgtest.Shared{Fill: litetest.Migrate}

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(roleEnv) {
	case "carrier":
		err = beCarrier(os.Getenv(planEnv), os.Stdin, os.Stdout)
	case "node":
		err = beNode(os.Getenv(planEnv), os.Stdin)
	default:
		os.Exit(postgres.Main(m))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// untilEnd is done when stdin ends, which it does when the starter closes it or dies.
func untilEnd(stdin io.Reader) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, stdin)
	}()
	return ctx
}

// fate is what happens to a call of the dial-once test, told by the last digits of its number.
func fate(to string) (carrier.Fault, carrier.Callee) {
	n, _ := strconv.Atoi(to[len(to)-4:])
	callee := carrier.Callee{Script: []carrier.Step{{Verb: carrier.Silent, For: 2 * time.Second}}}
	switch n % 10 {
	case 5:
		callee.Outcome = "busy"
	case 6:
		callee.Outcome = "failed"
	case 7:
		callee.Rings = time.Hour
	case 8:
		callee.Rings = 30 * time.Millisecond
	}
	switch n % 40 {
	case 1, 3, 8, 9, 15, 17: // whoever wants to know must ask
		callee.Untold = true
		callee.Rings = max(callee.Rings, 300*time.Millisecond)
	}
	switch n % 40 {
	case 0:
		return carrier.Unheard, callee
	case 1, 11, 15, 17, 21:
		return carrier.LostAnswer, callee
	case 2:
		return carrier.Broken, callee
	case 3, 13:
		return carrier.BrokenRang, callee
	case 4:
		return carrier.TooMany, callee
	case 14:
		return carrier.Refused, callee
	case 24:
		if n%80 == 24 {
			return carrier.LateAnswer, callee
		}
	}
	return "", callee
}

// beCarrier is the fake carrier, in a process of its own: it prints its address, and keeps its ring log.
func beCarrier(path string, stdin io.Reader, stdout io.Writer) error {
	ctx := untilEnd(stdin)
	rings, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer rings.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var mu sync.Mutex
	tried := map[string]bool{}
	x := &carrier.Exchange{
		AccountSID: accountSID, AuthToken: authToken, Rings: rings,
		Callee: func(to string) carrier.Callee { _, c := fate(to); return c },
		Fault: func(to string) carrier.Fault {
			f, _ := fate(to)
			mu.Lock()
			defer mu.Unlock()
			if f == carrier.TooMany && tried[to] { // the second time there is room
				return ""
			}
			tried[to] = true
			return f
		},
	}
	web := &http.Server{Handler: x, ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(ln) }()
	fmt.Fprintln(stdout, "http://"+ln.Addr().String())
	<-ctx.Done()
	x.Close()
	if err := errors.Join(web.Close(), <-failed); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// readRings is the ring log: how often each number rang.
func readRings(t *testing.T, path string) map[string]int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rings := map[string]int{}
	for line := range strings.Lines(string(text)) {
		var r carrier.Ring
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("ring log: %q: %v", line, err)
		}
		rings[r.To]++
	}
	return rings
}
