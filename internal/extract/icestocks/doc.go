// Package icestocks is the source "ice": stocks of Coffee "C" (arabica) that ICE
// Futures US has certified, in bags: the daily report by origin and port, the
// month-end report by age and port, and the history of month ends by port.
//
// # URLs
//
//	daily    https://www.ice.com/publicdocs/futures_us_reports/coffee/coffee_cert_stock_{YYYYMMDD}.xls
//	ageing   https://www.ice.com/publicdocs/futures_us_reports/coffee/coffee_aging_{YYYYMMDD}.xls
//	history  https://www.ice.com/publicdocs/futures_us_reports/coffee/EOM_KC_cert_stox_by_port_nov96-present.xls
//
// No key. ICE's terms allow personal use and exclude robots; the rows are shown
// and never offered for download, and a user decides whether to run this source.
// The publisher answers 429 to quick downloads: two requests are 20 s apart, but
// not to a stand-in on this machine.
//
// # Cadence
//
// Daily at about 13:30 New York, on days that ICE works; Last-Modified is the
// publication. A day without a report answers 404, as does one whose report is
// not out yet: the answer is trusted, not a calendar of holidays, and believed for
// good once the day's month is 60 days past. Any other failure says nothing about
// the day. Reports were re-posted two days later, so the newest days are asked
// again. Ageing is as of the last business day or the last day of a month.
//
// # Window
//
// By default the last seven days, and of the three months before them the weekdays
// that lack their report although an older one landed; the last two month ends, and
// the history. With a first day the days from it on, but not before 2016-01-04,
// oldest first. Days that landed and are older than two weeks are not asked again,
// so that a backfill of years (20 s a day) goes on where it ended.
//
// # Content
//
// Excel 97-2003 workbooks with one sheet. Layouts differ by era; sections are
// found by their headings and columns by their labels, never by position:
//
//	2016   "BAGS CERTIFIED" or no heading before the first table, ports spelled
//	       out, pending grading by port alone
//	2021   Virginia in place of New Orleans
//	2023   "TOTAL BAGS CERTIFIED", ports by code, "TRANSITION BAGS CERTIFIED", and
//	       passed and failed bags by origin and port
//
// Transition bags are part of the certified ones and are never added to them. A
// report without that section says nothing about them, which is not zero.
//
// # What lands
//
// The workbook as it came, {folder}/{date}.xls, and beside it its figures as
// {folder}/{date}.csv.gz, in ice_stocks, ice_aging and ice_history. The date is
// the report's own as-of date, for the history its newest month end. The columns
// are report_date, as_of, section, origin, port_code, port_name, bags, and for
// ageing age_from_days and age_to_days. An empty origin is all origins together,
// an empty port all ports.
//
// It must never add up what the report does not, never take a total for a port
// or an origin, never guess a number, and never land a report whose rows and
// columns do not add up to its own totals.
package icestocks
