// Package pgtest starts a Postgres for tests and benchmarks, in a directory of its own, and lets it die in every way that one does.
//
//	Start ──initdb──▶ running ──Kill, Stop──▶ down ──Server.Start──▶ running, with all that was committed
//	                  running ──Pause──▶ silent ──Resume──▶ running
//
// It listens on a Unix socket in that directory, and on no port unless it is asked to. As root it runs as the user postgres. It dies
// with the process that started it, however that ends.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Options say how the server is to be.
type Options struct {
	Dir      string   // the parent of its directory; empty: that of temporary files. The user postgres must be able to enter it
	Keep     bool     // Dir is the server's own directory: what it holds from an earlier time is there again, and stays when it is closed
	TCP      bool     // listens on 127.0.0.1 as well, and URL leads there
	Durable  bool     // fsync, as in earnest; false is much faster, and survives Kill all the same
	Settings []string // more of postgresql.conf: "shared_buffers=1GB"
}

// A Server is a Postgres. One goroutine starts and ends it; the others may use its URLs meanwhile.
type Server struct {
	dir  string
	port int
	o    Options
	bin  string // the directory of its programs
	as   *syscall.Credential

	mu      sync.Mutex
	process *os.Process
	ended   chan struct{} // closed when process has
}

// Start makes a server and waits until it answers.
func Start(ctx context.Context, o Options) (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	s := &Server{o: o, bin: bin, port: 5432, dir: o.Dir}
	if o.Keep {
		err = os.MkdirAll(s.dir, 0o755)
	} else {
		s.dir, err = os.MkdirTemp(o.Dir, "parley-pg-")
	}
	if err != nil {
		return nil, err
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.Start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// programs finds the newest Postgres of this machine.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if len(found) > 0 {
		return filepath.Dir(found[0]), nil
	}
	path, err := exec.LookPath("postgres")
	if err != nil {
		return "", errors.New("there is no Postgres: apt-get install postgresql")
	}
	return filepath.Dir(path), nil
}

func version(path string) int {
	n, _ := strconv.Atoi(strings.Split(path, "/")[4])
	return n
}

// prepare gives the directory to its user, and makes the database in it.
func (s *Server) prepare(ctx context.Context) error {
	if os.Geteuid() == 0 { // which Postgres refuses to be
		u, err := user.Lookup("postgres")
		if err != nil {
			return fmt.Errorf("run Postgres as its user: %w: apt-get install postgresql", err)
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		s.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(s.dir, uid, gid); err != nil {
			return err
		}
	}
	if s.o.TCP {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		s.port = l.Addr().(*net.TCPAddr).Port
		if err := l.Close(); err != nil {
			return err
		}
	}
	if _, err := os.Stat(filepath.Join(s.data(), "PG_VERSION")); err == nil && s.o.Keep {
		return nil
	}
	initdb := exec.CommandContext(ctx, filepath.Join(s.bin, "initdb"), "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8",
		"--locale=C.UTF-8", "--no-sync", "--no-instructions")
	initdb.Dir = s.dir
	attend(initdb, s.as)
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb in %s: %w\n%s", s.dir, err, out)
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }
func (s *Server) log() string  { return filepath.Join(s.dir, "log") }

func (s *Server) settings() []string {
	listen := ""
	if s.o.TCP {
		listen = "127.0.0.1"
	}
	on := []string{"listen_addresses=" + listen, "unix_socket_directories=" + s.dir, "port=" + strconv.Itoa(s.port), "max_connections=300"}
	if !s.o.Durable {
		on = append(on, "fsync=off", "full_page_writes=off")
	}
	args := []string{"-D", s.data()}
	for _, o := range append(on, s.o.Settings...) {
		args = append(args, "-c", o)
	}
	return args
}

// Start starts a server that is down, on what it held before, and waits until it answers.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		return nil
	}
	for {
		err := s.launch(ctx)
		if err == nil {
			return nil
		}
		// The last children of one that was killed may hold its memory for a moment.
		if text, rerr := os.ReadFile(s.log()); ctx.Err() != nil || rerr != nil || !strings.Contains(string(text), "still in use") {
			return fmt.Errorf("start Postgres: %w\n%s", err, text)
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

func (s *Server) launch(ctx context.Context) error {
	log, err := os.Create(s.log())
	if err != nil {
		return err
	}
	defer log.Close()
	c := exec.Command(filepath.Join(s.bin, "postgres"), s.settings()...) //nolint:noctx // it outlives the call
	c.Dir, c.Stdout, c.Stderr = s.dir, log, log
	attend(c, s.as)
	ended, err := spawn(c)
	if err != nil {
		return err
	}
	for {
		conn, err := pgx.Connect(ctx, s.URL())
		if err == nil {
			s.process, s.ended = c.Process, ended
			return conn.Close(ctx)
		}
		select {
		case <-ended:
			return errors.New("it has ended")
		default:
		}
		if err := pause(ctx); err != nil {
			_ = c.Process.Kill()
			<-ended
			return err
		}
	}
}

// pause is the time between two looks at a process.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(10 * time.Millisecond):
		return nil
	}
}

// URL leads to the database postgres, as the user postgres.
func (s *Server) URL() string { return s.url("postgres") }

func (s *Server) url(database string) string {
	q := url.Values{"user": {"postgres"}, "sslmode": {"disable"}}
	u := url.URL{Scheme: "postgres", Path: "/" + database}
	if s.o.TCP {
		u.Host = "127.0.0.1:" + strconv.Itoa(s.port)
	} else {
		q.Set("host", s.dir)
		q.Set("port", strconv.Itoa(s.port))
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// Database makes a database, as a copy of another (empty: an empty one), and returns its URL. Nobody may be connected to the other.
func (s *Server) Database(ctx context.Context, name, like string) (string, error) {
	if like == "" {
		like = "template1"
	}
	conn, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()+" TEMPLATE "+pgx.Identifier{like}.Sanitize())
	return s.url(name), err
}

// Kill kills the server and all its children with SIGKILL, as the kernel does when memory is short, and waits until they are gone.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return nil
	}
	halt(s.process.Pid)
	family := append(children(s.process.Pid), s.process.Pid)
	for _, pid := range family {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-s.ended
	s.process = nil
	for _, pid := range family {
		for alive(pid) {
			if err := pause(context.Background()); err != nil {
				return err
			}
		}
	}
	return nil
}

// Stop shuts the server down in order, and waits for it. Clients are thrown out.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return nil
	}
	if err := s.process.Signal(syscall.SIGINT); err != nil { // "fast shutdown"
		return err
	}
	<-s.ended
	s.process = nil
	return nil
}

// Pause makes the server and its children hang: connections stay, nothing answers. Resume lets them go on.
func (s *Server) Pause() error { return s.signal(syscall.SIGSTOP) }

// Resume undoes Pause.
func (s *Server) Resume() error { return s.signal(syscall.SIGCONT) }

// signal tells the server, which is halted first: one that runs may start a process for a new connection while its others are counted.
func (s *Server) signal(sig syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return errors.New("the server is down")
	}
	halt(s.process.Pid)
	for _, pid := range append(children(s.process.Pid), s.process.Pid) {
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

// Close kills the server and removes its directory; one that is to be kept is shut down in order.
func (s *Server) Close() error {
	if s.o.Keep {
		return s.Stop()
	}
	return errors.Join(s.Kill(), os.RemoveAll(s.dir))
}
