package web

import (
	"context"
	"database/sql"
	"net/url"
	"slices"
	"time"

	"beanflows.coffee/materia/internal/serving"
)

// page is one address of the dashboard. All of its state is in the URL.
type page struct {
	path, label, file string

	// under says that the page stands for every address of one more part behind
	// path, which ends in a slash; params finds that part under "name".
	under bool

	// always says that the page has something to say before any data landed.
	always bool

	// params reads the query into its canonical form; parameters that it does
	// not know are ignored. Nil for a page without parameters.
	params func(url.Values, *generation) (params, *refusal)

	// load reads what the page's template prints.
	load func(context.Context, *reading) (any, error)
}

// sitePages is the whole site, in the order of its navigation.
func sitePages() []page {
	return []page{
		{path: "/", label: "Pulse", file: "pulse.html", load: loadPulse},
		{path: "/price", label: "Price", file: "price.html", params: priceParams, load: loadPrice},
		{path: "/positioning", label: "Positioning", file: "positioning.html", params: cotParams, load: loadPositioning},
		{path: "/supply", label: "Supply", file: "supply.html", params: supplyParams, load: loadSupply},
		{path: "/stocks", label: "Stocks", file: "stocks.html", params: stocksParams, load: loadStocks},
		{path: "/weather", label: "Weather", file: "weather.html", load: loadWeather},
		{path: "/weather/", label: "Weather", file: "region.html", under: true, params: regionParams, load: loadRegionPage},
		{path: "/methodology", label: "Methodology", file: "methodology.html", always: true, load: loadMethodology},
		{path: "/status", label: "Status", file: "status.html", load: loadStatus},
	}
}

// params is what a page's query means, checked.
type params struct {
	Range   string // of /price, /positioning and /stocks; "" elsewhere
	Country string // of /supply; "" elsewhere
	Region  string // of /weather/{region}; "" elsewhere

	// canonical is the query that links use; default pages have none and are
	// kept for as long as their snapshot.
	canonical string
}

// refusal is an answer to a request that the site cannot or will not serve.
type refusal struct {
	Status        int
	Heading, Text string
}

// reading is everything a page is written from.
type reading struct {
	db     *sql.DB // nil before any data was published
	meta   serving.Meta
	gen    *generation
	params params
	today  time.Time // midnight UTC
}

// has says whether the published file holds a serving table: one whose model
// was never planned is not there, and its panels say so.
func (r *reading) has(table string) bool {
	return r.db != nil && slices.Contains(r.gen.tables, table)
}

// generation is what belongs to one snapshot on one day: words such as "late"
// change with the day, so pages do not outlive it.
type generation struct {
	snapshot  string
	today     time.Time
	cache     *pageCache
	tables    []string
	countries []country
	regions   []string // ids, of /weather/{region}
}

// country is a choice of /supply.
type country struct{ Code, Name string }

const world = "WORLD"

func loadGeneration(ctx context.Context, s *serving.Snapshot, today time.Time) (*generation, error) {
	g := &generation{snapshot: s.ID, today: today, cache: newPageCache(maxOtherPages)}
	var err error
	g.tables, err = query(ctx, s.DB, "table names", func(r *sql.Rows, name *string) error { return r.Scan(name) },
		`SELECT table_name FROM information_schema.tables WHERE table_schema = 'serving' ORDER BY table_name`)
	if err != nil {
		return nil, err
	}
	if slices.Contains(g.tables, "weather_regions") {
		g.regions, err = query(ctx, s.DB, "region names", func(r *sql.Rows, id *string) error { return r.Scan(id) },
			`SELECT location_id FROM serving.weather_regions ORDER BY location_id`)
		if err != nil {
			return nil, err
		}
	}
	if !slices.Contains(g.tables, "commodity_metrics") {
		return g, nil
	}
	g.countries, err = query(ctx, s.DB, "countries", func(r *sql.Rows, c *country) error { return r.Scan(&c.Code, &c.Name) },
		`SELECT country_code, any_value(country_name) FROM serving.commodity_metrics WHERE country_code <> ?
		 GROUP BY country_code ORDER BY lower(any_value(country_name)), country_code`, world)
	return g, err
}
