package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os/exec"
)

// pesq asks a Python for its opinion.
type pesq struct{ python string }

// program reads pairs of sounds as JSON and writes a grade for each; null where it heard no speech.
const program = `
import sys, json, base64
import numpy as np
from pesq import pesq, PesqError
job = json.load(sys.stdin)
sound = lambda s: np.frombuffer(base64.b64decode(s), dtype='<i2').astype(np.float32)
grades = []
for said, heard in job['pairs']:
    grade = pesq(job['rate'], sound(said), sound(heard), job['mode'], on_error=PesqError.RETURN_VALUES)
    grades.append(float(grade) if grade > 0 else None)
json.dump(grades, sys.stdout)
`

// check says whether the Python can.
func (p *pesq) check(ctx context.Context) error {
	if out, err := exec.CommandContext(ctx, p.python, "-c", "import numpy, pesq").CombinedOutput(); err != nil {
		return fmt.Errorf("ask %s for PESQ: %w\n%s", p.python, err, out)
	}
	return nil
}

// grade is the mean of the sentences'.
func (p *pesq) grade(ctx context.Context, s *speech, heard []int16) (float64, error) {
	rate := s.codec.rate
	job := struct {
		Rate  int         `json:"rate"`
		Mode  string      `json:"mode"`
		Pairs [][2]string `json:"pairs"`
	}{Rate: rate, Mode: "nb"}
	if rate == 16000 {
		job.Mode = "wb"
	}
	for _, at := range s.sentence {
		from, to := at[0]-rate/5, at[1]+rate*gap/1000/2
		job.Pairs = append(job.Pairs, [2]string{encode(s.clean[from:min(to, len(s.clean))]), encode(heard[from:min(to, len(heard))])})
	}
	in, err := json.Marshal(job)
	if err != nil {
		return 0, err
	}
	c := exec.CommandContext(ctx, p.python, "-c", program)
	var out, errs bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(in), &out, &errs
	if err := c.Run(); err != nil {
		return 0, fmt.Errorf("ask for PESQ: %w\n%s", err, errs.Bytes())
	}
	var grades []*float64
	if err := json.Unmarshal(out.Bytes(), &grades); err != nil {
		return 0, fmt.Errorf("read what PESQ says: %w", err)
	}
	var sum float64
	for _, g := range grades {
		if g == nil {
			sum++ // nothing of it was heard: the scale's end
			continue
		}
		sum += *g
	}
	return sum / float64(max(len(grades), 1)), nil
}

func encode(pcm []int16) string {
	b := make([]byte, 0, 2*len(pcm))
	for _, s := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	return base64.StdEncoding.EncodeToString(b)
}
