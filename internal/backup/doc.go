// Package backup copies the landing zone and its state into an S3 bucket, reads
// it back to see that it is still there and whole, and restores a machine from
// it.
//
// The bucket is append-only: an object is written once, under the condition
// that there is none of its name. Nothing here can delete, and no run compares
// the bucket with the disk in order to make the bucket follow: what is lost or
// changed on this machine stays as it was over there.
//
//	{prefix}landing/{path}                       landed files, as they lie on disk
//	{prefix}landing/.manifest/{year}/{run}.jsonl their manifests
//	{prefix}landing/.decisions/{source}/{id}.json
//	{prefix}state/{year}/{stamp}-{hash12}.sqlite.gz   copies of .state.sqlite
//
// Each object carries the SHA-256 of its bytes as metadata; the journal keeps
// it too, and manifests know the content of every landed file. So tampering
// must change three places alike, of which one is on another machine.
//
// It must never delete or overwrite an object, never overwrite a file, never
// print a key, and never upload a file that is not what its manifest says.
package backup
