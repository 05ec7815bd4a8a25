package web

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Figures of the real files, as computed by others with a few lines of Python.
func TestPagesPrintTheFiguresOfTheRealFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "analytics.duckdb")
	realData(t, path, false)
	h := open(t, path, today)
	for url, want := range map[string][]string{
		"/supply": {
			"USDA puts world production in 2022/23 at 172.75 million bags", "consumption in 2022/23 at 167.95 million bags", // 167,945
			"<td class=\"n\">32,565</td>", "<td class=\"n\">92,674</td>", "<td class=\"n\">80,076</td>", "<td class=\"n\">136,003</td>",
			"<td class=\"n\">139,259</td>", "<td class=\"n\">34,114</td>", "<td class=\"n\">20.3</td>", "<td class=\"n\">19.5</td>",
			"<td class=\"n\">166,174</td>", "<td class=\"n\">116,060</td>", "first one loaded: nothing to compare it with yet",
			">Brazil</a></th><td class=\"n strong\">36,645</td><td class=\"n\">33,000</td>",
			">Uganda</a></th>", "<td class=\"n\">6,520</td>",
		},
		"/supply?country=BR": {"62.60 million bags", "<td class=\"n\">39,800</td>", "<td class=\"n\">22,800</td>", "<td class=\"n\">36,645</td>"},
		"/supply?country=VM": {"30.22 million bags"},
		"/supply?country=CO": {"12.60 million bags"},
		"/positioning": {
			"Funds are net long 56,908 lots of arabica, down 611 on the week", "29.6\u202f% of open interest", "35\u202f% of the last 26, 44\u202f% of the last 52 and 81\u202f% of the last 156 reports",
			"<td class=\"n\">192,111</td>", ">34.7<", ">43.3<", ">85.9<", ">34.6<", ">44.2<", ">80.8<", "short 40.7\u202f% of open interest",
		},
		"/weather/br_cerrado_mineiro": {"the coldest had 7.7\u202f°C, on 20 May 2022", "No night of 4\u202f°C or colder since 1 Jan 2015", "Last season"},
		"/price?range=max":            {"438.90 on 13 February 2025", "370.95"},
	} {
		body := getPage(t, h, url)
		for _, w := range want {
			if !strings.Contains(body, w) {
				t.Errorf("%s lacks %q", url, w)
			}
		}
	}
}

func TestPricePageOnThirtiethOfJune2025(t *testing.T) {
	path := filepath.Join(t.TempDir(), "analytics.duckdb")
	realData(t, path, false)
	cutAfter(t, path, "2025-06-30")
	body := getPage(t, open(t, path, time.Date(2025, 7, 1, 0, 0, 0, 0, time.UTC)), "/price")
	for _, w := range []string{"306.75", "335.91", "364.43", "335.54", "440.85", "221.00", "438.90", "225.70"} {
		if !strings.Contains(body, ">"+w+"<") {
			t.Errorf("no cell with %q", w)
		}
	}
}

func TestRevisionsBetweenTwoRealReleases(t *testing.T) {
	path := filepath.Join(t.TempDir(), "analytics.duckdb")
	realData(t, path, true)
	body := getPage(t, open(t, path, today), "/supply")
	for _, w := range []string{
		"171.43 million bags", // 171,425
		"Release of 21 December 2023 against 20 December 2022",
		"<th scope=\"row\">Vietnam</th><td>Production 2022/23</td><td class=\"n down\">−3,020</td><td class=\"n down\">−10.0</td><td class=\"n\">30,220</td><td class=\"n\">27,200</td>",
	} {
		if !strings.Contains(body, w) {
			t.Errorf("/supply lacks %q", w)
		}
	}
}
