package icestocks

import (
	"bytes"
	"context"
	"path"
	"time"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/xls"
)

const (
	maxBody = 8 << 20 // a report has 32 kB
	// maxOff is how far a report's as-of date may lie from the date in its URL: a
	// re-post carries the day of the correction.
	maxOff = 7 * 24 * time.Hour
)

// kind is one of the publisher's three reports.
type kind struct {
	title  string
	folder string
	parse  func(xls.Workbook, *time.Location) (report, error)
}

func dailyKind() kind   { return kind{"certified stocks", "ice_stocks", daily} }
func ageingKind() kind  { return kind{"ageing", "ice_aging", ageing} }
func historyKind() kind { return kind{"history", "ice_history", history} }

// document is one file to ask for.
type document struct {
	kind
	name string // for people: the day, or the month
	url  string
	day  time.Time // in the URL; zero for the history
}

func (d document) String() string { return d.title + " " + d.name }

// landed says what of a URL lies in the zone.
type landed struct{ workbook, figures bool }

// index learns from the zone what landed. Both files of a document count: a crash
// between the two must not make upstream's "not modified" hide the other.
func (r *runner) index(ctx context.Context) error {
	files, err := r.s.Landed(ctx)
	if err != nil {
		return err
	}
	r.landed = map[string]landed{}
	for _, f := range files {
		l := r.landed[f.URL]
		if path.Ext(f.Path) == ".xls" {
			l.workbook = true
		} else {
			l.figures = true
		}
		r.landed[f.URL] = l
	}
	return nil
}

func (l landed) whole() bool { return l.workbook && l.figures }

// done says whether a document need not be asked for: it landed and is settled.
func (r *runner) done(doc document) bool {
	return r.landed[doc.url].whole() && r.today.Sub(doc.day) > settledDays*24*time.Hour
}

// ask asks for a document, reads it and lands it. The error wraps ErrNotFound
// where upstream has none.
func (r *runner) ask(ctx context.Context, doc document) error {
	o := extract.GetOptions{Accept: "application/vnd.ms-excel, */*;q=0.1", Spacing: spacing, Conditional: r.landed[doc.url].whole()}
	if !doc.day.IsZero() {
		o.Month = date(doc.day.Year(), doc.day.Month(), 1)
	}
	resp, err := r.s.Get(ctx, doc.url, o)
	if err != nil {
		return err
	}
	defer resp.Close()
	if resp.NotModified {
		r.s.Unchanged(resp)
		return nil
	}
	body, err := resp.Bytes(maxBody)
	if err != nil {
		return err
	}
	if !xls.IsWorkbook(body) {
		return resp.NotA("an Excel workbook")
	}
	rep, err := r.read(doc, body)
	if err != nil {
		return resp.Refuse(err) // what cannot be read is no matter of opinion
	}
	if doc.folder == ageingKind().folder {
		r.compare(ctx, &rep)
	}
	if err := resp.Judge(rep.findings...); err != nil {
		return err
	}
	return r.land(ctx, resp, doc, body, rep)
}

// read takes a workbook apart and checks that it is of the day asked for.
func (r *runner) read(doc document, body []byte) (report, error) {
	book, err := xls.Read(body)
	if err != nil {
		return report{}, err
	}
	rep, err := doc.parse(book, r.zone)
	if err != nil || doc.day.IsZero() {
		return rep, err
	}
	of, err := time.Parse(time.DateOnly, rep.date)
	if err != nil {
		return report{}, err
	}
	if off := of.Sub(doc.day); off != 0 {
		f := oddity("date", "the report is as of %s, asked for was %s: it counts as of the former", rep.date, doc.day.Format(time.DateOnly))
		f.Refuse = off > maxOff || off < -maxOff || of.After(r.today)
		rep.findings = append(rep.findings, f)
	}
	return rep, nil
}

// compare checks an ageing report's sum against the certified bags of its day.
func (r *runner) compare(ctx context.Context, rep *report) {
	var sum int64
	for _, x := range rep.records {
		sum += x.bags
	}
	files, err := r.s.Landed(ctx)
	if err != nil {
		return // the run meets it again when it lands
	}
	want, newest := dailyKind().folder+"/"+rep.date+".csv.gz", landing.Entry{}
	for _, f := range files {
		if plain, _ := landing.PlainPath(f.Path); plain == want {
			newest = f
		}
	}
	if newest.Path == "" {
		return
	}
	body, err := r.s.ReadLanded(newest, maxBody)
	if err != nil {
		rep.findings = append(rep.findings, oddity("identity", "its sum was not compared with the day's: %v", err))
		return
	}
	certified, err := certifiedBags(bytes.NewReader(body))
	if err != nil {
		rep.findings = append(rep.findings, oddity("identity", "its sum was not compared with the day's: %s: %v", newest.Path, err))
		return
	}
	if certified != sum {
		rep.findings = append(rep.findings, oddity("identity", "the ages sum to %d bags, the day's report says %d", sum, certified))
	}
}

// land lands the workbook and its figures. A crash between the two leaves the
// workbook alone, and the next run asks for the whole again; see index.
func (r *runner) land(ctx context.Context, resp *extract.Response, doc document, body []byte, rep report) error {
	var figures bytes.Buffer
	if err := rep.writeCSV(&figures, doc.folder == ageingKind().folder); err != nil {
		return resp.Refuse(err)
	}
	for _, f := range []struct {
		ext  string
		body []byte
		rows int64
	}{{".xls", body, 0}, {".csv.gz", figures.Bytes(), int64(len(rep.records))}} {
		draft, err := r.s.NewDraft(f.ext)
		if err != nil {
			return err
		}
		defer draft.Discard() // nothing, once landed
		if _, err := draft.Write(f.body); err != nil {
			return extract.Stop(resp, err)
		}
		e := landing.Entry{Path: doc.folder + "/" + rep.date + f.ext, Rows: f.rows, ReleasedAt: resp.Released}
		if _, err := r.s.Land(ctx, draft, e, resp); err != nil {
			return err
		}
	}
	return nil
}
