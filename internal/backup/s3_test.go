package backup

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
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// stored is an object in the test's bucket.
type stored struct {
	body []byte
	meta http.Header
	etag string
}

// bucketServer is an S3 server for one bucket that checks every signature
// (Signature Version 4, single requests and signed chunks, as Amazon documents
// it) and every checksum, and knows no DELETE. It is not built on the client's
// signing code: TestSignatureOfAmazonsExample holds it to Amazon's.
type bucketServer struct {
	*httptest.Server
	secret string

	mu       sync.Mutex
	objects  map[string]stored
	down     bool
	gets     int
	puts     int
	failGets int // answers 503 to this many and later GETs, where it is set
}

const (
	testKey    = "AKIDMATERIATEST"
	testSecret = "a/secret+with=odd/characters"
	testBucket = "materia-test"
	pageSize   = 7 // of a list, so that lists have pages
)

func serveBucket(t *testing.T) *bucketServer {
	t.Helper()
	s := &bucketServer{secret: testSecret, objects: map[string]stored{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *bucketServer) config() Config {
	return Config{Endpoint: s.URL, Bucket: testBucket, Prefix: "prod", AccessKey: testKey, SecretKey: testSecret}
}

func (s *bucketServer) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		refuse(w, http.StatusServiceUnavailable, "SlowDown")
		return
	}
	seed, key, scope, err := checkSignature(r, testKey, s.secret)
	if err != nil {
		refuse(w, http.StatusForbidden, "SignatureDoesNotMatch")
		return
	}
	name, ok := strings.CutPrefix(r.URL.Path, "/"+testBucket+"/")
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

func (s *bucketServer) list(w http.ResponseWriter, q url.Values) {
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
	answer.Name, answer.EncodingType = testBucket, "url"
	var keys []string
	for k := range s.objects {
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
		o := s.objects[k]
		answer.Contents = append(answer.Contents, content{url.QueryEscape(k), `"` + o.etag + `"`, len(o.body), "2026-02-01T12:00:00.000Z"})
	}
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(answer)
}

func (s *bucketServer) put(w http.ResponseWriter, r *http.Request, name, seed string, key []byte, scope string) {
	if _, there := s.objects[name]; there && r.Header.Get("If-None-Match") == "*" {
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
	s.puts++
	o := stored{body: body, meta: http.Header{}, etag: fmt.Sprintf("%x", md5.Sum(body))}
	for k, v := range r.Header {
		if strings.HasPrefix(k, "X-Amz-Meta-") {
			o.meta[k] = v
		}
	}
	s.objects[name] = o
	w.Header().Set("ETag", `"`+o.etag+`"`)
}

func (s *bucketServer) get(w http.ResponseWriter, r *http.Request, name string) {
	o, ok := s.objects[name]
	if !ok {
		refuse(w, http.StatusNotFound, "NoSuchKey")
		return
	}
	if s.gets++; s.failGets > 0 && s.gets >= s.failGets {
		refuse(w, http.StatusInternalServerError, "InternalError")
		return
	}
	for k, v := range o.meta {
		w.Header()[k] = v
	}
	w.Header().Set("ETag", `"`+o.etag+`"`)
	w.Header().Set("Last-Modified", "Sun, 01 Feb 2026 12:00:00 GMT")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(o.body))
}

// tamper changes an object behind the bucket's back. With all it also makes the
// list and the metadata fit the new bytes.
func (s *bucketServer) tamper(t *testing.T, name string, all bool) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[name]
	if !ok {
		t.Fatalf("no object %s", name)
	}
	o.body = bytes.Clone(o.body)
	o.body[len(o.body)/2] ^= 1
	if all {
		o.etag, o.meta = fmt.Sprintf("%x", md5.Sum(o.body)), http.Header{"X-Amz-Meta-Sha256": {hexSHA(o.body)}}
	}
	s.objects[name] = o
}

func (s *bucketServer) names() (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.objects {
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

// TestSignatureOfAmazonsExample: the signature of the GET in Amazon's page
// "Authenticating Requests: Using the Authorization Header" is accepted, and no
// other.
func TestSignatureOfAmazonsExample(t *testing.T) {
	request := func(signature string) *http.Request {
		r := httptest.NewRequest(http.MethodGet, "http://examplebucket.s3.amazonaws.com/test.txt", nil)
		r.Header.Set("Range", "bytes=0-9")
		r.Header.Set("X-Amz-Content-Sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
		r.Header.Set("X-Amz-Date", "20130524T000000Z")
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"+
			"SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature="+signature)
		return r
	}
	const id, secret = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	const good = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
	if _, _, _, err := checkSignature(request(good), id, secret); err != nil {
		t.Error(err)
	}
	if _, _, _, err := checkSignature(request(good), id, secret+"x"); err == nil {
		t.Error("another secret was accepted")
	}
	if _, _, _, err := checkSignature(request("0"+good[1:]), id, secret); err == nil {
		t.Error("another signature was accepted")
	}
}
