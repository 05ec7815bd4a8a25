package main

import (
	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/extract/cftccot"
	"beanflows.coffee/materia/internal/extract/cftclegacy"
	"beanflows.coffee/materia/internal/extract/coffeeprices"
	"beanflows.coffee/materia/internal/extract/icestocks"
	"beanflows.coffee/materia/internal/extract/openmeteo"
	"beanflows.coffee/materia/internal/extract/psdonline"
)

// sources is the list of upstreams. A line here gives a source its pipeline, its
// place in extract, demo and status, and its row in data_freshness.
func sources() []extract.Source {
	return []extract.Source{
		psdonline.Source(),
		coffeeprices.Source(),
		cftccot.Source(),
		cftclegacy.Source(),
		openmeteo.Source(),
		icestocks.Source(),
	}
}
