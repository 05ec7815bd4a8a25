package openmeteo

// Region is a place that stands for a growing region: a point in its farm belt,
// with the middle of the altitudes at which its coffee grows.
type Region struct {
	ID         string  // names the folder; never changes
	Latitude   float64 // degrees north
	Longitude  float64 // degrees east
	ElevationM int     // metres above sea level, to which temperatures are brought
	TimeZone   string  // IANA; days are its local days
}

// Regions are the places asked for. They equal transform/seeds/seed_location.csv,
// which says more of each; a test holds the two together.
func Regions() []Region {
	return []Region{
		{"br_sul_de_minas", -21.55, -45.43, 1050, "America/Sao_Paulo"},
		{"br_cerrado_mineiro", -18.94, -46.99, 1025, "America/Sao_Paulo"},
		{"br_espirito_santo", -19.02, -40.54, 275, "America/Sao_Paulo"},
		{"vn_dak_lak", 12.67, 108.04, 625, "Asia/Ho_Chi_Minh"},
		{"co_huila", 1.85, -76.05, 1625, "America/Bogota"},
		{"et_yirgacheffe", 6.16, 38.20, 1950, "Africa/Addis_Ababa"},
		{"hn_copan", 14.84, -89.15, 1250, "America/Tegucigalpa"},
		{"gt_huehuetenango", 15.32, -91.47, 1750, "America/Guatemala"},
		{"id_lampung", -5.03, 104.08, 750, "Asia/Jakarta"},
		{"ug_mount_elgon", 1.08, 34.18, 1700, "Africa/Kampala"},
		{"pe_jaen", -5.71, -78.81, 1500, "America/Lima"},
		{"in_chikmagalur", 13.32, 75.77, 1100, "Asia/Kolkata"},
	}
}
