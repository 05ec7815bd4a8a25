// Package web is the dashboard: pages written on the server from the published
// serving file, readable without JavaScript, on paper and by screen readers.
//
// It must never open the lakehouse or the landing zone, never write a database,
// never put a value from outside into SQL text, and never offer prices for
// download: their licence does not allow it.
package web
