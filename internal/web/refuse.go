package web

import "net/http"

var (
	refusalUnknownPage = refusal{http.StatusNotFound, "There is no such page", "The address is not one of this site's. The pages are listed above."}
	refusalMethod      = refusal{http.StatusMethodNotAllowed, "This page can only be read", "Nothing here takes changes: ask with GET."}
	refusalTooLong     = refusal{http.StatusRequestURITooLong, "The address is too long", "The longest address of this site has a few dozen characters."}
	refusalQuery       = refusal{http.StatusBadRequest, "The address cannot be read", "What follows the question mark is not a list of names and values."}
	refusalBroken      = refusal{http.StatusInternalServerError, "This page could not be written", "The fault is on this side and has been logged. The other pages may still work; try this one again in a minute."}
)

// refuse answers with a designed page that needs no data, and says SAMPLE or
// REPLAY like every other where what is published can be reached.
func (s *site) refuse(w http.ResponseWriter, r *http.Request, no refusal) {
	var published *reading
	if snap, err := s.reader.Acquire(r.Context()); err == nil {
		published = &reading{meta: snap.Meta}
		snap.Release()
	}
	body, err := s.templates.execute("error.html", s.frame(published, r.URL.Path, no))
	h := w.Header()
	h.Del("ETag")
	h.Set("Cache-Control", "no-store")
	if err != nil { // then not even the frame works: say it plainly
		s.log.Error("error page failed", "error", err)
		http.Error(w, no.Heading, no.Status)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Vary", "Accept-Encoding")
	writeBody(w, r, no.Status, compress(body), body)
}

// emptyPage stands for every page before anything was published. The one that
// needs no data is shown as it is.
func (s *site) emptyPage(w http.ResponseWriter, r *http.Request, p *page) {
	file, data := "empty.html", any(p.label)
	if p.always {
		var err error
		if data, err = p.load(r.Context(), &reading{today: s.now().UTC().Truncate(day), gen: &generation{}}); err != nil {
			s.fail(w, r, err)
			return
		}
		file = p.file
	}
	body, err := s.templates.execute(file, s.frame(nil, p.path, data))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Encoding")
	writeBody(w, r, http.StatusOK, compress(body), body)
}
