package web

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"time"
)

// frame is what every template gets: the page's surroundings and its own data.
type frame struct {
	Path       string
	Nav        []navItem
	CSS        string
	JS         string
	Icon       string
	Version    string
	Today      date
	Origin     string // of the data: live, sample, replay; empty where unknown
	Snapshot   string // short; empty where there is none
	ExportedAt date
	Data       any
}

type navItem struct {
	Path, Label string
	Current     bool
}

// Band is the word for data that is not live, before the title and over the
// page; empty for live data.
func (f frame) Band() string {
	switch f.Origin {
	case "sample":
		return "SAMPLE"
	case "replay":
		return "REPLAY"
	}
	return ""
}

func (s *site) frame(r *reading, path string, data any) frame {
	f := frame{Path: path, CSS: s.assets.urls["app.css"], JS: s.assets.urls["htmx.min.js"], Icon: s.assets.urls["icon.svg"],
		Version: s.version, Today: date{V: s.now().UTC(), Valid: true}, Data: data}
	for _, p := range sitePages() {
		if !p.under {
			f.Nav = append(f.Nav, navItem{p.path, p.label, p.path == path || p.path+"/" == path})
		}
	}
	if r != nil {
		f.Origin, f.Snapshot = r.meta.Origin, shorten(r.meta.SnapshotID)
		f.ExportedAt = date{V: r.meta.ExportedAt, Valid: !r.meta.ExportedAt.IsZero()}
	}
	return f
}

func (s *site) render(ctx context.Context, r *reading, p *page) (*rendered, error) {
	began := time.Now()
	data, err := p.load(ctx, r)
	if err != nil {
		return nil, err
	}
	body, err := s.templates.execute(p.file, s.frame(r, p.path, data))
	if err != nil {
		return nil, err
	}
	answer := &rendered{
		etag: fmt.Sprintf(`W/"%s-%s-%s"`, r.gen.snapshot, s.build, r.today.Format("20060102")),
		gzip: compress(body),
	}
	s.log.Debug("page rendered", "path", p.path, "query", r.params.canonical, "bytes", len(body), "gzip_bytes", len(answer.gzip), "ms", time.Since(began).Milliseconds())
	return answer, nil
}

// templates holds one set a file, each with the layout and the shared parts.
type templates struct{ byFile map[string]*template.Template }

func loadTemplates(pages []page) (*templates, error) {
	base, err := template.New("layout").Funcs(templateFuncs()).ParseFS(templateFiles, "layout.html", "parts.html")
	if err != nil {
		return nil, fmt.Errorf("web: layout: %w", err)
	}
	files := []string{"error.html", "empty.html"}
	for _, p := range pages {
		files = append(files, p.file)
	}
	t := &templates{byFile: map[string]*template.Template{}}
	for _, file := range files {
		set, err := base.Clone()
		if err == nil {
			set, err = set.ParseFS(templateFiles, file)
		}
		if err != nil {
			return nil, fmt.Errorf("web: template %s: %w", file, err)
		}
		t.byFile[file] = set
	}
	return t, nil
}

func (t *templates) execute(file string, f frame) ([]byte, error) {
	var b bytes.Buffer
	if err := t.byFile[file].ExecuteTemplate(&b, "layout", f); err != nil {
		return nil, fmt.Errorf("web: write %s: %w", file, err)
	}
	return b.Bytes(), nil
}

func templateFuncs() template.FuncMap {
	return template.FuncMap{
		"fixed":         func(decimals int, n num) string { return fixed(n, decimals) },
		"signed":        func(decimals int, n num) string { return signed(n, decimals) },
		"percent":       func(decimals int, n num) string { return percent(n, decimals) },
		"signedPercent": func(decimals int, n num) string { return signedPercent(n, decimals) },
		"longDate":      longDate,
		"shortDate":     shortDate,
		"isoDate":       isoDate,
		"moment":        moment,
		"count":         count,
		"number":        func(n int64) string { return number(float64(n), 0) },
		"byteSize":      byteSize,
		"shorten":       shorten,
		"fault":         faultOf,
		"season":        season,
		"direction":     direction,
		"extreme":       extreme,
		"sideWords":     sideWords,
		"flowWord":      flowWord,
	}
}

// shorten cuts a hash to what a person compares.
func shorten(hash string) string {
	if len(hash) > 12 {
		return hash[:12]
	}
	return hash
}

// direction is the class of a change: up, down or flat.
func direction(n num) string {
	switch {
	case !n.Valid || n.V == 0:
		return "flat"
	case n.V > 0:
		return "up"
	}
	return "down"
}
