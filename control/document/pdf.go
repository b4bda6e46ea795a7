package document

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// readPDF lets pdftotext of poppler-utils read it, in a process of its own. It is given bytes, not a name, and may not take more time
// or memory than Limits say, whatever is in them: readers in Go lose the spaces between words, and some files make them panic or
// never end (docs/decisions.md).
func (d *Document) readPDF(ctx context.Context, data []byte, l Limits) error {
	tool, err := pdfReader()
	if err != nil {
		return err
	}
	late := errors.New("reading it took too long")
	ctx, cancel := context.WithTimeoutCause(ctx, l.Time, late)
	defer cancel()
	const limited = `ulimit -v "$1" 2>/dev/null; ulimit -t "$2" 2>/dev/null; shift 2; exec "$@"`
	cmd := exec.CommandContext(ctx, "sh", "-c", limited, "sh", strconv.Itoa(l.Memory>>10), strconv.Itoa(int(l.Time/time.Second)+1),
		tool, "-enc", "UTF-8", "-eol", "unix", "-l", strconv.Itoa(l.Pages+1), "-", "-")
	cmd.Env, cmd.Dir, cmd.WaitDelay = []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}, "/", time.Second
	// Pages with little text on them come to more spaces and page breaks than words.
	out, complaint := &bounded{most: 2*l.Letters + l.Pages}, &bounded{most: 4 << 10, rest: true}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(data), out, complaint
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case out.cut:
		return fmt.Errorf("%w: more than %d kB of text", ErrTooBig, l.Letters>>10)
	case err != nil:
		return refusal(err, complaint.String())
	}
	pages := strings.Split(strings.TrimSuffix(out.String(), "\f"), "\f")
	if len(pages) > l.Pages {
		return fmt.Errorf("%w: more than %d pages", ErrTooBig, l.Pages)
	}
	heading := ""
	for i, page := range withoutRunning(pages) {
		heading = d.addText(page, i+1, heading)
	}
	return nil
}

// pdfReader is where pdftotext is.
func pdfReader() (string, error) {
	tool, err := exec.LookPath("pdftotext")
	if err != nil {
		return "", ErrNoPDF
	}
	return tool, nil
}

// refusal says what pdftotext's complaint means.
func refusal(err error, complaint string) error {
	switch {
	case strings.Contains(complaint, "ncorrect password"), strings.Contains(complaint, "ncrypt"):
		return errors.New("it is locked by a password: save it without one")
	case strings.Contains(complaint, "not allowed"):
		return errors.New("its author does not allow its text to be copied")
	}
	if line, _, _ := strings.Cut(strings.TrimSpace(complaint), "\n"); line != "" {
		return fmt.Errorf("it is damaged, or no PDF: %s", squeeze(line))
	}
	return fmt.Errorf("it is damaged, or no PDF: pdftotext: %w", err)
}

// withoutRunning takes off what is printed at the top or the bottom of most pages: running heads, page numbers.
func withoutRunning(pages []string) []string {
	if len(pages) < 3 {
		return pages
	}
	lines := make([][]string, len(pages))
	seen := map[string]int{}
	for i, p := range pages {
		lines[i] = strings.Split(strings.TrimSpace(p), "\n")
		n := len(lines[i])
		seen["top "+running(lines[i][0])]++
		if n > 1 {
			seen["end "+running(lines[i][n-1])]++
		}
	}
	out := make([]string, len(pages))
	for i, ls := range lines {
		if n := len(ls); n > 1 && 2*seen["end "+running(ls[n-1])] > len(pages) {
			ls = ls[:n-1]
		}
		if 2*seen["top "+running(ls[0])] > len(pages) {
			ls = ls[1:]
		}
		out[i] = strings.Join(ls, "\n")
	}
	return out
}

// running is a line without its numbers.
func running(line string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, strings.TrimSpace(line))
}

// bounded keeps the beginning of what is written to it. When there is more it fails, or else ignores the rest.
type bounded struct {
	bytes.Buffer
	most int
	rest bool // is ignored
	cut  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most {
		b.cut = true
		n, _ := b.Buffer.Write(p[:b.most-b.Len()])
		if b.rest {
			return len(p), nil
		}
		return n, io.ErrShortWrite
	}
	return b.Buffer.Write(p)
}
