package extract

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"net/http"
	"os"
	"path"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"beanflows.coffee/materia/internal/landing"
)

// Response is an answer in full: status 200, or 304 for content that landed
// before. Close it.
type Response struct {
	URL         string // as asked, the upstream's own
	NotModified bool   // there is no body: what landed before is what upstream has
	Size        int64
	ContentType string
	Validators  landing.Validators
	Released    *time.Time // Last-Modified, UTC; nil where the header is missing, wrong or in the future

	session  *Session
	findings []Finding // what its contract said, if it was refused for that
	file     *os.File  // the body, a file without a name: gone when closed, or with the process
}

// Close gives the body's space back. Closing twice does nothing.
func (r *Response) Close() {
	if r.file != nil {
		r.file.Close()
		r.file = nil
	}
}

// Bytes is the whole body; one larger than limit is refused.
func (r *Response) Bytes(limit int64) ([]byte, error) {
	if r.Size > limit {
		return nil, r.error(fmt.Errorf("%w: %d bytes, more than %d", errTooLarge, r.Size, limit))
	}
	body, err := io.ReadAll(r.body())
	if err != nil {
		return nil, &stopError{r.error(err)} // our own disk
	}
	return body, nil
}

func (r *Response) body() *io.SectionReader { return io.NewSectionReader(r.file, 0, r.Size) }

// head is the beginning of the body, for messages.
func (r *Response) head() []byte {
	b, _ := io.ReadAll(io.LimitReader(r.body(), 64<<10)) // best effort
	return b
}

// Base is the last part of the URL's path.
func (r *Response) Base() string {
	plain, _, _ := strings.Cut(r.URL, "?")
	return path.Base(plain)
}

// NotA is the refusal of a body of the wrong kind, such as "a ZIP" or "JSON":
// publishers answer error pages with status 200.
func (r *Response) NotA(want string) error {
	head := r.head()
	got := fmt.Sprintf("%d bytes", r.Size)
	switch {
	case r.Size == 0:
		got = "nothing"
	case looksLikeHTML(head):
		got = "HTML"
	case r.ContentType != "":
		got += " of " + r.ContentType
	}
	return r.Refuse(&wrongKindError{got: got, want: want, says: says(head)})
}

// Refuse says that the body is not what it should be: it keeps the body in
// quarantine for a person and returns the reason with source and URL. Nothing
// lands, and what landed before stays.
func (r *Response) Refuse(reason error) error {
	err := r.error(reason)
	if r.file != nil {
		r.session.quarantine(r, err)
	}
	return err
}

func (r *Response) error(err error) error {
	return &Error{Source: r.session.source.Name, URL: r.URL, Err: err}
}

// IsHTML says whether the body is a page, whatever was asked for. A source whose
// publisher says "not yet" with one asks before it unpacks.
func (r *Response) IsHTML() bool { return looksLikeHTML(r.head()) }

func looksLikeHTML(head []byte) bool {
	text := bytes.ToLower(bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\ufeff"))))
	return bytes.HasPrefix(text, []byte("<")) && !bytes.HasPrefix(text, []byte("<?xml"))
}

var (
	title = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)
	tag   = regexp.MustCompile(`(?s)<style.*?</style>|<script.*?</script>|<[^>]*>`)
)

// says is what a body says to a person: the title of a page, else its first
// words, at most 120 bytes.
func says(head []byte) string {
	text := string(head)
	if m := title.FindStringSubmatch(text); m != nil {
		text = m[1]
	} else if looksLikeHTML(head) {
		text = tag.ReplaceAllString(text, " ")
	}
	text = strings.ToValidUTF8(html.UnescapeString(text), "?")
	text = strings.Join(strings.FieldsFunc(text, func(c rune) bool { return c <= ' ' || c == utf8.RuneError || c == 0x7f }), " ")
	if len(text) > 120 {
		text = strings.ToValidUTF8(text[:120], "") + "..."
	}
	return text
}

// released reads Last-Modified. A date in the future is no evidence.
func released(h http.Header, now time.Time) *time.Time {
	at, err := http.ParseTime(h.Get("Last-Modified"))
	if err != nil || at.After(now.Add(24*time.Hour)) || at.Year() < 1990 {
		return nil
	}
	at = at.UTC()
	return &at
}
