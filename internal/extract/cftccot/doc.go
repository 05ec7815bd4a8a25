// Package cftccot is the source "cot": CFTC, Commitments of Traders, the
// disaggregated report of who holds which futures, week by week since 2006.
//
// # URLs
//
//	years   https://www.cftc.gov/files/dea/history/fut_disagg_txt_{YYYY}.zip            futures only, 2010 on
//	        https://www.cftc.gov/files/dea/history/com_disagg_txt_{YYYY}.zip            futures and options combined
//	before  https://www.cftc.gov/files/dea/history/fut_disagg_txt_hist_2006_2016.zip    from 2006-06-13
//	        https://www.cftc.gov/files/dea/history/com_disagg_txt_hist_2006_2016.zip
//
// No key. US public domain. ETag and Last-Modified are not promised.
//
// # Cadence
//
// Positions at Tuesday's close, published on the third business day after, 15:30
// New York: on Friday, or later where federal offices close between. The file of
// the current year is then written again with one report more; nothing that it
// held changes, but for rare corrections. Government shutdowns delayed reports in
// 2013, 2018-19 and 2025; none was ever left out.
//
// # Window
//
// By default every year from the newest that has landed to today's, so after a
// pause the old year is still completed; in January last year's too. Where
// nothing has landed yet, all of it. With a first day the years from its own on,
// to the last day's. The file of 2006 to 2016 is asked for where the window
// begins before 2010; it overlaps with the years.
//
// A year that answers 404 is absent, which is no failure, unless it landed
// before. The file of a new year does not exist until its first report: an HTML
// page in its place is absent too until a week after that report is due, and a
// failure later, as it is for any other year.
//
// # Content
//
// A ZIP with one member: CSV with a header of 191 names, CRLF, ASCII, numbers
// padded with blanks, '.' where a value is missing (fewer than four traders, or a
// first week). All contracts of the year stand in it (5,500 rows in 2010, 13,600
// in 2024), grouped by contract, newest report first. Futures only, the categories'
// longs and spreads, and their shorts and spreads, make the open interest in every
// row; combined they miss it by up to three contracts, since options count by
// their delta.
//
// # What lands
//
// The whole CSV as it came, under cot/{year}/{date}.csv.gz or
// cot_combined/{year}/{date}.csv.gz, where date is the newest report in it.
// Which contracts matter, and the quirks below, are the models' business: a file
// that was mended on the way in could not be compared with the publisher's.
//
// # Quirks
//
// Up to 2014 a blank follows each closing quote, which encoding/csv takes for an
// error, or, told to be lazy, for a part of one long field. Up to 2012 the third
// column is called Report_Date_as_MM_DD_YYYY, and holds ISO dates all the same.
// Swap dealers' shorts and spreads have two underscores. Names of contracts
// change; codes do not. Some report dates are Mondays.
//
// It must never change a byte of the CSV, never name a file by the clock, and
// never take an HTML page for a year without reports once there must be some.
package cftccot
