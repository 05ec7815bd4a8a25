package upstream

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const symbol = "KC=F"

var validRanges = []string{"1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y", "ytd", "max"}

// chart serves v8/finance/chart/KC=F, daily bars only.
func (s *Server) chart(path string, r *http.Request, fault Fault) answer {
	name, ok := strings.CutPrefix(path, "v8/finance/chart/")
	if !ok {
		return notFound()
	}
	// Yahoo turns away clients that do not say who they are, in plain text.
	if agent := r.UserAgent(); agent == "" || strings.HasPrefix(agent, "Go-http-client") {
		return answer{status: http.StatusTooManyRequests, kind: "text/plain", body: []byte("Too Many Requests\r\n")}
	}
	if name != symbol {
		return chartError(http.StatusNotFound, "No data found, symbol may be delisted")
	}
	query := r.URL.Query()
	interval := query.Get("interval")
	if interval != "1d" {
		return chartError(http.StatusUnprocessableEntity, fmt.Sprintf("%s data not available: this sample has daily bars (interval=1d) only", interval))
	}
	now := s.options.Now().In(s.newYork)
	bars := s.shown(now)
	from, until, label, refused := window(bars, query, now)
	if refused != nil {
		return *refused
	}
	switch fault.Kind {
	case FewerRows:
		keep := fault.Rows
		if keep == 0 {
			keep = (until - from) / 10
		}
		until = min(until, from+keep)
	case Empty:
		until = from
	case Revise:
		bars = revisedBars(bars)
	}
	doc := s.document(bars, from, until, label, now)
	return answer{status: http.StatusOK, kind: "application/json;charset=utf-8", body: encodeChart(doc, fault)}
}

func chartError(status int, description string) answer {
	body, _ := json.Marshal(map[string]any{"chart": map[string]any{"result": nil, // cannot fail: strings
		"error": map[string]string{"code": http.StatusText(status), "description": description}}})
	return answer{status: status, kind: "application/json;charset=utf-8", body: body}
}

// window finds the bars asked for, bars[from:until], by period1 and period2 or
// by range. label is what meta repeats of the range.
func window(bars []bar, query url.Values, now time.Time) (from, until int, label string, refused *answer) {
	refuse := func(status int, format string, args ...any) (int, int, string, *answer) {
		a := chartError(status, fmt.Sprintf(format, args...))
		return 0, 0, "", &a
	}
	if query.Has("period1") {
		start, end, refusal := periods(query.Get("period1"), query.Get("period2"), now)
		if refusal != "" {
			return refuse(http.StatusBadRequest, "%s", refusal)
		}
		position := func(at int64) int {
			i, _ := slices.BinarySearchFunc(bars, at, func(b bar, at int64) int { return cmp.Compare(b.stamp, at) })
			return i
		}
		return position(start), position(end), "", nil
	}
	label = cmp.Or(query.Get("range"), "1mo")
	start, ok := rangeStart(label, bars)
	if !ok {
		return refuse(http.StatusUnprocessableEntity, "Invalid input - range=%s is not supported. Valid ranges: [%s]", label, strings.Join(validRanges, ", "))
	}
	from, _ = slices.BinarySearchFunc(bars, start, func(b bar, d time.Time) int { return b.day.Compare(d) })
	return from, len(bars), label, nil
}

// periods are epoch seconds, the second exclusive and by default now; refusal
// is what the API says to others.
func periods(first, second string, now time.Time) (start, end int64, refusal string) {
	start, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return 0, 0, fmt.Sprintf("Invalid input - period1=%q is no number of seconds", first)
	}
	end = now.Unix() + 1
	if second != "" {
		if end, err = strconv.ParseInt(second, 10, 64); err != nil {
			return 0, 0, fmt.Sprintf("Invalid input - period2=%q is no number of seconds", second)
		}
	}
	if start > end {
		return 0, 0, fmt.Sprintf("Invalid input - start date cannot be after end date. startDate = %d, endDate = %d", start, end)
	}
	return start, end, ""
}

// rangeStart is the first day of a range that ends with the newest bar.
func rangeStart(label string, bars []bar) (time.Time, bool) {
	if !slices.Contains(validRanges, label) || len(bars) == 0 {
		return time.Time{}, slices.Contains(validRanges, label)
	}
	last := bars[len(bars)-1].day
	switch label {
	case "max":
		return bars[0].day, true
	case "ytd":
		return day(last.Year(), time.January, 1), true
	case "1d":
		return last, true
	case "5d":
		return bars[max(0, len(bars)-5)].day, true
	}
	n, _ := strconv.Atoi(strings.TrimRight(label, "moy")) // one of validRanges
	if strings.HasSuffix(label, "mo") {
		return last.AddDate(0, -n, 1), true
	}
	return last.AddDate(-n, 0, 1), true
}

// session is the trading day in New York: 04:15 to 13:30.
func (s *Server) session(d time.Time) (start, end time.Time) {
	at := func(hour, minute int) time.Time {
		return time.Date(d.Year(), d.Month(), d.Day(), hour, minute, 0, 0, s.newYork)
	}
	return at(4, 15), at(13, 30)
}

// shown are the bars as the feed has them at a moment: the newest two settled
// volumes are still too high, and a session that has begun ends the series with
// a live bar, which is stamped with its moment, is half made, and in a delivery
// month is that of another contract than what will settle.
func (s *Server) shown(now time.Time) []bar {
	today := day(now.Date())
	all := slices.Clone(s.bars(today))
	settled := len(all)
	if settled > 0 && all[settled-1].day.Equal(today) {
		settled--
		last := &all[settled]
		start, end := s.session(today)
		switch {
		case now.Before(start):
			all = all[:settled]
		case !last.empty:
			if now.After(end) {
				now = end
			}
			part := now.Sub(start).Seconds() / end.Sub(start).Seconds()
			s.live(last, now, part)
		}
	}
	for i := settled - 1; i >= max(0, settled-2); i-- {
		all[i].volume += all[i].volume * 3 / 10
	}
	return all
}

func (s *Server) live(b *bar, now time.Time, part float64) {
	b.stamp = now.Unix()
	b.close = ticks(b.open + (b.close-b.open)*part)
	b.volume = int64(float64(b.volume) * part)
	months := contracts(b.day.Year(), b.day.Year()+1)
	for i, c := range months {
		if !b.day.Before(c.noticeFrom) && b.day.Before(c.lastTrading) {
			next := months[i+1]
			factor := 1 + s.carry(next, next.front) - s.carry(c, b.day)
			for _, p := range []*float64{&b.open, &b.high, &b.low, &b.close} {
				*p = ticks(*p * factor)
			}
			b.volume = int64(9000 * part)
		}
	}
	b.high, b.low = max(b.high, b.close), min(b.low, b.close)
}

// revisedBars moves the newest five by some ticks, as a correction would.
func revisedBars(bars []bar) []bar {
	bars = slices.Clone(bars)
	for i := max(0, len(bars)-5); i < len(bars); i++ {
		if b := &bars[i]; !b.empty {
			b.close, b.volume = ticks(b.close+3*tick), b.volume+7
		}
	}
	return bars
}

// encodeChart writes the document, and edits it where a fault says so.
func encodeChart(doc chartDocument, fault Fault) []byte {
	body, err := json.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("upstream: a chart of finite numbers does not encode: %v", err))
	}
	switch {
	case fault.Kind == BOM || fault.Kind == CP1252:
		return fault.editText(body, bytes.Index(body, []byte(symbol)))
	case !fault.editsContent() || fault.Kind == FewerRows || fault.Kind == Empty || fault.Kind == Revise:
		return body
	}
	var loose map[string]any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber() // every digit as it was
	if err := d.Decode(&loose); err != nil {
		panic(fmt.Sprintf("upstream: its own chart does not decode: %v", err))
	}
	fault.editChart(loose["chart"].(map[string]any)["result"].([]any)[0].(map[string]any))
	body, err = json.Marshal(loose)
	if err != nil {
		panic(fmt.Sprintf("upstream: an edited chart does not encode: %v", err))
	}
	return body
}
