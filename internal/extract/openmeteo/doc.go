// Package openmeteo is the source "weather": daily ERA5 reanalysis of twelve
// coffee regions since 1991, from Open-Meteo's archive API.
//
// # URL
//
//	https://archive-api.open-meteo.com/v1/archive?latitude=&longitude=&elevation={m}
//	    &start_date={YYYY-MM-DD}&end_date={YYYY-MM-DD}&daily={variables}&models=era5_seamless&timezone={IANA}
//
// One region and at most one calendar year a request. No key. CC BY 4.0: attribute
// Open-Meteo and the Copernicus programme's ERA5. The free host is for
// non-commercial use; a commercial product asks customer-archive-api with a key.
//
// The model is named: the default, best_match, changes from ERA5 to a forecast
// model's analysis in 2017, and a normal of 1991-2020 would compare the two. The
// elevation is named too: the default is that of the town, not of the farms.
//
// # Cadence
//
// A day appears about five days after it; days without data yet are null. Recent
// days are revised (ERA5T to ERA5), most of them within weeks.
//
// # Window
//
// 1991 to today, or a first and a last day. A year that ended 90 days ago or
// longer is asked for whole, once. The years after it are asked from the first day
// that has not landed, and their last 21 days always. Newest years come first, in
// all regions, so that every stop leaves a whole picture of some years.
//
// # Limits
//
// By address: 600 a minute, 5,000 an hour, 10,000 a day, each request weighing
// max(1, variables/10, days/14 * variables/10) and each error 1. A run plans ahead
// with nine tenths of that, waits for the minute and ends where the hour or the
// day is used up; the next run goes on. Nothing of this holds for a stand-in on
// this machine.
//
// # Content
//
// One JSON object: coordinates of the grid cell, units, and parallel arrays of
// local days and values. Nulls are real. generationtime_ms differs in every answer.
// Errors are HTTP 400 and 429 with {"error":true,"reason":"..."}; a place outside
// the model's is 400 "No data is available for this location". A failing stream
// ends a 200 with text inside broken JSON.
//
// # What lands
//
// The answer as it came, under weather/{location_id}/{year}/{date}.json.gz, the
// date being the newest day with a value, if any of its days says something else
// than the newest landed file that has the day. The hash leaves out
// generationtime_ms.
//
// It must never let one region stop another, take nulls for data, or ask for what
// is settled.
package openmeteo
