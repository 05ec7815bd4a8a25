// Package coffeeprices is the source "prices": daily bars of KC=F, the front
// arabica future of ICE Futures US, from Yahoo's chart API.
//
// # URLs
//
//	https://query1.finance.yahoo.com/v8/finance/chart/KC=F?interval=1d&period1={epoch s}&period2={epoch s, exclusive}
//	the same at query2, where query1 fails
//
// No key, no cookie. Library user agents get 429, whose body is plain text; it is
// counted by address and agent, so each host gets two tries and no loop. The data
// is shown, never redistributed.
//
// # Cadence
//
// A bar for every session, final after the settlement at about 13:30 New York. The
// last bar of a session still open is live: it changes, and its stamp is the last
// trade's, not midnight. Volumes of past days are revised.
//
// # Window
//
// First run: the whole history. Then from 30 days before the newest landed trade
// date. A first day and a last day set it. The end is the midnight, in New York,
// after the last day or today, so that the same day makes the same request.
//
// # Content
//
// One JSON document: parallel arrays of timestamps, open, high, low, close and
// volume, in US cents/lb ("USX"), float32 widened to float64. A date is derived in
// the exchange's zone for each bar. Elements may be null. A document without
// timestamps has no bars, which is no error. Settlements lie outside [low, high]
// on a tenth of the days; high >= low always holds.
//
// # What lands
//
// The answer as it came, under prices/KC=F/{newest trade date}.json.gz, if any of
// its bars says something else than the newest landed file that has the bar's
// date. The hash leaves out Yahoo's meta of the moment (last price, trading
// period) but for what says which instrument, currency and zone this is.
//
// It must never take an empty answer for data, drop a bar or mend one.
package coffeeprices
