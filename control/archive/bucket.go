package archive

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Keys open a bucket. Empty ones are asked of the machine's role (EC2, ECS, EKS).
type Keys struct{ Access, Secret, Token string }

// A Bucket is a place at S3, or at a server that speaks the same.
type Bucket struct {
	s3        *minio.Client
	transport *http.Transport
	name      string
	prefix    string // of keys, with its slash; empty: none
}

// The limits of patience with a bucket.
const (
	tries     = 3                // of each request
	answers   = 20 * time.Second // until the head of an answer is there
	linger    = 90 * time.Second // an idle connection
	partBytes = 16 << 20         // of an upload in parts: so much memory it takes
)

// ParseBucket reads s3://bucket/prefix?endpoint=https://host:port&region=name. Without an endpoint it is Amazon's own. It asks nobody.
func ParseBucket(at string, keys Keys) (*Bucket, error) {
	u, err := url.Parse(at)
	if err != nil || u.Scheme != "s3" || u.Host == "" || u.User != nil {
		return nil, fmt.Errorf("recordings at %q: want s3://bucket/prefix?endpoint=https://host&region=name", at)
	}
	q := u.Query()
	for name := range q {
		if name != "endpoint" && name != "region" {
			return nil, fmt.Errorf("recordings at %q: there is no setting %q: want endpoint or region", at, name)
		}
	}
	server, err := url.Parse(cmp.Or(q.Get("endpoint"), "https://s3.amazonaws.com"))
	if err != nil || server.Host == "" || server.Scheme != "https" && server.Scheme != "http" || strings.Trim(server.Path, "/") != "" {
		return nil, fmt.Errorf("recordings at %q: its endpoint is no URL such as https://minio.example.com:9000", at)
	}
	if (keys.Access == "") != (keys.Secret == "") {
		return nil, errors.New("recordings in a bucket: of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, one is missing")
	}
	creds := credentials.NewStaticV4(keys.Access, keys.Secret, keys.Token)
	if keys.Access == "" {
		creds = credentials.NewIAM("")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout, transport.IdleConnTimeout = answers, linger
	client, err := minio.New(server.Host, &minio.Options{
		Creds: creds, Secure: server.Scheme == "https", Region: q.Get("region"), Transport: transport, MaxRetries: tries,
	})
	if err != nil {
		return nil, fmt.Errorf("recordings at %q: %w", at, err)
	}
	b := &Bucket{s3: client, transport: transport, name: u.Host}
	if p := strings.Trim(u.Path, "/"); p != "" {
		b.prefix = path.Clean(p) + "/"
	}
	return b, nil
}

// Open opens an object; it is read by ranges, as far as it is read.
func (b *Bucket) Open(ctx context.Context, name string) (Sound, error) {
	o, err := b.s3.GetObject(ctx, b.name, b.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return Sound{}, b.fault(err)
	}
	info, err := o.Stat()
	if err != nil {
		return Sound{}, errors.Join(b.fault(err), o.Close())
	}
	return Sound{o, info.Size}, nil
}

// Put uploads a recording of so many bytes, and returns when it was read back and is the same.
func (b *Bucket) Put(ctx context.Context, name string, from io.ReadSeeker, size int64) error {
	return b.put(ctx, name, from, size, "audio/wav")
}

// put is Put of a file of any type.
func (b *Bucket) put(ctx context.Context, name string, from io.ReadSeeker, size int64, mediaType string) error {
	want, err := digest(from)
	if err != nil {
		return fmt.Errorf("read recording: %w", err)
	}
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read recording: %w", err)
	}
	_, err = b.s3.PutObject(ctx, b.name, b.prefix+name, from, size, minio.PutObjectOptions{
		ContentType: mediaType, SendContentMd5: true, PartSize: partBytes, NumThreads: 1,
	})
	if err != nil {
		return b.fault(err)
	}
	there, err := b.Open(ctx, name)
	if err != nil {
		return fmt.Errorf("read it back: %w", err)
	}
	defer there.Close() //nolint:errcheck // it was only read
	got, err := digest(there)
	switch {
	case err != nil:
		return fmt.Errorf("read it back: %w", b.fault(err))
	case got != want:
		return fmt.Errorf("%w with what it was given: the object %s is another", ErrAway, b.prefix+name)
	}
	return nil
}

// Remove removes an object; one that is not there is removed already.
func (b *Bucket) Remove(ctx context.Context, name string) error {
	err := b.fault(b.s3.RemoveObject(ctx, b.name, b.prefix+name, minio.RemoveObjectOptions{}))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Check finds out whether recordings could go there and come back: a small object is put, read back and removed.
func (b *Bucket) Check(ctx context.Context) error {
	name := ".parley-check-" + rand.Text()
	text := strings.NewReader("Whether parley may put, read and remove here. This can be deleted.")
	err := b.Put(ctx, name, text, text.Size())
	if rerr := b.Remove(ctx, name); err == nil && rerr != nil {
		err = fmt.Errorf("remove what was put: %w", rerr)
	}
	return err
}

// digest is the SHA-256 of all that there is to read.
func digest(r io.Reader) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	if _, err = io.Copy(h, r); err == nil {
		h.Sum(sum[:0])
	}
	return sum, err
}

// fault says of a bucket's error what it was. A bucket that is missing, or whose keys are refused, is as away as one that is silent:
// somebody has to put it right, and then it goes on.
func (b *Bucket) fault(err error) error {
	if err == nil {
		return nil
	}
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		return fmt.Errorf("%w in the bucket %s", fs.ErrNotExist, b.name)
	}
	return fmt.Errorf("%w: %w", ErrAway, err)
}

// Close lets go of idle connections.
func (b *Bucket) Close() { b.transport.CloseIdleConnections() }
