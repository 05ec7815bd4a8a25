package backup

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Config says which bucket. All of it comes from the environment.
type Config struct {
	Endpoint  string // BACKUP_S3_ENDPOINT: https://ACCOUNT.r2.cloudflarestorage.com
	Bucket    string // BACKUP_S3_BUCKET
	Prefix    string // BACKUP_S3_PREFIX; may be empty
	Region    string // BACKUP_S3_REGION; empty: auto, as R2 wants it
	AccessKey string // BACKUP_S3_ACCESS_KEY_ID
	SecretKey string // BACKUP_S3_SECRET_ACCESS_KEY
}

// ConfigFrom reads the environment. ok is false where no bucket is named at
// all; a bucket that is named in part is an error that names the rest.
func ConfigFrom(getenv func(string) string) (c Config, ok bool, err error) {
	var missing []string
	set := 0
	for _, v := range []struct {
		name     string
		to       *string
		required bool
	}{
		{"BACKUP_S3_ENDPOINT", &c.Endpoint, true}, {"BACKUP_S3_BUCKET", &c.Bucket, true}, {"BACKUP_S3_PREFIX", &c.Prefix, false},
		{"BACKUP_S3_REGION", &c.Region, false}, {"BACKUP_S3_ACCESS_KEY_ID", &c.AccessKey, true}, {"BACKUP_S3_SECRET_ACCESS_KEY", &c.SecretKey, true},
	} {
		*v.to = getenv(v.name)
		switch {
		case *v.to != "":
			set++
		case v.required:
			missing = append(missing, v.name)
		}
	}
	switch {
	case set == 0:
		return c, false, nil
	case len(missing) > 0:
		return c, false, fmt.Errorf("backup: %s missing: a bucket needs BACKUP_S3_ENDPOINT, BACKUP_S3_BUCKET, BACKUP_S3_ACCESS_KEY_ID and BACKUP_S3_SECRET_ACCESS_KEY", strings.Join(missing, ", "))
	}
	return c, true, nil
}

// Bucket is a bucket that answers.
type Bucket struct {
	client *minio.Client
	name   string
	prefix string
}

// Open prepares a bucket; it asks nothing of it yet.
func Open(c Config) (*Bucket, error) {
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Path != "" && u.Path != "/" {
		return nil, fmt.Errorf("backup: BACKUP_S3_ENDPOINT: want a URL without a path, such as https://ACCOUNT.r2.cloudflarestorage.com")
	}
	if c.Region == "" {
		c.Region = "auto"
	}
	prefix := strings.Trim(c.Prefix, "/")
	if prefix != "" {
		prefix += "/"
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = time.Minute
	client, err := minio.New(u.Host, &minio.Options{
		Creds:  credentials.NewStaticV4(c.AccessKey, c.SecretKey, ""),
		Secure: u.Scheme == "https", Region: c.Region, BucketLookup: minio.BucketLookupPath, MaxRetries: 4, Transport: transport,
	})
	if err != nil {
		return nil, fmt.Errorf("backup: bucket %s: %w", c.Bucket, err)
	}
	return &Bucket{client: client, name: c.Bucket, prefix: prefix}, nil
}

// object is what the bucket's list says of one object.
type object struct {
	key   string // without the prefix
	bytes int64
	etag  string
}

// list returns every object under the folder, by key without the prefix.
func (b *Bucket) list(ctx context.Context, folder string) (map[string]object, error) {
	all := map[string]object{}
	for o := range b.client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Prefix: b.prefix + folder, Recursive: true}) {
		if o.Err != nil {
			return nil, fmt.Errorf("backup: list bucket %s: %w", b.name, o.Err)
		}
		key := strings.TrimPrefix(o.Key, b.prefix)
		all[key] = object{key: key, bytes: o.Size, etag: strings.Trim(o.ETag, `"`)}
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("backup: list bucket %s: %w", b.name, ctx.Err())
	}
	return all, nil
}

// errExists says that the bucket has an object of that name already.
var errExists = errors.New("backup: the bucket has an object of that name")

const hashHeader = "Sha256" // x-amz-meta-sha256: of the bytes as stored

// put writes one object under the condition that there is none of its name.
// A crash in here leaves the whole object or nothing.
func (b *Bucket) put(ctx context.Context, key, file string, d digest) (etag string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	o := minio.PutObjectOptions{DisableMultipart: true, SendContentMd5: true, UserMetadata: map[string]string{hashHeader: d.sha256}, ContentType: "application/octet-stream"}
	o.SetMatchETagExcept("*")
	info, err := b.client.PutObject(ctx, b.name, b.prefix+key, f, d.bytes, o)
	if err != nil {
		if minio.ToErrorResponse(err).StatusCode == http.StatusPreconditionFailed {
			return "", errExists
		}
		return "", fmt.Errorf("backup: put %s: %w", key, err)
	}
	etag = strings.Trim(info.ETag, `"`)
	if len(etag) == 32 && !strings.Contains(etag, "-") && etag != d.md5 {
		return "", fmt.Errorf("backup: put %s: the bucket took other bytes than were sent (MD5 %s, want %s)", key, etag, d.md5)
	}
	return etag, nil
}

// get opens an object. sha256 is what was promised of it; empty where the
// object was put there by another program.
func (b *Bucket) get(ctx context.Context, key string) (body io.ReadCloser, sha256 string, etag string, err error) {
	o, err := b.client.GetObject(ctx, b.name, b.prefix+key, minio.GetObjectOptions{})
	if err != nil {
		return nil, "", "", fmt.Errorf("backup: get %s: %w", key, err)
	}
	info, err := o.Stat()
	if err != nil {
		o.Close()
		return nil, "", "", fmt.Errorf("backup: get %s: %w", key, err)
	}
	return o, info.UserMetadata[hashHeader], strings.Trim(info.ETag, `"`), nil
}

// digest is what is known of some bytes.
type digest struct {
	sha256, md5 string
	bytes       int64
}

func digestOf(r io.Reader) (digest, error) {
	strong, weak := sha256.New(), md5.New() // MD5 because S3 lists by it
	n, err := io.Copy(io.MultiWriter(strong, weak), r)
	return digest{hex.EncodeToString(strong.Sum(nil)), hex.EncodeToString(weak.Sum(nil)), n}, err
}

func digestOfFile(path string) (digest, error) {
	f, err := os.Open(path)
	if err != nil {
		return digest{}, err
	}
	defer f.Close()
	return digestOf(f)
}

// digestOfObject reads an object to its end.
func (b *Bucket) digestOfObject(ctx context.Context, key string) (d digest, promised, etag string, err error) {
	body, promised, etag, err := b.get(ctx, key)
	if err != nil {
		return d, "", "", err
	}
	defer body.Close()
	if d, err = digestOf(body); err != nil {
		return d, "", "", fmt.Errorf("backup: get %s: %w", key, err)
	}
	return d, promised, etag, nil
}

// Reach asks the bucket for the beginning of its list: whether it answers, and
// takes the key.
func (b *Bucket) Reach(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the list after its first page
	first, ok := <-b.client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Prefix: b.prefix, MaxKeys: 1})
	if ok && first.Err != nil {
		return fmt.Errorf("backup: bucket %s: %w", b.name, first.Err)
	}
	return nil
}
