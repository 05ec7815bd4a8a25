// Package s3bucket is an S3 server for one bucket, in memory: a stand-in for
// the bucket that backups go to. It checks every signature (Signature Version 4,
// single requests and signed chunks, as Amazon documents it) and every checksum,
// honours If-None-Match and knows no DELETE.
//
// It must never share code with the client that it checks: its test holds it to
// Amazon's published example instead.
package s3bucket

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Object is what the bucket holds under one name.
type Object struct {
	Body []byte
	Meta http.Header // X-Amz-Meta-...
	ETag string
}

// Server answers for one bucket. Lock it to read or change its fields while it
// serves.
type Server struct {
	sync.Mutex
	Objects  map[string]Object
	Down     bool // answers 503 to everything
	Gets     int
	Puts     int
	FailGets int // where it is set, this GET of an object and later ones are answered 500

	bucket, key, secret string
}

const pageSize = 7 // of a list, so that lists have pages

// New returns an empty bucket that one key opens.
func New(bucket, key, secret string) *Server {
	return &Server{Objects: map[string]Object{}, bucket: bucket, key: key, secret: secret}
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Lock()
	defer s.Unlock()
	if s.Down {
		refuse(w, http.StatusServiceUnavailable, "SlowDown")
		return
	}
	seed, key, scope, err := checkSignature(r, s.key, s.secret)
	if err != nil {
		refuse(w, http.StatusForbidden, "SignatureDoesNotMatch")
		return
	}
	name, ok := strings.CutPrefix(r.URL.Path, "/"+s.bucket+"/")
	switch {
	case !ok:
		refuse(w, http.StatusNotFound, "NoSuchBucket")
	case name == "" && r.Method == http.MethodGet:
		s.list(w, r.URL.Query())
	case r.Method == http.MethodPut:
		s.put(w, r, name, seed, key, scope)
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		s.get(w, r, name)
	default:
		refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed")
	}
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, code)
}

func (s *Server) list(w http.ResponseWriter, q url.Values) {
	type content struct {
		Key, ETag    string
		Size         int
		LastModified string
	}
	var answer struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		Name, EncodingType    string
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []content
	}
	answer.Name, answer.EncodingType = s.bucket, "url"
	var keys []string
	for k := range s.Objects {
		if strings.HasPrefix(k, q.Get("prefix")) && k > q.Get("continuation-token") {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	if len(keys) > pageSize {
		keys = keys[:pageSize]
		answer.IsTruncated, answer.NextContinuationToken = true, keys[pageSize-1]
	}
	for _, k := range keys {
		o := s.Objects[k]
		answer.Contents = append(answer.Contents, content{url.QueryEscape(k), `"` + o.ETag + `"`, len(o.Body), "2026-02-01T12:00:00.000Z"})
	}
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(answer)
}

func (s *Server) put(w http.ResponseWriter, r *http.Request, name, seed string, key []byte, scope string) {
	if _, there := s.Objects[name]; there && r.Header.Get("If-None-Match") == "*" {
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	body, err := io.ReadAll(r.Body)
	if err == nil && strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		body, err = unchunk(body, seed, key, r.Header.Get("X-Amz-Date"), scope)
	}
	if err != nil {
		refuse(w, http.StatusForbidden, "SignatureDoesNotMatch")
		return
	}
	if declared := r.Header.Get("X-Amz-Content-Sha256"); len(declared) == 64 && declared != hexSHA(body) {
		refuse(w, http.StatusBadRequest, "XAmzContentSHA256Mismatch")
		return
	}
	s.Puts++
	o := Object{Body: body, Meta: http.Header{}, ETag: fmt.Sprintf("%x", md5.Sum(body))}
	for k, v := range r.Header {
		if strings.HasPrefix(k, "X-Amz-Meta-") {
			o.Meta[k] = v
		}
	}
	s.Objects[name] = o
	w.Header().Set("ETag", `"`+o.ETag+`"`)
}

func (s *Server) get(w http.ResponseWriter, r *http.Request, name string) {
	o, ok := s.Objects[name]
	if !ok {
		refuse(w, http.StatusNotFound, "NoSuchKey")
		return
	}
	if s.Gets++; s.FailGets > 0 && s.Gets >= s.FailGets {
		refuse(w, http.StatusInternalServerError, "InternalError")
		return
	}
	for k, v := range o.Meta {
		w.Header()[k] = v
	}
	w.Header().Set("ETag", `"`+o.ETag+`"`)
	w.Header().Set("Last-Modified", "Sun, 01 Feb 2026 12:00:00 GMT")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(o.Body))
}

// Tamper changes an object behind the bucket's back. With all it also makes the
// list and the metadata fit the new bytes.
func (s *Server) Tamper(name string, all bool) error {
	s.Lock()
	defer s.Unlock()
	o, ok := s.Objects[name]
	if !ok {
		return fmt.Errorf("s3bucket: no object %s", name)
	}
	o.Body = bytes.Clone(o.Body)
	o.Body[len(o.Body)/2] ^= 1
	if all {
		o.ETag, o.Meta = fmt.Sprintf("%x", md5.Sum(o.Body)), http.Header{"X-Amz-Meta-Sha256": {hexSHA(o.Body)}}
	}
	s.Objects[name] = o
	return nil
}

// Names lists the objects.
func (s *Server) Names() (list []string) {
	s.Lock()
	defer s.Unlock()
	for k := range s.Objects {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// checkSignature verifies the Authorization header and returns what chunks are
// signed with.
func checkSignature(r *http.Request, accessKey, secret string) (signature string, key []byte, scope string, err error) {
	fields := map[string]string{}
	auth, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	if !ok {
		return "", nil, "", fmt.Errorf("not signed")
	}
	for _, f := range strings.Split(auth, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(f), "=")
		fields[k] = v
	}
	id, scope, _ := strings.Cut(fields["Credential"], "/")
	parts := strings.Split(scope, "/")
	if id != accessKey || len(parts) != 4 {
		return "", nil, "", fmt.Errorf("unknown key")
	}
	var headers strings.Builder
	for _, h := range strings.Split(fields["SignedHeaders"], ";") {
		v := strings.Join(r.Header.Values(h), ",")
		switch h {
		case "host":
			v = r.Host
		case "content-length":
			v = strconv.FormatInt(r.ContentLength, 10)
		}
		fmt.Fprintf(&headers, "%s:%s\n", h, strings.Join(strings.Fields(v), " "))
	}
	canonical := strings.Join([]string{r.Method, r.URL.EscapedPath(), strings.ReplaceAll(r.URL.Query().Encode(), "+", "%20"),
		headers.String(), fields["SignedHeaders"], r.Header.Get("X-Amz-Content-Sha256")}, "\n")
	toSign := strings.Join([]string{"AWS4-HMAC-SHA256", r.Header.Get("X-Amz-Date"), scope, hexSHA([]byte(canonical))}, "\n")
	key = []byte("AWS4" + secret)
	for _, p := range parts {
		key = mac(key, p)
	}
	if want := hex.EncodeToString(mac(key, toSign)); want != fields["Signature"] {
		return "", nil, "", fmt.Errorf("signature %s, want %s", fields["Signature"], want)
	}
	return fields["Signature"], key, scope, nil
}

// unchunk takes apart a body of signed chunks and checks each.
func unchunk(body []byte, seed string, key []byte, date, scope string) (out []byte, err error) {
	in := bufio.NewReader(bytes.NewReader(body))
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		size, rest, _ := strings.Cut(strings.TrimSpace(line), ";chunk-signature=")
		n, err := strconv.ParseInt(size, 16, 64)
		if err != nil {
			return nil, err
		}
		data := make([]byte, n)
		if _, err := io.ReadFull(in, data); err != nil {
			return nil, err
		}
		toSign := strings.Join([]string{"AWS4-HMAC-SHA256-PAYLOAD", date, scope, seed, hexSHA(nil), hexSHA(data)}, "\n")
		if want := hex.EncodeToString(mac(key, toSign)); want != rest {
			return nil, fmt.Errorf("chunk signature %s, want %s", rest, want)
		}
		if n == 0 {
			return out, nil
		}
		seed, out = rest, append(out, data...)
		if _, err := in.Discard(2); err != nil {
			return nil, err
		}
	}
}

func hexSHA(b []byte) string { sum := sha256.Sum256(b); return hex.EncodeToString(sum[:]) }

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
