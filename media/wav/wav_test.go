package wav_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media/wav"
)

const unlimited = math.MaxInt

// chunk is a RIFF chunk, padded to an even length.
func chunk(id string, body ...byte) string {
	b := binary.LittleEndian.AppendUint32([]byte(id), uint32(len(body)))
	b = append(b, body...)
	if len(body)%2 == 1 {
		b = append(b, 0)
	}
	return string(b)
}

// riff is a whole file of the given chunks.
func riff(chunks ...string) string {
	body := strings.Join(chunks, "")
	return string(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(4+len(body)))) + "WAVE" + body
}

func format(tag, channels, rate, bits int, extra ...byte) string {
	var b []byte
	b = binary.LittleEndian.AppendUint16(b, uint16(tag))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate*channels*bits/8))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels*bits/8))
	b = binary.LittleEndian.AppendUint16(b, uint16(bits))
	return chunk("fmt ", append(b, extra...)...)
}

// extensible is the rest of an extensible format that stands for tag.
func extensible(tag byte) []byte {
	return append([]byte{22, 0, 16, 0, 3, 0, 0, 0, tag, 0}, "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xAA\x00\x38\x9B\x71"...)
}

// resized is file with its data size and its RIFF size overwritten.
func resized(file string, riffSize, dataSize uint32) string {
	b := []byte(file)
	binary.LittleEndian.PutUint32(b[4:], riffSize)
	binary.LittleEndian.PutUint32(b[bytes.Index(b, []byte("data"))+4:], dataSize)
	return string(b)
}

var (
	mono   = format(1, 1, 8000, 16)
	data   = chunk("data", 1, 0, 0xFF, 0xFF, 0, 0x80, 0xFF, 0x7F)
	pcm    = []int16{1, -1, math.MinInt16, math.MaxInt16}
	simple = riff(mono, data)
	want   = wav.Sound{PCM: pcm, Rate: 8000, Channels: 1}
)

var readable = []struct {
	name string
	file string
	want wav.Sound
}{
	{"16 bits", simple, want},
	{"stereo", riff(format(1, 2, 16000, 16), data), wav.Sound{PCM: pcm, Rate: 16000, Channels: 2}},
	{"8 bits, unsigned", riff(format(1, 1, 8000, 8), chunk("data", 0, 128, 255)), wav.Sound{PCM: []int16{-32768, 0, 32512}, Rate: 8000, Channels: 1}},
	{"mu-law", riff(format(7, 1, 8000, 8, 0, 0), chunk("fact", 2, 0, 0, 0), chunk("data", 0xFF, 0)), wav.Sound{PCM: []int16{0, -32124}, Rate: 8000, Channels: 1}},
	{"A-law", riff(format(6, 1, 8000, 8, 0, 0), chunk("data", 0xD5, 0x2A)), wav.Sound{PCM: []int16{8, -32256}, Rate: 8000, Channels: 1}},
	{"extensible PCM", riff(format(0xFFFE, 2, 48000, 16, extensible(1)...), data), wav.Sound{PCM: pcm, Rate: 48000, Channels: 2}},
	{"extensible mu-law", riff(format(0xFFFE, 1, 8000, 8, extensible(7)...), chunk("data", 0xFF)), wav.Sound{PCM: []int16{0}, Rate: 8000, Channels: 1}},
	{"chunks before, between and after", riff(chunk("JUNK", 1, 2, 3), mono, chunk("LIST", []byte("INFOISFT\x01\x00\x00\x00x\x00")...), data, chunk("LIST", 1)), want},
	{"an odd chunk without its padding", riff("JUNK\x01\x00\x00\x00x", mono, data), want},
	{"crashed writer: all sizes 0", resized(simple, 0, 0), want},
	{"crashed writer: header of an empty file", resized(simple, 36, 0), want},
	{"crashed writer: sizes of 0xFFFFFFFF", resized(simple, 0xFFFFFFFF, 0xFFFFFFFF), want},
	{"crashed writer: RIFF size only unknown", resized(simple, 0xFFFFFFFF, 0), want},
	{"data size beyond the file", resized(simple, 5000, 5000), want},
	{"cut within a sample", simple[:len(simple)-1], wav.Sound{PCM: pcm[:3], Rate: 8000, Channels: 1}},
	{"cut within a frame", riff(format(1, 2, 8000, 16), chunk("data", 1, 0, 2, 0, 3, 0)), wav.Sound{PCM: []int16{1, 2}, Rate: 8000, Channels: 2}},
	{"no samples", riff(mono, chunk("data")), wav.Sound{Rate: 8000, Channels: 1}},
	{"no samples, but a chunk after them", riff(mono, chunk("data"), chunk("LIST", 1, 2)), wav.Sound{Rate: 8000, Channels: 1}},
}

func TestRead(t *testing.T) {
	t.Parallel()
	for _, tt := range readable {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for name, r := range map[string]io.Reader{
				"whole":        strings.NewReader(tt.file),
				"byte by byte": iotest.OneByteReader(strings.NewReader(tt.file)),
			} {
				got, err := wav.Read(r, unlimited)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
		})
	}
}

var unreadable = []struct {
	name, file, want string
}{
	{"empty", "", "read RIFF header: EOF"},
	{"short", "RIFF", "read RIFF header: unexpected EOF"},
	{"another format", "OggS and so on and on", `not a WAVE file: begins with "OggS and so "`},
	{"no chunks", riff(), "no data chunk"},
	{"no data", riff(mono), "no data chunk"},
	{"a chunk that lies about its size", riff("JUNK\xFF\xFF\xFF\xFF", mono, data), "no data chunk"},
	{"data first", riff(data, mono), "data chunk before the fmt chunk"},
	{"short fmt", riff(chunk("fmt ", 1, 0), data), "fmt chunk of 2 bytes, want 16 or more"},
	{"no channels", riff(format(1, 0, 8000, 16), data), "0 channels, want 1 to 64"},
	{"many channels", riff(format(1, 65, 8000, 16), data), "65 channels, want 1 to 64"},
	{"no rate", riff(format(1, 1, 0, 16), data), "0 samples a second, want 1,000 to 384,000"},
	{"24 bits", riff(format(1, 1, 8000, 24), data), "format 1 of 24 bits"},
	{"float", riff(format(3, 1, 8000, 32), data), "format 3 of 32 bits"},
	{"0 bits", riff(format(7, 1, 8000, 0), data), "format 7 of 0 bits"},
	{"extensible of something else", riff(format(0xFFFE, 1, 8000, 16, make([]byte, 24)...), data), "extensible format that stands for no plain one"},
	{"extensible, but short", riff(format(0xFFFE, 1, 8000, 16), data), "extensible format that stands for no plain one"},
}

func TestReadSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, tt := range unreadable {
		if _, err := wav.Read(strings.NewReader(tt.file), unlimited); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
	broken := errors.New("disk on fire")
	for n := range len(simple) {
		r := io.MultiReader(strings.NewReader(simple[:n]), iotest.ErrReader(broken))
		if _, err := wav.Read(r, unlimited); !errors.Is(err, broken) {
			t.Errorf("reader that fails after %d bytes: error %v, want %v", n, err, broken)
		}
	}
	if _, err := wav.ReadFile("testdata/none.wav"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: error %v", err)
	}
}

func TestReadLimit(t *testing.T) {
	t.Parallel()
	if _, err := wav.Read(strings.NewReader(simple), 4); err != nil {
		t.Errorf("4 samples with a limit of 4: %v", err)
	}
	if _, err := wav.Read(strings.NewReader(simple), 3); !errors.Is(err, wav.ErrTooLong) {
		t.Errorf("4 samples with a limit of 3: error %v, want ErrTooLong", err)
	}
	// A stream without end, as a hostile upload might be: the limit holds.
	endless := io.MultiReader(strings.NewReader(resized(simple, 0, 0)), neverEnding('x'))
	if _, err := wav.Read(endless, 1<<16); !errors.Is(err, wav.ErrTooLong) {
		t.Errorf("endless file: error %v, want ErrTooLong", err)
	}
}

type neverEnding byte

func (e neverEnding) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(e)
	}
	return len(b), nil
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	s := wav.Sound{Rate: 16000, Channels: 2}
	for i := range 40_000 {
		s.PCM = append(s.PCM, int16(i*7919))
	}
	path := filepath.Join(t.TempDir(), "x.wav")
	if err := wav.WriteFile(path, s); err != nil {
		t.Fatal(err)
	}
	got, err := wav.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, got); diff != "" {
		t.Error(diff)
	}
	if got, want := s.Duration(), 1250*time.Millisecond; got != want {
		t.Errorf("duration %v, want %v", got, want)
	}
	if l, r := s.Channel(0), s.Channel(1); len(l) != 20_000 || l[3] != s.PCM[6] || r[3] != s.PCM[7] {
		t.Error("channels are not what was interleaved")
	}
}

func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]wav.Sound{
		"0 channels":                       {Rate: 8000},
		"0 samples a second":               {Channels: 1},
		"3 samples do not fill 2 channels": {PCM: make([]int16, 3), Rate: 8000, Channels: 2},
	} {
		if err := wav.Encode(io.Discard, s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Encode: error %v, want %q", err, want)
		}
	}
	if err := wav.WriteFile(filepath.Join(t.TempDir(), "no", "such", "folder.wav"), want); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("WriteFile to nowhere: error %v", err)
	}
}

func TestHeaderOfHugeFiles(t *testing.T) {
	t.Parallel()
	h := wav.Header(8000, 2, 1<<40)
	if riff, data := binary.LittleEndian.Uint32(h[4:]), binary.LittleEndian.Uint32(h[40:]); riff != data+36 || riff < data {
		t.Errorf("sizes %d and %d overflow", riff, data)
	}
}

// The files of another program, in each of the formats, against what that program makes of them itself.
func TestAgainstSox(t *testing.T) {
	t.Parallel()
	sox, err := exec.LookPath("sox")
	if err != nil {
		t.Fatal("sox is missing: run make setup")
	}
	for name, args := range map[string][]string{
		"16 bits":    {"-b", "16", "-e", "signed"},
		"8 bits":     {"-b", "8", "-e", "unsigned"},
		"mu-law":     {"-e", "mu-law"},
		"A-law":      {"-e", "a-law"},
		"6 channels": {"-b", "16", "-e", "signed", "-c", "6"}, // sox makes this one extensible
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "x.wav")
			command := slices.Concat([]string{"-D", "-n", "-r", "8000"}, args, []string{path, "synth", "0.3", "sine", "440", "gain", "-3"})
			if out, err := exec.Command(sox, command...).CombinedOutput(); err != nil {
				t.Fatalf("sox: %v\n%s", err, out)
			}
			raw, err := exec.Command(sox, path, "-t", "raw", "-e", "signed", "-b", "16", "-").Output()
			if err != nil {
				t.Fatalf("sox: %v", err)
			}
			s, err := wav.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			binary.Write(&got, binary.LittleEndian, s.PCM)
			if !bytes.Equal(got.Bytes(), raw) || len(raw) == 0 {
				t.Errorf("%d samples differ from sox's %d bytes", len(s.PCM), len(raw))
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	for _, tt := range readable {
		f.Add([]byte(tt.file))
	}
	for _, tt := range unreadable {
		f.Add([]byte(tt.file))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		const limit = 1000
		s, err := wav.Read(bytes.NewReader(file), limit)
		if err != nil {
			return
		}
		if len(s.PCM) > limit || len(s.PCM)%s.Channels != 0 {
			t.Fatalf("%d samples of %d channels within a limit of %d", len(s.PCM), s.Channels, limit)
		}
		var again bytes.Buffer
		if err := wav.Encode(&again, s); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		got, err := wav.Read(&again, limit)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if diff := cmp.Diff(s, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestStream: pieces of any length add up to what Read makes of the whole.
func TestStream(t *testing.T) {
	t.Parallel()
	want := wav.Sound{Rate: 8000, Channels: 2}
	for i := range 2 * 1001 {
		want.PCM = append(want.PCM, int16(i*31))
	}
	var file bytes.Buffer
	if err := wav.Encode(&file, want); err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int{0, 1, 5, 4003} {
		whole, err := wav.Read(bytes.NewReader(file.Bytes()[:file.Len()-cut]), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 160, 1001, 5000} {
			s, err := wav.Open(iotest.OneByteReader(bytes.NewReader(file.Bytes()[:file.Len()-cut])))
			if err != nil {
				t.Fatal(err)
			}
			got := wav.Sound{Rate: s.Rate, Channels: s.Channels}
			for err == nil {
				before := len(got.PCM)
				if got.PCM, err = s.Next(got.PCM, n); err == nil && len(got.PCM) == before {
					t.Fatal("a piece of nothing")
				}
			}
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			if d := cmp.Diff(whole, got); d != "" {
				t.Errorf("%d bytes fewer, in pieces of %d: %s", cut, n, d)
			}
		}
	}
}
