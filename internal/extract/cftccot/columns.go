package cftccot

import "fmt"

const (
	// dateColumn is the report date's name since 2013; before it was another.
	dateColumn = "Report_Date_as_YYYY-MM-DD"
	codeColumn = "CFTC_Contract_Market_Code"
)

func categories() []string {
	return []string{"Prod_Merc", "Swap", "M_Money", "Other_Rept", "Tot_Rept", "NonRept"}
}

// spreads says whether a category can hold a long and a short at once.
func spreads(category string) bool {
	return category == "Swap" || category == "M_Money" || category == "Other_Rept"
}

func sides(category string) []string {
	if spreads(category) {
		return []string{"Long", "Short", "Spread"}
	}
	return []string{"Long", "Short"}
}

// position is the name of a column of positions; crop is All, Old or Other.
func position(category, side, crop string) string {
	if category == "Swap" && side != "Long" {
		category = "Swap_" // two underscores, upstream's own
	}
	return category + "_Positions_" + side + "_" + crop
}

// columns are the header of every file seen from 2010 to 2024, in its order.
func columns() []string {
	all := []string{"Market_and_Exchange_Names", "As_of_Date_In_Form_YYMMDD", dateColumn, codeColumn, "CFTC_Market_Code",
		"CFTC_Region_Code", "CFTC_Commodity_Code"}
	crops := []string{"All", "Old", "Other"}
	each := func(list []string, name func(category, side string) string) {
		for _, c := range list {
			for _, side := range sides(c) {
				all = append(all, name(c, side))
			}
		}
	}
	for _, crop := range crops {
		all = append(all, "Open_Interest_"+crop)
		each(categories(), func(c, side string) string { return position(c, side, crop) })
	}
	all = append(all, "Change_in_Open_Interest_All")
	each(categories(), func(c, side string) string { return "Change_in_" + c + "_" + side + "_All" })
	for _, crop := range crops {
		all = append(all, "Pct_of_Open_Interest_"+crop)
		each(categories(), func(c, side string) string { return "Pct_of_OI_" + c + "_" + side + "_" + crop })
	}
	for _, crop := range crops {
		all = append(all, "Traders_Tot_"+crop)
		each(categories()[:5], func(c, side string) string { return "Traders_" + c + "_" + side + "_" + crop })
	}
	for _, crop := range crops {
		for _, kind := range []string{"Gross", "Net"} {
			for _, traders := range []int{4, 8} {
				for _, side := range []string{"Long", "Short"} {
					all = append(all, fmt.Sprintf("Conc_%s_LE_%d_TDR_%s_%s", kind, traders, side, crop))
				}
			}
		}
	}
	return append(all, "Contract_Units", "CFTC_Contract_Market_Code_Quotes", "CFTC_Market_Code_Quotes", "CFTC_Commodity_Code_Quotes",
		"CFTC_SubGroup_Code", "FutOnly_or_Combined")
}
