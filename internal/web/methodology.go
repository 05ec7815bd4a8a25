package web

import "context"

// methodologyPage is what methodology.html prints.
type methodologyPage struct{ Sources []freshness }

func loadMethodology(ctx context.Context, r *reading) (any, error) {
	sources, err := loadFreshness(ctx, r)
	return methodologyPage{Sources: sources}, err
}
