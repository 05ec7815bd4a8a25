package model

import (
	"slices"
	"strconv"
	"strings"

	"github.com/robfig/cron/v3"
)

var supportedKinds = []string{string(Full), string(View), string(Seed), string(Embedded), string(IncrementalByTimeRange), string(IncrementalByUniqueKey)}

// kindOptions are those that are read or change nothing here.
var kindOptions = map[Kind][]string{
	Seed:                   {"path", "csv_settings", "batch_size"},
	View:                   {"materialized"},
	IncrementalByTimeRange: {"time_column", "batch_size", "lookback", "batch_concurrency", "partition_by_time_column", "forward_only"},
	IncrementalByUniqueKey: {"unique_key", "batch_size", "lookback", "batch_concurrency", "forward_only"},
}

// refusedOptions are SQLMesh's that would change what the kind means.
var refusedOptions = strings.Fields(`disable_restatement auto_restatement_cron auto_restatement_intervals on_destructive_change
	on_additive_change when_matched merge_filter forward_only materialization materialization_properties full_history`)

func (p *parsedModel) setKind(x prop, errs *ErrorList) {
	name, _ := x.value[0].name()
	name = strings.ToUpper(name)
	args := x.value[1:]
	inner, wrapped := unwrap(args)
	switch {
	case contains(unsupportedKinds, name):
		errs.add(p.f, x.value[0].Span(), didYouMean("", supportedKinds), "kind %s is not supported", name)
		return
	case !contains(supportedKinds, name):
		errs.add(p.f, x.value[0].Span(), didYouMean(name, append(supportedKinds, unsupportedKinds...)), "unknown kind %s", x.value[0].Text)
		return
	case len(args) > 0 && !wrapped:
		errs.add(p.f, args[0].Span(), "", "expected a comma after kind %s", name)
		return
	}
	p.kind, p.kindAt = Kind(name), x.value[0].Span()
	known := append(slices.Clone(kindOptions[p.kind]), refusedOptions...)
	props := headerProps(p.f, inner, known, errs)
	if p.kind == Seed {
		p.seed = parseSeed(p.f, x, props, errs)
		return
	}
	for _, k := range props {
		p.setKindOption(k, errs)
	}
}

func (p *parsedModel) setKindOption(k prop, errs *ErrorList) {
	m := p.m
	switch {
	case k.key == "materialized":
		if k.boolean(p.f, errs) {
			errs.add(p.f, k.at, "use kind FULL", "DuckDB has no materialized views")
		}
	case k.key == "forward_only" && contains(kindOptions[p.kind], k.key):
		if k.boolean(p.f, errs) {
			errs.add(p.f, k.at, "leave it out: changed code fills a table of its own", "kind option forward_only is not supported")
		}
	case !contains(kindOptions[p.kind], k.key):
		errs.add(p.f, k.at, didYouMean("", kindOptions[p.kind]), "kind option %s is not supported", k.key)
	case k.key == "time_column":
		p.timeColumn(k, errs)
	case k.key == "unique_key":
		m.UniqueKey, p.keyAt = k.words(p.f, errs), k.span()
	case k.key == "batch_size":
		m.BatchSize = k.count(p.f, 1, errs)
	case k.key == "lookback":
		m.Lookback = k.count(p.f, 0, errs)
	}
}

// timeColumn reads ds or (ds, '%Y-%m-%d').
func (p *parsedModel) timeColumn(k prop, errs *ErrorList) {
	inner, _ := unwrap(k.value)
	parts := splitTop(inner)
	p.timeAt = k.span()
	name, ok := "", false
	if len(parts[0]) == 1 {
		name, ok = parts[0][0].name()
		if s, isText := parts[0][0].str(); isText {
			name, ok = strings.ToLower(s), true
		}
	}
	p.m.TimeFormat = "%Y-%m-%d"
	if len(parts) == 2 && len(parts[1]) == 1 {
		var text bool
		p.m.TimeFormat, text = parts[1][0].str()
		ok = ok && text
	}
	if !ok || len(parts) > 2 {
		errs.add(p.f, k.span(), "time_column report_date, or time_column (ds, '%Y-%m-%d')", "time_column takes a column and perhaps a format")
		return
	}
	p.m.TimeColumn = name
	if _, ok := timeLayout(p.m.TimeFormat); !ok {
		errs.add(p.f, k.span(), "%Y, %m, %d, %H, %M, %S in this order, so that texts sort as times do", "time format %s is not supported", p.m.TimeFormat)
	}
}

// timeLayout turns a format of strftime into one of Go. ok is false unless the
// texts sort as the times do.
func timeLayout(format string) (layout string, ok bool) {
	words := map[byte]string{'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05"}
	order, last := "YmdHMS", -1
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		i++
		if i == len(format) || words[format[i]] == "" || strings.IndexByte(order, format[i]) != last+1 {
			return "", false
		}
		last++
		b.WriteString(words[format[i]])
	}
	return b.String(), last >= 2
}

// count reads a whole number.
func (p prop) count(f *file, least int, errs *ErrorList) int {
	n, err := strconv.Atoi(p.text(f, errs))
	if err != nil || n < least {
		errs.add(f, p.span(), "", "%s is a number of intervals, %d or more", p.key, least)
		return 0
	}
	return n
}

// checkKind looks at what the kind needs once the whole header is read.
func (p *parsedModel) checkKind(errs *ErrorList) {
	m := p.m
	if p.kind == Embedded && len(p.audits) > 0 {
		errs.add(p.f, p.audits[0].at, "audit the models that read it", "an EMBEDDED model has no rows of its own to audit")
	}
	if p.kind != IncrementalByTimeRange && p.kind != IncrementalByUniqueKey {
		return
	}
	if p.kind == IncrementalByTimeRange && m.TimeColumn == "" && p.timeAt == (Span{}) {
		errs.add(p.f, p.kindAt, "kind INCREMENTAL_BY_TIME_RANGE (time_column report_date)", "kind INCREMENTAL_BY_TIME_RANGE needs a time_column")
	}
	if p.kind == IncrementalByUniqueKey && len(m.UniqueKey) == 0 && p.keyAt == (Span{}) {
		errs.add(p.f, p.kindAt, "kind INCREMENTAL_BY_UNIQUE_KEY (unique_key id)", "kind INCREMENTAL_BY_UNIQUE_KEY needs a unique_key")
	}
	if m.Start == "" {
		errs.add(p.f, p.kindAt, "start '2006-06-13', here or in model_defaults", "kind %s needs a start", p.kind)
	} else if _, err := ParseTime(m.Start); err != nil && validStart(m.Start) {
		errs.add(p.f, p.kindAt, "", "start: %v", err)
	}
	schedule, err := cron.ParseStandard(m.Cron)
	if err != nil {
		if validCron(m.Cron) { // else it is reported already
			errs.add(p.f, p.kindAt, cronHint, "cron %s is not supported for kind %s: %v", m.Cron, p.kind, err)
		}
		return
	}
	inferred, ok := unitOf(schedule)
	if !ok {
		errs.add(p.f, p.kindAt, "every five minutes or less often", "cron %s gives no intervals", m.Cron)
		return
	}
	if m.Unit == "" {
		m.Unit = inferred
	}
	if m.Unit.length() > inferred.length() {
		errs.add(p.f, p.kindAt, "", "interval_unit %s is longer than the time between two ticks of cron %s", m.Unit, m.Cron)
	}
}

// checkBound looks at what the kind needs of the columns that came out.
func (p *parsedModel) checkBound(errs *ErrorList) {
	for _, name := range p.m.UniqueKey {
		if !hasColumn(p.m.Columns, name) {
			errs.add(p.f, p.keyAt, didYouMean(name, columnNames(p.m.Columns)), "unique_key names column %s, which the query does not return", name)
		}
	}
	if p.m.TimeColumn == "" {
		return
	}
	if !hasColumn(p.m.Columns, p.m.TimeColumn) {
		errs.add(p.f, p.timeAt, didYouMean(p.m.TimeColumn, columnNames(p.m.Columns)), "time_column %s is not among what the query returns", p.m.TimeColumn)
		return
	}
	typ := p.m.timeType()
	layout, _ := timeLayout(p.m.TimeFormat)
	daily := typ == "DATE" || typ == "VARCHAR" && !strings.Contains(layout, "15")
	switch {
	case !contains([]string{"DATE", "VARCHAR", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}, typ):
		errs.add(p.f, p.timeAt, "a DATE, a TIMESTAMP, or a text with its format", "time_column %s is %s", p.m.TimeColumn, typ)
	case daily && p.m.Unit.length() < Day.length():
		errs.add(p.f, p.timeAt, "a TIMESTAMP, or a cron of a day or more", "time_column %s tells days, and the intervals are shorter", p.m.TimeColumn)
	}
}

func (m *Model) timeType() string {
	for _, c := range m.Columns {
		if strings.EqualFold(c.Name, m.TimeColumn) {
			return c.Type
		}
	}
	return ""
}

// Within is the condition that a row's time is in a range, as SQL.
func (m *Model) Within(r Interval) string {
	column := `"` + strings.ReplaceAll(m.TimeColumn, `"`, `""`) + `"`
	low, high := timeValue("start_dtntz", r), timeValue("start_dtntz", Interval{Start: r.End})
	switch m.timeType() {
	case "DATE":
		low, high = timeValue("start_date", r), timeValue("start_date", Interval{Start: r.End})
	case "TIMESTAMP WITH TIME ZONE":
		low, high = timeValue("start_dt", r), timeValue("start_dt", Interval{Start: r.End})
	case "VARCHAR":
		layout, _ := timeLayout(m.TimeFormat)
		low, high = duckString(r.Start.UTC().Format(layout)), duckString(r.End.UTC().Format(layout))
	}
	return column + " >= " + low + " AND " + column + " < " + high
}
