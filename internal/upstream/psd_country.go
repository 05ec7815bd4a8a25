package upstream

// country is what the generator knows of one: its code and name as USDA writes
// them, and invented magnitudes of season 2022/23 in 1,000 60-kg bags.
type country struct {
	code, name     string
	first, last    int     // seasons by start year; last 0: it goes on
	arabica        float64 // production
	robusta        float64
	use            float64  // domestic consumption
	bought         float64  // imports of a producer; an importer's follow from its balance
	sold           float64  // exports of an importer; a producer's follow from its balance
	early          float64  // production of 1960 as a part of today's
	middle         int      // season in which half the way from there was gone
	soluble        float64  // of exports
	stocks         float64  // carried over, of production or, for importers, use
	gapFrom, gapTo int      // seasons that the file leaves out
	since          circular // 0: always in the file
}

const (
	always  = 1960
	trade   = 2002                 // importers' series begin with 2002/03
	widened = circular(2023*2 + 1) // December 2023 brought nine more countries
)

// countries stand in the order of the file, by name. Codes are USDA's own, not
// ISO's. The magnitudes are round on purpose: they are nobody's estimate.
var countries = [...]country{
	{code: "AL", name: "Albania", first: trade, use: 150, since: widened},
	{code: "AG", name: "Algeria", first: trade, use: 2000},
	{code: "AO", name: "Angola", first: always, robusta: 35, use: 10, early: 70, middle: 1976},
	{code: "AR", name: "Argentina", first: trade, use: 800},
	{code: "AM", name: "Armenia", first: trade, use: 250, since: widened},
	{code: "AS", name: "Australia", first: trade, use: 2100},
	{code: "DM", name: "Benin", first: always, gapFrom: 1993, gapTo: 2002},
	{code: "BL", name: "Bolivia", first: always, arabica: 90, use: 55, early: 0.9, middle: 1985},
	{code: "BK", name: "Bosnia and Herzegovina", first: trade, use: 400, since: widened},
	{code: "BR", name: "Brazil", first: always, arabica: 40000, robusta: 21000, use: 22000, bought: 80, early: 0.42, middle: 1998, soluble: 0.1, stocks: 0.07},
	{code: "BY", name: "Burundi", first: always, arabica: 230, use: 15, early: 1.4, middle: 2000},
	{code: "CM", name: "Cameroon", first: always, arabica: 45, robusta: 420, use: 90, early: 2.2, middle: 1995, stocks: 0.08},
	{code: "CA", name: "Canada", first: trade, use: 5000},
	{code: "CT", name: "Central African Republic", first: always, robusta: 1, early: 150, middle: 1996},
	{code: "CI", name: "Chile", first: trade, use: 250},
	{code: "CH", name: "China", first: trade, arabica: 1900, use: 5000, sold: 1200, early: 0.1, middle: 2010, soluble: 0.3, stocks: 0.12},
	{code: "CO", name: "Colombia", first: always, arabica: 12000, use: 2100, bought: 1900, early: 0.62, middle: 1984, soluble: 0.08, stocks: 0.06},
	{code: "CF", name: "Congo (Brazzaville)", first: always, robusta: 1, early: 20, middle: 1990},
	{code: "CG", name: "Congo (Kinshasa)", first: always, arabica: 80, robusta: 170, use: 120, early: 4.5, middle: 1994},
	{code: "CS", name: "Costa Rica", first: always, arabica: 1400, use: 420, bought: 150, early: 0.8, middle: 1980, stocks: 0.03},
	{code: "IV", name: "Cote d'Ivoire", first: always, robusta: 1100, use: 60, early: 2.6, middle: 1999, soluble: 0.3, stocks: 0.02},
	{code: "HR", name: "Croatia", first: trade},
	{code: "CU", name: "Cuba", first: always, arabica: 110, use: 85, early: 5, middle: 1993},
	{code: "DR", name: "Dominican Republic", first: always, arabica: 130, use: 110, early: 4.6, middle: 2000},
	{code: "EC", name: "Ecuador", first: always, arabica: 110, robusta: 250, use: 320, bought: 430, early: 2.3, middle: 1998, soluble: 0.85, stocks: 0.2},
	{code: "EG", name: "Egypt", first: trade, use: 350},
	{code: "ES", name: "El Salvador", first: always, arabica: 600, use: 240, bought: 220, early: 3.2, middle: 1996, soluble: 0.02, stocks: 0.03},
	{code: "EK", name: "Equatorial Guinea", first: always, robusta: 1, early: 60, middle: 1975},
	{code: "ET", name: "Ethiopia", first: always, arabica: 8000, use: 3500, early: 0.33, middle: 2000, stocks: 0.03},
	{code: "E4", name: "European Union", first: trade, use: 42000, sold: 3400, soluble: 0.4, stocks: 0.3},
	{code: "GB", name: "Gabon", first: always, robusta: 1, early: 12, middle: 1990, gapFrom: 2004, gapTo: 2004},
	{code: "GG", name: "Georgia", first: trade, use: 180, since: widened},
	{code: "GH", name: "Ghana", first: always, robusta: 8, early: 5, middle: 1990},
	{code: "GT", name: "Guatemala", first: always, arabica: 3500, robusta: 120, use: 580, bought: 240, early: 0.45, middle: 1979, stocks: 0.05},
	{code: "GU", name: "Guinea", first: always, robusta: 120, use: 15, early: 1.7, middle: 1995, stocks: 0.05},
	{code: "GY", name: "Guyana", first: always, robusta: 1, early: 10, middle: 1985, gapFrom: 2005, gapTo: 2005},
	{code: "HA", name: "Haiti", first: always, arabica: 330, use: 310, early: 1.6, middle: 1992},
	{code: "HO", name: "Honduras", first: always, arabica: 6000, use: 370, bought: 20, early: 0.06, middle: 1997, stocks: 0.03},
	{code: "IN", name: "India", first: always, arabica: 1400, robusta: 4700, use: 1300, bought: 1400, early: 0.18, middle: 1989, soluble: 0.33, stocks: 0.05},
	{code: "ID", name: "Indonesia", first: always, arabica: 1300, robusta: 9700, use: 4700, bought: 1000, early: 0.18, middle: 1985, soluble: 0.15, stocks: 0.09},
	{code: "IR", name: "Iran", first: 2007, use: 700},
	{code: "JM", name: "Jamaica", first: always, arabica: 18, use: 6, early: 1.6, middle: 1995},
	{code: "JA", name: "Japan", first: trade, use: 7100, stocks: 0.4},
	{code: "JO", name: "Jordan", first: trade, use: 750},
	{code: "KZ", name: "Kazakhstan", first: trade, use: 320},
	{code: "KE", name: "Kenya", first: always, arabica: 780, use: 65, bought: 15, early: 1.3, middle: 1996, stocks: 0.15},
	{code: "KS", name: "Korea, South", first: trade, use: 3300},
	{code: "KV", name: "Kosovo", first: trade, use: 200, since: widened},
	{code: "LA", name: "Laos", first: 1983, robusta: 500, use: 85, early: 0.1, middle: 2003},
	{code: "LI", name: "Liberia", first: always, robusta: 5, early: 15, middle: 1990},
	{code: "MA", name: "Madagascar", first: always, arabica: 30, robusta: 310, use: 310, early: 2.8, middle: 1999},
	{code: "MI", name: "Malawi", first: always, arabica: 12, use: 1, early: 1, middle: 1990},
	{code: "MY", name: "Malaysia", first: always, robusta: 1900, use: 700, bought: 1600, early: 0.03, middle: 2004, soluble: 1},
	{code: "MX", name: "Mexico", first: always, arabica: 3300, robusta: 500, use: 2600, bought: 1900, early: 0.6, middle: 1975, soluble: 0.35, stocks: 0.02},
	{code: "MJ", name: "Montenegro", first: trade, use: 60, since: widened},
	{code: "MO", name: "Morocco", first: trade, use: 900},
	{code: "NC", name: "New Caledonia", first: always, robusta: 1, early: 30, middle: 1985, gapFrom: 2000, gapTo: 2002},
	{code: "NZ", name: "New Zealand", first: trade, use: 550},
	{code: "NU", name: "Nicaragua", first: always, arabica: 2600, robusta: 90, use: 170, bought: 30, early: 0.2, middle: 1999, soluble: 0.03, stocks: 0.04},
	{code: "NI", name: "Nigeria", first: always, robusta: 20, early: 3, middle: 1990},
	{code: "MK", name: "North Macedonia", first: trade, use: 130, since: widened},
	{code: "NO", name: "Norway", first: trade, use: 760},
	{code: "PN", name: "Panama", first: always, arabica: 95, use: 90, bought: 35, early: 1, middle: 1998},
	{code: "PP", name: "Papua New Guinea", first: always, arabica: 720, robusta: 45, use: 45, early: 0.08, middle: 1976, stocks: 0.05},
	{code: "PA", name: "Paraguay", first: always, arabica: 2, early: 25, middle: 1992},
	{code: "PE", name: "Peru", first: always, arabica: 4000, use: 220, bought: 110, early: 0.17, middle: 1997, stocks: 0.03},
	{code: "RP", name: "Philippines", first: always, arabica: 30, robusta: 450, use: 6800, bought: 6300, early: 2.2, middle: 2000, stocks: 0.07},
	{code: "RS", name: "Russia", first: trade, use: 4200},
	{code: "RW", name: "Rwanda", first: always, arabica: 320, early: 0.9, middle: 1990},
	{code: "SA", name: "Saudi Arabia", first: trade, use: 1300},
	{code: "SG", name: "Senegal", first: trade, use: 350, since: widened},
	{code: "RB", name: "Serbia", first: trade, use: 800},
	{code: "SL", name: "Sierra Leone", first: always, robusta: 60, use: 10, early: 1.6, middle: 1992},
	{code: "SN", name: "Singapore", first: trade, use: 150},
	{code: "SF", name: "South Africa", first: trade, use: 800},
	{code: "CE", name: "Sri Lanka", first: always, robusta: 20, use: 20, early: 1.5, middle: 1990},
	{code: "SZ", name: "Switzerland", first: trade, use: 1500, sold: 1800, soluble: 0.1},
	{code: "TW", name: "Taiwan", first: trade, use: 680},
	{code: "TZ", name: "Tanzania", first: always, arabica: 650, robusta: 500, use: 75, bought: 8, early: 0.5, middle: 1980, stocks: 0.3},
	{code: "TH", name: "Thailand", first: always, robusta: 720, use: 850, bought: 1100, early: 0.06, middle: 1986, soluble: 1},
	{code: "TO", name: "Togo", first: always, robusta: 55, early: 3, middle: 1998},
	{code: "TD", name: "Trinidad and Tobago", first: always, robusta: 2, use: 2, early: 20, middle: 1990},
	{code: "TU", name: "Turkey", first: trade, use: 1300},
	{code: "UG", name: "Uganda", first: always - 1, arabica: 900, robusta: 5600, use: 160, early: 0.3, middle: 2005, stocks: 0.06},
	{code: "UP", name: "Ukraine", first: trade, use: 1200},
	{code: "UK", name: "United Kingdom", first: 2016, use: 3600},
	{code: "US", name: "United States", first: always - 1, arabica: 45, use: 26500, sold: 600, early: 4, middle: 1995, soluble: 0.2, stocks: 0.23},
	{code: "UY", name: "Uruguay", first: trade, use: 70, since: widened},
	{code: "VE", name: "Venezuela", first: always, arabica: 520, use: 500, bought: 5, early: 1.8, middle: 2002, stocks: 0.02},
	{code: "VM", name: "Vietnam", first: always, arabica: 1100, robusta: 28500, use: 3200, bought: 550, early: 0.003, middle: 2001, soluble: 0.09, stocks: 0.1},
	{code: "YM", name: "Yemen", first: 1991, arabica: 110, use: 90, early: 1.2, middle: 2000},
	{code: "YE", name: "Yemen (Sanaa)", first: always, last: 1990, arabica: 70, use: 12, early: 1, middle: 1985},
	{code: "ZA", name: "Zambia", first: always, arabica: 10, early: 3, middle: 1990},
	{code: "RH", name: "Zimbabwe", first: always, arabica: 12, early: 6, middle: 1998},
}
