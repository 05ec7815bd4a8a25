// Command s3bucket serves an empty S3 bucket in memory, for tests of whole
// machines: `go run ./scripts/s3bucket ADDR BUCKET KEY SECRET`. GET /__names lists
// what lies in it. It must never be anything but a stand-in.
package main

import (
	"fmt"
	"net/http"
	"os"
	"time"

	"beanflows.coffee/materia/internal/upstream/s3bucket"
)

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: s3bucket ADDR BUCKET KEY SECRET")
		os.Exit(2)
	}
	bucket := s3bucket.New(os.Args[2], os.Args[3], os.Args[4])
	mux := http.NewServeMux()
	mux.Handle("/", bucket)
	mux.HandleFunc("GET /__names", func(w http.ResponseWriter, r *http.Request) {
		for _, name := range bucket.Names() {
			fmt.Fprintln(w, name)
		}
	})
	server := &http.Server{Addr: os.Args[1], Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	fmt.Fprintln(os.Stderr, server.ListenAndServe())
	os.Exit(1)
}
