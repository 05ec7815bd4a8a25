package upstream

// place is a point for which the sample has weather, with an invented climate in
// round numbers: degrees Celsius, and mm of rain by calendar month.
type place struct {
	id                  string
	latitude, longitude float64
	zone                string
	meters              float64 // to which the temperatures belong
	mean                float64 // of the year
	swing               float64 // half of warmest less coldest month
	coldest             float64 // day of the year around which it is coldest
	spread              float64 // between the day's low and high, in a dry month
	outbreaks           float64 // cold outbreaks in a winter, on average; 0 in the tropics
	rain                [12]float64
}

// places are twelve points in coffee country, an hour's drive from each.
var places = [...]place{
	{"sul de minas", -21.55, -45.43, "America/Sao_Paulo", 1050, 19.8, 3.4, 196, 12.5, 1.1, [12]float64{270, 195, 165, 75, 50, 25, 20, 20, 70, 125, 175, 260}},
	{"cerrado mineiro", -18.94, -46.99, "America/Sao_Paulo", 1025, 21.4, 2.6, 192, 12.5, 0.35, [12]float64{275, 205, 195, 85, 30, 12, 10, 13, 50, 115, 190, 275}},
	{"espirito santo", -19.02, -40.54, "America/Sao_Paulo", 275, 24.4, 2.9, 200, 9.5, 0, [12]float64{170, 110, 140, 85, 45, 30, 40, 30, 50, 110, 200, 225}},
	{"dak lak", 12.67, 108.04, "Asia/Ho_Chi_Minh", 625, 23.8, 2.2, 5, 10, 0, [12]float64{6, 6, 25, 90, 230, 240, 260, 310, 300, 210, 90, 25}},
	{"huila", 1.85, -76.05, "America/Bogota", 1625, 18.8, 0.6, 210, 10, 0, [12]float64{110, 120, 150, 165, 130, 80, 70, 55, 75, 150, 180, 140}},
	{"yirgacheffe", 6.16, 38.20, "Africa/Addis_Ababa", 1950, 18.4, 1.0, 205, 12, 0, [12]float64{35, 50, 110, 200, 210, 110, 95, 110, 160, 170, 70, 30}},
	{"copan", 14.84, -89.15, "America/Tegucigalpa", 1250, 20.6, 1.7, 10, 10.5, 0, [12]float64{40, 30, 30, 55, 140, 240, 180, 200, 240, 150, 85, 55}},
	{"huehuetenango", 15.32, -91.47, "America/Guatemala", 1750, 18.2, 1.5, 8, 11.5, 0, [12]float64{8, 8, 18, 45, 130, 230, 170, 180, 230, 130, 35, 12}},
	{"lampung", -5.03, 104.08, "Asia/Jakarta", 750, 22.6, 0.5, 215, 8.5, 0, [12]float64{320, 270, 280, 230, 150, 110, 95, 90, 120, 180, 250, 320}},
	{"mount elgon", 1.08, 34.18, "Africa/Kampala", 1700, 19.8, 0.8, 205, 11, 0, [12]float64{45, 60, 120, 190, 190, 120, 110, 140, 120, 130, 110, 60}},
	{"jaen", -5.71, -78.81, "America/Lima", 1500, 20.1, 0.8, 205, 10.5, 0, [12]float64{80, 105, 130, 105, 60, 35, 25, 25, 50, 85, 85, 75}},
	{"chikmagalur", 13.32, 75.77, "Asia/Kolkata", 1100, 21.6, 1.9, 0, 9.5, 0, [12]float64{3, 5, 15, 60, 120, 330, 640, 430, 190, 170, 60, 14}},
}

// placeNear is the place within a degree and a half of a point; nil where there
// is none.
func placeNear(latitude, longitude float64) *place {
	const near = 1.5
	for i := range places {
		p := &places[i]
		if abs(p.latitude-latitude) <= near && abs(p.longitude-longitude) <= near {
			return p
		}
	}
	return nil
}

func abs(x float64) float64 {
	if x < 0 {
		return -x
	}
	return x
}
