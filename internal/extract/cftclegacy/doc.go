// Package cftclegacy is the source "cot_legacy": CFTC, Commitments of Traders, the
// legacy report, futures only: commercial and noncommercial traders, the split
// that was published before 2006 and still is.
//
// # URLs
//
//	https://www.cftc.gov/files/dea/history/deacot{YYYY}.zip
//
// No key. US public domain. ETag and Last-Modified are not promised.
//
// # Cadence
//
// With the disaggregated report: Tuesday's positions on Friday at 15:30 New York,
// up to three days later around federal holidays. The file of the current year is
// then written again with one report more.
//
// # Window
//
// By default every year from the newest that has landed to today's, in January last
// year's too; where nothing has landed, from 2006 on, as the disaggregated report.
// With a first day the years from its own on, 1986 at the earliest. A year that
// answers 404 is absent, which is no failure.
//
// # Content
//
// A ZIP with one member, annual.txt: CSV with a header of 129 names, some with a
// blank before them, CRLF (copies with LF exist), ASCII, text in quotes that may
// hold commas, numbers padded with blanks, '.' where a value is missing. All
// contracts of the year (13,038 rows in 2021), grouped by contract, newest report
// first.
//
// # What lands
//
// The whole CSV as it came, under cot_legacy/{year}/{date}.csv.gz, where date is
// the newest report in it.
//
// # Contract
//
// Columns by name, contract and date once each, whole numbers of contracts, at least
// 90 % of the rows that the same URL had before, coffee among them. For coffee
// longs and spreads make the open interest, and so do shorts and spreads: true of
// all 51 reports of 2021; of all contracts 106 rows in 13,038 miss it.
//
// It must never change a byte of the CSV, and never name a file by the clock.
package cftclegacy
