package s3bucket

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

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
