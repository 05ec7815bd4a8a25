// Package xls reads the cells of an old Excel workbook: BIFF8 records in an OLE2
// compound file, as ICE publishes its stock reports (MS-CFB, MS-XLS).
//
// It reads values only: text, numbers, dates as numbers, booleans, error codes
// and the results that formulas had when the file was saved. What a cell looks
// like, and charts, macros and links are none of its business.
//
// A workbook comes from outside, so nothing in it is believed: chains of sectors
// are cut at the number of sectors that the file has, offsets and counts are
// checked against what is there, and cells are counted against MaxCells. A damaged
// file is an error, never a part of its cells.
//
// It must never panic, never use more memory than a small multiple of the file,
// never compute a formula, and never import another package of ours.
package xls
