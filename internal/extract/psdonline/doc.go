// Package psdonline is the source "psd": USDA FAS, Production, Supply and
// Distribution Online, the world's coffee balances by country and market year.
//
// # URLs
//
//	current   https://apps.fas.usda.gov/psdonline/downloads/psd_coffee_csv.zip
//	archives  https://apps.fas.usda.gov/psdonline/downloads/archives/{YYYY}/{MM}/psd_coffee_csv.zip
//	          .../psd_alldata_csv.zip where a month has no coffee file (about 2 million rows)
//
// No key. US public domain. Archives begin with 2006/08. A month without a
// release answers 404, which is no failure: 2025/10 fell to a shutdown of the
// government. Last-Modified is the release; an ETag is plausible but not promised.
//
// # Cadence
//
// The ZIP is published again with each monthly cycle, about the 10th to 12th, but
// coffee changes with the circulars of June and December only, and not on a fixed
// day (2026: 22 July). So: poll, and let the content's hash decide.
//
// # Content
//
// A ZIP with one CSV: twelve columns, a header, CRLF, ASCII, quotes around text that
// may hold commas ("Coffee, Green"). Every file is the latest estimate only, one
// row a country, market year and attribute; the history of revisions is the series
// of files. Coffee is commodity 0711100, in 1,000 bags of 60 kg.
//
// # Window
//
// By default the current coffee file. With a first day also the archives from its
// month on, but not before 2006-08, to the last day's month, oldest first.
//
// # Quirks
//
// Market_Year is the END year of a season up to the December 2022 file and the START
// year since: the models mend that, a landed file stays as it came. A current
// coffee file with less than 90 % of the rows of the newest one that landed is
// refused: countries are added, hardly ever dropped. Columns are known by name: a
// renamed or missing one is refused with the difference, a new one lands with a
// warning, another order is fine. Of the rows about coffee every value, the key
// (country, year, attribute) and supply = distribution are checked: a few slips land
// with a warning (Sierra Leone 1968 is one, off by 1), more than 1 % are refused.
//
// It must never change a byte of the CSV, and never name a file by the clock: the
// month in psd/{YYYY}/{MM}/{hash12}.csv.gzip is that of Last-Modified, or of the
// archive's path.
package psdonline
