package icestocks

import (
	"bytes"
	"fmt"
	"path"
	"strings"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/xls"
)

// derive makes a landed workbook's figures anew. Whether it is of the day that was
// asked for was judged when it landed.
func derive(original landing.Entry, body []byte) ([]extract.Derived, error) {
	if path.Ext(original.Path) != ".xls" {
		return nil, nil
	}
	zone, err := newYork()
	if err != nil {
		return nil, fmt.Errorf("ice: %w", err)
	}
	folder, _, _ := strings.Cut(original.Path, "/")
	for _, k := range []kind{dailyKind(), ageingKind(), historyKind()} {
		if k.folder != folder {
			continue
		}
		book, err := xls.Read(body)
		if err != nil {
			return nil, err
		}
		rep, err := k.parse(book, zone)
		if err != nil {
			return nil, err
		}
		var figures bytes.Buffer
		if err := rep.writeCSV(&figures, k.folder == ageingKind().folder); err != nil {
			return nil, err
		}
		return []extract.Derived{{Path: k.folder + "/" + rep.date + ".csv.gz", Rows: int64(len(rep.records)), Body: figures.Bytes()}}, nil
	}
	return nil, fmt.Errorf("no report of this source lands in %s", folder)
}
