package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed static/app.css static/htmx.min.js static/icon.svg static/SHA256SUMS
var staticFiles embed.FS

//go:embed *.html
var templateFiles embed.FS

// asset is a file of the page that never changes under its name.
type asset struct {
	contentType string
	body        []byte
	gzip        []byte
}

// assets maps /static/{name}.{hash}.{ext} to files and short names to those URLs.
type assets struct {
	byPath map[string]asset
	urls   map[string]string
}

var servedStatic = [...]string{"app.css", "htmx.min.js", "icon.svg"}

func loadAssets() (*assets, error) {
	a := &assets{byPath: map[string]asset{}, urls: map[string]string{}}
	for _, name := range servedStatic {
		body, err := staticFiles.ReadFile("static/" + name)
		if err != nil {
			return nil, fmt.Errorf("web: static file: %w", err)
		}
		sum := sha256.Sum256(body)
		ext := path.Ext(name)
		url := "/static/" + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
		a.byPath[url] = asset{mime.TypeByExtension(ext), body, compress(body)}
		a.urls[name] = url
	}
	return a, nil
}

func (a *assets) serve(w http.ResponseWriter, r *http.Request, f asset) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	writeBody(w, r, http.StatusOK, f.gzip, f.body)
}

// buildHash names this build's pages: templates, static files and the program.
func buildHash(program string) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, program)
	for _, files := range []embed.FS{templateFiles, staticFiles} {
		err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			body, err := files.ReadFile(name)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(sum, "%s %d %s\n", name, len(body), body)
			return err
		})
		if err != nil {
			return "", fmt.Errorf("web: hash of the build: %w", err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:6]), nil
}
