package backup

import (
	"net/http/httptest"
	"testing"

	"beanflows.coffee/materia/internal/upstream/s3bucket"
)

const (
	testKey    = "AKIDMATERIATEST"
	testSecret = "a/secret+with=odd/characters"
	testBucket = "materia-test"
)

// bucketServer is a bucket and where it is.
type bucketServer struct {
	*s3bucket.Server
	url string
}

func serveBucket(t *testing.T) *bucketServer {
	t.Helper()
	s := s3bucket.New(testBucket, testKey, testSecret)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return &bucketServer{s, server.URL}
}

func (s *bucketServer) config() Config {
	return Config{Endpoint: s.url, Bucket: testBucket, Prefix: "prod", AccessKey: testKey, SecretKey: testSecret}
}
