package upstream

import (
	"regexp"
	"strconv"
	"time"
)

// circular counts USDA's coffee circulars, two a year: June of year Y is 2Y,
// December 2Y+1. Coffee figures change with a circular and never between.
type circular int

// season is the newest season in the circular, by its start year: June 2022
// brings the first forecast of 2022/23.
func (c circular) season() int { return int(c) / 2 }

func (c circular) december() bool { return c%2 == 1 }

// month is the text in the Month column of rows changed by this circular.
func (c circular) month() string {
	if c.december() {
		return "12"
	}
	return "06"
}

// release is one monthly publication of PSD.
type release struct {
	year, month int
	published   time.Time
}

// circular is the coffee circular that a release repeats.
func (r release) circular() circular {
	switch {
	case r.month == 12:
		return circular(2*r.year + 1)
	case r.month >= 6:
		return circular(2 * r.year)
	}
	return circular(2*r.year - 1)
}

// brings reports whether the release came with a coffee circular.
func (r release) brings() bool { return r.month == 6 || r.month == 12 }

// startLabels reports whether Market_Year is the START year of a season. Up to
// December 2022 it was the END year.
func (r release) startLabels() bool { return r.year >= 2023 }

// releaseIn is a month's release. There is none in the months of government
// shutdowns, and, sample as it is, in a few more.
func (s *Server) releaseIn(year, month int) (release, bool) {
	r := release{year: year, month: month}
	switch {
	case year == 2013 && month == 10, year == 2019 && month == 1, year == 2025 && month == 10:
		return r, false
	case !r.brings() && throw(s.options.Seed, "no release", year, month).chance(1./30):
		return r, false
	}
	// The 10th, with the supply and demand report; circulars come later. The
	// minutes are what makes each Last-Modified its own.
	day := 10
	if r.brings() {
		day = 18
	}
	d := throw(s.options.Seed, "minute of release", year, month)
	at := time.Date(year, time.Month(month), day, 12, int(d.unit()*60), int(d.unit()*60), 0, s.newYork)
	for at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
		at = at.AddDate(0, 0, 1)
	}
	r.published = at
	return r, true
}

// current is the newest release at the server's moment.
func (s *Server) current() (release, bool) {
	now := s.options.Now()
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, s.newYork)
	for range 24 {
		r, ok := s.releaseIn(month.Year(), int(month.Month()))
		if ok && !r.published.After(now) {
			return r, true
		}
		month = month.AddDate(0, -1, 0)
	}
	return release{}, false
}

var archivePath = regexp.MustCompile(`^psdonline/downloads/archives/(\d{4})/(0[1-9]|1[0-2])/(psd_[a-z_]+)\.zip$`)

// psd serves the current release and the monthly archive of two files: coffee
// alone (in the archive only with a circular) and all commodities.
func (s *Server) psd(path string, fault Fault) answer {
	var r release
	var name string
	switch m := archivePath.FindStringSubmatch(path); {
	case m != nil:
		year, _ := strconv.Atoi(m[1]) // four digits
		month, _ := strconv.Atoi(m[2])
		name = m[3]
		var ok bool
		r, ok = s.releaseIn(year, month)
		first := s.options.FirstArchive
		tooOld := year*12+month < first.Year()*12+int(first.Month())
		if !ok || tooOld || r.published.After(s.options.Now()) || name == coffeeFile && !r.brings() {
			return notFound()
		}
	case path == "psdonline/downloads/"+coffeeFile+".zip", path == "psdonline/downloads/"+alldataFile+".zip":
		name = path[len("psdonline/downloads/") : len(path)-len(".zip")]
		var ok bool
		if r, ok = s.current(); !ok {
			return notFound()
		}
	}
	if name != coffeeFile && name != alldataFile {
		return notFound()
	}
	a := answer{status: 200, kind: "application/x-zip-compressed", modified: r.published}
	if fault.editsContent() {
		a.body = s.packEdited(name, r, fault)
		a.modified = later(a.modified)
	} else {
		a.body = s.files.get(fileKey{name, r.year, r.month}, func() []byte { return s.pack(name, r) })
	}
	a.etag = etagOf(a.body)
	return a
}
